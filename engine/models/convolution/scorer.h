// Scores of PinSAGE and GraphSAGE: the vectors of all items, made once, times a user's vector.
#ifndef UNDULA_MODELS_CONVOLUTION_SCORER_H_
#define UNDULA_MODELS_CONVOLUTION_SCORER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "models/convolution/conv_model.h"
#include "models/scorer.h"

namespace undula::models {

class ConvScorer final : public Scorer {
 public:
  // `model` is the scorer's own copy; all items' (and users') vectors are made with `workers`.
  static absl::StatusOr<std::unique_ptr<Scorer>> Create(std::unique_ptr<ConvModel> model,
                                                        TaskArena& workers);

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& scratch) const override;
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& scratch) const override;
  std::span<const float> ItemVector(ItemId item) const override;
  uint32_t n_users() const override { return state().n_users; }
  uint32_t n_items() const override { return state().n_items; }
  bool KnowsUser(UserId user) const override {
    return Index(user) < n_users() && !state().known.of(user).empty();
  }

 private:
  explicit ConvScorer(std::unique_ptr<ConvModel> model);
  const ConvState& state() const { return model_->state(); }
  absl::Status Prepare(TaskArena& workers);
  // The user's vector [d], from the scratch memory or of a known user.
  absl::StatusOr<const float*> VectorOf(const UserQuery& query, propagation::Arena& scratch) const;
  const float* MeanOf(std::span<const ItemId> history, propagation::Arena& scratch) const;
  absl::StatusOr<const float*> NewUser(std::span<const ItemId> history,
                                       propagation::Arena& scratch) const;

  std::unique_ptr<ConvModel> model_;
  int64_t dim_ = 0;
  std::vector<float> items_, transposed_;  // [n, d], [d, n]
  std::vector<float> users_;               // [n, d]
  // GraphSAGE: what each layer reads of items, to fold in users unseen in training. [layer][n, d]
  std::vector<std::vector<float>> below_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_SCORER_H_
