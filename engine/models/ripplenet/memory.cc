#include "models/ripplenet/memory.h"

#include <algorithm>

#include "base/status.h"

namespace undula::models {
namespace {

// Numbers the distinct triples and pairs of `slots`.
void NumberTriples(std::span<const RippleTriple> slots, RippleMemory* memory,
                   std::vector<RippleTriple>* distinct) {
  distinct->assign(slots.begin(), slots.end());
  std::sort(distinct->begin(), distinct->end());
  distinct->erase(std::unique(distinct->begin(), distinct->end()), distinct->end());
  for (const RippleTriple& t : *distinct) {
    if (memory->pair_head.empty() || memory->pair_head.back() != t.head ||
        memory->pair_relation.back() != t.relation) {
      memory->pair_relation.push_back(t.relation);
      memory->pair_head.push_back(t.head);
    }
    memory->triple_pair.push_back(static_cast<uint32_t>(memory->pair_head.size() - 1));
    memory->triple_tail.push_back(t.tail);
  }
}

template <class T>
absl::StatusOr<std::span<const T>> Read(const TensorMap& in, const std::string& name, int64_t n) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError("ripplenet: the stored model lacks the tensor ", name);
  if (t->dtype != kDTypeOf<T> || t->shape.size() != 1 || (n >= 0 && t->shape[0] != n)) {
    return InvalidArgumentError("ripplenet: the tensor ", name, " has the wrong type or shape");
  }
  return std::span<const T>(t->data<T>(), static_cast<size_t>(t->shape[0]));
}

}  // namespace

RippleMemory MakeRippleMemory(int hops, std::span<const int64_t> slot_ptr,
                              std::span<const RippleTriple> slots, std::span<const float> counts,
                              SlotOrder order) {
  RippleMemory memory;
  memory.hops = hops;
  std::vector<RippleTriple> distinct;
  NumberTriples(slots, &memory, &distinct);
  std::vector<std::pair<uint32_t, float>> row;
  memory.slot_ptr.reserve(slot_ptr.size());
  for (size_t r = 0; r + 1 < slot_ptr.size(); ++r) {
    row.clear();
    for (int64_t i = slot_ptr[r]; i < slot_ptr[r + 1]; ++i) {
      const auto at = std::lower_bound(distinct.begin(), distinct.end(), slots[i]);
      row.emplace_back(static_cast<uint32_t>(at - distinct.begin()),
                       counts.empty() ? 1.0f : counts[i]);
    }
    if (order != SlotOrder::kAsGiven) std::sort(row.begin(), row.end());
    for (const auto& [triple, count] : row) {
      const bool merge = order == SlotOrder::kMerged &&
                         static_cast<int64_t>(memory.triple.size()) > memory.slot_ptr[r] &&
                         memory.triple.back() == triple;
      if (merge) {
        memory.count.back() += count;
      } else {
        memory.triple.push_back(triple);
        memory.count.push_back(count);
      }
    }
    memory.slot_ptr.push_back(memory.slots());
  }
  return memory;
}

void SaveRippleMemory(const RippleMemory& memory, TensorMap* out) {
  std::vector<uint32_t> head, relation, tail;
  for (const uint32_t number : memory.triple) {
    const RippleTriple t = memory.TripleOf(number);
    head.push_back(t.head);
    relation.push_back(t.relation);
    tail.push_back(t.tail);
  }
  const std::vector<int64_t> shape = {memory.slots()};
  out->tensors["state/ripple_ptr"] =
      MakeTensor({static_cast<int64_t>(memory.slot_ptr.size())}, memory.slot_ptr.data());
  out->tensors["state/ripple_head"] = MakeTensor(shape, head.data());
  out->tensors["state/ripple_relation"] = MakeTensor(shape, relation.data());
  out->tensors["state/ripple_tail"] = MakeTensor(shape, tail.data());
  out->tensors["state/ripple_count"] = MakeTensor(shape, memory.count.data());
}

absl::StatusOr<RippleMemory> LoadRippleMemory(const TensorMap& in, int hops, uint32_t n_users,
                                              uint32_t n_entities, uint32_t n_relations) {
  UNDULA_ASSIGN_OR_RETURN(const auto ptr,
                          Read<int64_t>(in, "state/ripple_ptr", int64_t{n_users} * hops + 1));
  UNDULA_ASSIGN_OR_RETURN(const auto head, Read<uint32_t>(in, "state/ripple_head", -1));
  const int64_t n = static_cast<int64_t>(head.size());
  UNDULA_ASSIGN_OR_RETURN(const auto relation, Read<uint32_t>(in, "state/ripple_relation", n));
  UNDULA_ASSIGN_OR_RETURN(const auto tail, Read<uint32_t>(in, "state/ripple_tail", n));
  UNDULA_ASSIGN_OR_RETURN(const auto count, Read<float>(in, "state/ripple_count", n));
  if (ptr.front() != 0 || ptr.back() != n || !std::is_sorted(ptr.begin(), ptr.end())) {
    return InvalidArgumentError("ripplenet: state/ripple_ptr does not fit its slots");
  }
  std::vector<RippleTriple> slots(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    if (head[i] >= n_entities || tail[i] >= n_entities || relation[i] >= n_relations ||
        !(count[i] > 0)) {
      return InvalidArgumentError("ripplenet: slot ", i,
                                  " of the stored ripple sets is out of range");
    }
    slots[i] = {relation[i], head[i], tail[i]};
  }
  // Slots were saved merged (or, without dedupe, on purpose not merged), in the order of the ids
  // that they had before a renumbering: scores depend on it.
  return MakeRippleMemory(hops, ptr, slots, count, SlotOrder::kAsGiven);
}

}  // namespace undula::models
