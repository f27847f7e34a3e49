// Scores of RippleNet for whole ranges of items: the forward pass with the items as the rows of the
// attention, in the form (score_form.h) that needs the fewest multiply-adds for the user's memory.
// float32 kernels of propagation/ops/group_attention_simd.h, so the bits of a score depend on user
// and item only.
#ifndef UNDULA_MODELS_RIPPLENET_SCORER_H_
#define UNDULA_MODELS_RIPPLENET_SCORER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/ripplenet/block_scores.h"
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
  // Copies the parameter values (converted to float32). form: kDirect or kBlock for every user, in
  // place of what ChooseForm says; for comparisons.
  RippleNetScorer(std::shared_ptr<const RippleNetState> state, const propagation::Tensor& entity,
                  const propagation::Tensor& relation, const propagation::Tensor& transform,
                  std::optional<ScoreForm> form = std::nullopt);

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
  // One hop of a user's memory. Views of an arena.
  struct Hop {
    std::span<RippleTriple> triples;
    std::span<float> counts;
  };
  // A user ready to be scored. Views of an arena.
  struct UserMemory {
    std::span<propagation::AttentionSlots> slots;  // of each hop
    BlockScores::User block;
    bool direct = true;
  };

  absl::StatusOr<std::span<Hop>> Recall(const UserQuery& query, propagation::Arena& arena) const;
  // Keys and values of all slots, and what the form makes of them.
  UserMemory LayOut(std::span<const Hop> hops, propagation::Arena& arena) const;
  // Scores rows of item vectors [rows][pad_]; weights (may be null): per hop, [rows][slot_pad].
  void ScoreRows(const UserMemory& memory, const float* items, int64_t rows, float* out,
                 float* const* weights, propagation::Arena& scratch) const;
  void ScoreDirect(const UserMemory& memory, const float* items, int64_t rows, float* out,
                   float* const* weights, propagation::Arena& scratch) const;
  const float* ItemRow(uint32_t item) const { return items_.data() + int64_t{item} * pad_; }
  // The triple as the store has it: inverse edges are turned back.
  AttentionSlot Stored(const RippleTriple& triple, float weight) const;

  std::shared_ptr<const RippleNetState> state_;
  int64_t dim_, pad_;              // d, d padded to 16
  std::vector<float> entity_;      // [entity_rows, d]
  std::vector<float> relation_t_;  // [relation_rows][d][pad_], R transposed
  std::vector<float> transform_;   // [d][pad_], or empty
  std::vector<float> items_;       // [n_items][pad_]
  std::optional<ScoreForm> form_;
  BlockScores block_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_SCORER_H_
