// The users' ripple sets as training and scoring read them: slots refer to distinct triples, and
// triples to distinct (relation, head) pairs, because the key R h of a slot depends on the pair
// only.
#ifndef UNDULA_MODELS_RIPPLENET_MEMORY_H_
#define UNDULA_MODELS_RIPPLENET_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula::models {

// (head, relation, tail) as numbers of the model: entity rows and relation matrices.
struct RippleTriple {
  uint32_t relation, head, tail;
  friend auto operator<=>(const RippleTriple&, const RippleTriple&) = default;
};

// Slots of hop k of user u: row u * hops + k of slot_ptr. Immutable once made.
struct RippleMemory {
  int32_t hops = 0;
  std::vector<int64_t> slot_ptr = {0};
  std::vector<uint32_t> triple;  // of each slot
  std::vector<float> count;      // how often the triple was drawn
  // Distinct triples, ascending by (relation, head, tail).
  std::vector<uint32_t> triple_pair, triple_tail;
  // Distinct pairs, ascending by (relation, head).
  std::vector<uint32_t> pair_relation, pair_head;

  int64_t n_users() const { return (static_cast<int64_t>(slot_ptr.size()) - 1) / hops; }
  int64_t slots() const { return static_cast<int64_t>(triple.size()); }
  bool knows(uint32_t user) const {
    return user < n_users() && slot_ptr[int64_t{user} * hops + 1] > slot_ptr[int64_t{user} * hops];
  }
  RippleTriple TripleOf(uint32_t number) const {
    const uint32_t pair = triple_pair[number];
    return {pair_relation[pair], pair_head[pair], triple_tail[number]};
  }
};

enum class SlotOrder : uint8_t {
  kMerged,   // ascending within a row, equal triples as one slot
  kSorted,   // ascending within a row
  kAsGiven,  // what was stored
};

// slot_ptr [users * hops + 1]; slots with their counts (empty: all 1). Sums over a row's slots, so
// scores, depend on their order to the last bits.
RippleMemory MakeRippleMemory(int hops, std::span<const int64_t> slot_ptr,
                              std::span<const RippleTriple> slots, std::span<const float> counts,
                              SlotOrder order);

// As tensors "state/ripple_*". Load checks shapes and ranges (InvalidArgument names the tensor).
void SaveRippleMemory(const RippleMemory& memory, TensorMap* out);
absl::StatusOr<RippleMemory> LoadRippleMemory(const TensorMap& in, int hops, uint32_t n_users,
                                              uint32_t n_entities, uint32_t n_relations);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_MEMORY_H_
