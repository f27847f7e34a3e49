// Scores of RippleNet for whole ranges of items: the forward pass with the items as the rows of the
// attention ("direct" form, exact for all modes; per (user, item) 2 M d H multiply-adds, which for
// d
// <= M no rearrangement beats: docs/models/ripplenet.md). float32 kernels of
// propagation/ops/group_attention_simd.h, so the bits of a score depend on user and item only.
#ifndef UNDULA_MODELS_RIPPLENET_SCORER_H_
#define UNDULA_MODELS_RIPPLENET_SCORER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/ripplenet/ripplenet.h"
#include "models/scorer.h"
#include "propagation/arena.h"
#include "propagation/ops/group_attention_simd.h"
#include "propagation/tensor.h"

namespace undula::models {

// Appends the distinct entities of the linked items, ascending: the seeds of hop 1. Items that the
// model does not know are left out.
void AppendSeeds(const RippleNetState& state, std::span<const ItemId> history,
                 std::vector<EntityId>* seeds);
// Appends hops rows of the slots behind one ripple set's edge numbers (none where it has no
// memory).
void AppendSlots(const EdgeCsr& graph, int hops, int memory, const uint32_t* edge,
                 std::vector<int64_t>* slot_ptr, std::vector<RippleTriple>* slots);

class RippleNetScorer final : public Scorer {
 public:
  // Copies the parameter values (converted to float32).
  RippleNetScorer(std::shared_ptr<const RippleNetState> state, const propagation::Tensor& entity,
                  const propagation::Tensor& relation, const propagation::Tensor& transform);

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& scratch) const override;
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& scratch) const override;
  absl::StatusOr<Explanation> Explain(const UserQuery& query, ItemId item) const override;
  // hop counts from 1, as Explanation's "hop 1 first". A hop of which all slots are removed answers
  // with the zero vector.
  absl::StatusOr<float> ScoreWithout(const UserQuery& query, ItemId item, int hop,
                                     std::span<const AttentionSlot> removed) const override;
  std::span<const float> ItemVector(ItemId item) const override;
  absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> MakeDeviceRanker(
      propagation::Exec* exec) const override;
  uint32_t n_users() const override { return state_->n_users; }
  uint32_t n_items() const override { return state_->n_items; }
  bool KnowsUser(UserId user) const override { return state_->memory.knows(Index(user)); }

 private:
  // One user's memory: per hop the triples, counts and, laid out for the kernels, keys and values.
  struct UserMemory {
    std::vector<std::vector<RippleTriple>> triples;
    std::vector<std::vector<float>> counts;
    std::vector<propagation::AttentionSlots> slots;
  };

  absl::StatusOr<UserMemory> Recall(const UserQuery& query) const;
  // Keys and values of all slots, in the arena.
  void LayOut(UserMemory* memory, propagation::Arena& arena) const;
  // Scores rows of item vectors [rows][pad_]; weights (may be null): per hop, [rows][slot_pad].
  void ScoreRows(const UserMemory& memory, const float* items, int64_t rows, float* out,
                 std::vector<float*>* weights, propagation::Arena& scratch) const;
  const float* ItemRow(uint32_t item) const { return items_.data() + int64_t{item} * pad_; }
  // The triple as the store has it: inverse edges are turned back.
  AttentionSlot Stored(const RippleTriple& triple, float weight) const;

  std::shared_ptr<const RippleNetState> state_;
  int64_t dim_, pad_;              // d, d padded to 16
  std::vector<float> entity_;      // [entity_rows, d]
  std::vector<float> relation_t_;  // [relation_rows][d][pad_], R transposed
  std::vector<float> transform_;   // [d][pad_], or empty
  std::vector<float> items_;       // [n_items][pad_]
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_SCORER_H_
