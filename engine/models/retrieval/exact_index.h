// Exact search: every vector is looked at.
#ifndef UNDULA_MODELS_RETRIEVAL_EXACT_INDEX_H_
#define UNDULA_MODELS_RETRIEVAL_EXACT_INDEX_H_

#include <vector>

#include "models/retrieval/item_index.h"
#include "models/retrieval/panel_rank.h"

namespace undula::models {

class ExactIndex final : public ItemIndex {
 public:
  explicit ExactIndex(const IndexVectors& vectors)
      : ItemIndex(vectors), panels_(vectors.values, vectors.dim) {}

  std::string_view kind() const override { return "exact"; }
  int64_t bytes() const override { return panels_.bytes(); }
  void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
              std::vector<std::vector<ScoredItem>>* out) const override {
    RankPanels(panels_, items_, queries, k, scratch, out);
  }
  void Save(TensorMap* /*out*/) const override {}

 private:
  void CopyRow(int64_t row, float* out) const override { panels_.CopyRow(row, out); }

  VectorPanels panels_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_EXACT_INDEX_H_
