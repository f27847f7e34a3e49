// Exact ranking of vectors in panels for many queries at once: products and the comparison with the
// k-th best so far are one kernel (propagation/simd/panel_scan.h), so scores are never written.
#ifndef UNDULA_MODELS_RETRIEVAL_PANEL_RANK_H_
#define UNDULA_MODELS_RETRIEVAL_PANEL_RANK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/retrieval/item_index.h"

namespace undula::models {

// Rows in panels of 16, an even number of them, zeros behind the last row. Immutable.
class VectorPanels {
 public:
  VectorPanels() = default;
  // rows: [n, dim]. With `order`, row r is row order[r] of them.
  VectorPanels(std::span<const float> rows, int64_t dim, std::span<const uint32_t> order = {});

  int64_t rows() const { return rows_; }
  int64_t dim() const { return dim_; }
  int64_t panels() const;
  const float* panel(int64_t p) const {
    return values_.data() + p * propagation::simd::kPanelWidth * dim_;
  }
  void CopyRow(int64_t row, float* out) const;
  int64_t bytes() const { return static_cast<int64_t>(values_.size() * sizeof(float)); }

 private:
  int64_t rows_ = 0, dim_ = 0;
  std::vector<float> values_;  // [panels, dim, 16]
};

// The best k of one query, filled call by call of the kernel.
class HitList {
 public:
  // Room for this many hits is needed where the kernel is called with up to `rows` rows.
  static int64_t Room(int64_t k, int64_t rows) { return 2 * k + 2 * rows; }
  HitList(int64_t k, int64_t rows, const ItemMask& mask, propagation::simd::PanelHit* room);

  propagation::simd::PanelList* list() { return &list_; }
  // What the kernel appended since the last call: rows become items (items[row]; rows behind them
  // and kNone are padding), masks are applied, and what cannot be among the best k is dropped.
  void Take(std::span<const ItemId> items);
  void Finish(std::vector<ScoredItem>* out);

 private:
  bool MayRank(ItemId item) const;
  void Prune();

  int64_t k_, rows_, taken_ = 0;
  bool barred_ = false, masked_;
  ItemMask mask_;
  propagation::simd::PanelList list_;
};

// Packs up to kPanelQueries queries as the kernel wants them: [dim, n].
void PackQueries(std::span<const float* const> queries, int64_t dim, float* out);

// The best k of all rows for each query; items[r] is the item of row r, ascending.
void RankPanels(const VectorPanels& panels, std::span<const ItemId> items,
                std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                std::vector<std::vector<ScoredItem>>* out);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_PANEL_RANK_H_
