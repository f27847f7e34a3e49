// Exact search on a GPU (propagation/ops/rank_dot.h): the lists of ExactIndex, bit for bit.
#ifndef UNDULA_MODELS_RETRIEVAL_DEVICE_INDEX_H_
#define UNDULA_MODELS_RETRIEVAL_DEVICE_INDEX_H_

#include <memory>
#include <mutex>
#include <vector>

#include "models/retrieval/exact_index.h"
#include "models/retrieval/item_index.h"
#include "propagation/exec.h"
#include "propagation/ops/rank.h"

namespace undula::models {

// Searches that run at once take turns on the GPU. What it cannot answer (lists too long for a
// block, memory that has run out, a device that fails) the CPU answers from its own copy.
class DeviceIndex final : public ItemIndex {
 public:
  // `exec` must outlive it and be used by nothing else. Errors: those of MakeRanker.
  static absl::StatusOr<std::unique_ptr<ItemIndex>> Create(const IndexVectors& vectors,
                                                           propagation::Exec* exec);

  std::string_view kind() const override { return "exact"; }
  int64_t bytes() const override { return on_cpu_.bytes(); }
  void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
              std::vector<std::vector<ScoredItem>>* out) const override;
  void Save(TensorMap* /*out*/) const override {}

 private:
  DeviceIndex(const IndexVectors& vectors, std::unique_ptr<propagation::DeviceRanker> ranker)
      : ItemIndex(vectors), on_cpu_(vectors), ranker_(std::move(ranker)) {}
  // Queries with the same mask.allow and mask.deny, 1 <= k <= items().
  absl::Status SearchTogether(std::span<const IndexQuery> queries, int64_t k,
                              std::vector<ScoredItem>* out) const;
  void CopyRow(int64_t row, float* out) const override { on_cpu_.VectorOf(items_[row], out); }

  const ExactIndex on_cpu_;
  mutable std::mutex turn_;
  const std::unique_ptr<propagation::DeviceRanker> ranker_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_DEVICE_INDEX_H_
