// Scores of a trained KGCN or KGNN-LS. The user enters the graph only through x_r = exp(c u .
// rel_r), one number per relation, and the first layer's matrix is folded into the entities:
//   h^1_{u,e} = act(P_e + g sum_r x_r Q_{e,r} cnt_{e,r} / sum_r x_r cnt_{e,r}),
//   P_e = E_e W + b, Q_{e,r} = (mean of e's neighbors behind r) W
// With one hop a pair costs one row of Q per relation of the item and an activation: no neighbor is
// touched and no d x d product is left. With more hops layers are worked one after the other, each
// pair of a user and an entity once per call.
#ifndef UNDULA_MODELS_KGCN_SCORER_H_
#define UNDULA_MODELS_KGCN_SCORER_H_

#include <memory>
#include <span>
#include <vector>

#include "models/kgcn/kgcn.h"
#include "models/scorer.h"
#include "propagation/parameters.h"

namespace undula::models {

class KgcnScorer final : public Scorer {
 public:
  // Copies the parameters. The state is shared.
  KgcnScorer(std::shared_ptr<const KgcnState> state, const propagation::ParameterSet& parameters);

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& scratch) const override;
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& scratch) const override;
  // Hop k: the triples at distance k with the product of the weights on the way from the item. An
  // item without edges has no hops.
  absl::StatusOr<Explanation> Explain(const UserQuery& query, ItemId item) const override;
  // By the plain recursion: without anything removed the score to 1e-5, not to the bit.
  absl::StatusOr<float> ScoreWithout(const UserQuery& query, ItemId item, int hop,
                                     std::span<const AttentionSlot> removed) const override;
  // The vector of the item's entity, before any message.
  std::span<const float> ItemVector(ItemId item) const override;
  absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> MakeDeviceRanker(
      propagation::Exec* exec) const override;
  uint32_t n_users() const override { return state_->n_users; }
  uint32_t n_items() const override { return state_->n_items; }
  bool KnowsUser(UserId user) const override {
    return Index(user) < n_users() && state_->known[Index(user)] != 0;
  }

 private:
  class PlainTree;

  absl::Status CheckUser(const UserQuery& query) const;
  // x of the user, [relation_pad_], and the user's vector, [pad_].
  void LoadUser(uint32_t user, propagation::Arena& scratch, float** x, float** vector) const;
  // Scores of n entity rows.
  void ScoreRows(uint32_t user, const uint32_t* rows, int64_t n, float* out,
                 propagation::Arena& scratch) const;
  // h^l of n distinct entity rows, [n][pad_].
  float* Layer(int l, const float* x, const uint32_t* rows, int64_t n,
               propagation::Arena& scratch) const;

  std::shared_ptr<const KgcnState> state_;
  int64_t dim_, pad_, relation_pad_;
  float scale_, gain_;
  std::vector<float> user_;        // [n_users, d]
  std::vector<float> entity_;      // [rows, d]
  std::vector<float> relation_t_;  // [d][relation_pad_]
  // The first layer by entity row: P, and slots with their relation, count and Q.
  std::vector<float> base_;  // [rows][pad_]
  std::vector<int64_t> slot_ptr_;
  std::vector<uint32_t> slot_relation_;
  std::vector<float> slot_count_, slot_value_;  // slot_value_: [slots][pad_]
  // Layers 2 .. H: matrices of the own vector and of the message, [d][pad_], and biases, [pad_].
  std::vector<std::vector<float>> own_, message_, bias_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_SCORER_H_
