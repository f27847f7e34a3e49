// Scores of a sequence model: the vector of a history against all item vectors.
#ifndef UNDULA_MODELS_SEQUENCE_SCORER_H_
#define UNDULA_MODELS_SEQUENCE_SCORER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/scratch_pool.h"
#include "models/score/item_panels.h"
#include "models/scorer.h"
#include "models/sequence/sequence_model.h"
#include "propagation/exec.h"

namespace undula::models {

// A known user's history is that of training; a query's own history takes its place. Everything
// that does not depend on the history is made once: tables of all items, the item side.
class SequenceScorer final : public Scorer {
 public:
  // `model` is the scorer's own copy.
  static absl::StatusOr<std::unique_ptr<Scorer>> Create(std::unique_ptr<SequenceModel> model);

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& scratch) const override;
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& scratch) const override;
  const ItemPanels* item_panels() const override { return &panels_; }
  absl::Status QueryVectors(std::span<const UserQuery> queries, std::span<float> vectors,
                            std::span<absl::Status> status,
                            propagation::Arena& scratch) const override;
  absl::StatusOr<std::unique_ptr<QueryState>> NewState() const override;
  std::span<const float> ItemVector(ItemId item) const override;
  uint32_t n_users() const override { return model_->n_users(); }
  uint32_t n_items() const override { return model_->n_items(); }
  bool KnowsUser(UserId user) const override {
    return Index(user) < n_users() && !model_->HistoryOf(Index(user)).empty();
  }
  bool sequential() const override { return true; }

 private:
  // What the histories of a call are made into.
  struct Workspace {
    SequencePlan plan;
    SessionGraphCompiler compiler;
    SessionGraph graph;
    std::vector<std::span<const ItemId>> histories;
  };

  explicit SequenceScorer(std::unique_ptr<SequenceModel> model);
  absl::Status Prepare();
  // The tables as constants of the tape.
  SequenceModel::Tables Bind(propagation::Tape& tape) const;
  absl::StatusOr<std::span<const ItemId>> HistoryOf(const UserQuery& query) const;
  absl::Status VectorOf(const UserQuery& query, propagation::Arena& scratch,
                        std::vector<float>* vector) const;
  // The vectors of the workspace's histories, one behind the other.
  absl::StatusOr<propagation::Tensor> Encode(Workspace* workspace,
                                             propagation::Arena& scratch) const;

  std::unique_ptr<SequenceModel> model_;
  mutable propagation::Exec exec_;
  propagation::Arena arena_;  // of the tables
  // The values of the tables, in the order that the tables' members have.
  std::vector<propagation::Tensor> tables_;
  std::vector<float> items_;  // [n, dim]
  ItemPanels panels_;
  int64_t dim_ = 0;
  mutable ScratchPool<Workspace> workspaces_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SCORER_H_
