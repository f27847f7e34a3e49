// Inverted lists: the vectors in groups around centroids of k-means; a search reads the lists whose
// centroids have the largest products with the query. Sivic, Zisserman, "Video Google", ICCV 2003;
// Jegou, Douze, Schmid, IEEE TPAMI 33(1), 2011, section IV (without their codes).
#ifndef UNDULA_MODELS_RETRIEVAL_IVF_INDEX_H_
#define UNDULA_MODELS_RETRIEVAL_IVF_INDEX_H_

#include <vector>

#include "models/retrieval/item_index.h"
#include "models/retrieval/panel_rank.h"

namespace undula::models {

struct IvfLists {
  std::vector<float> centroids;   // [lists, dim]
  std::vector<uint32_t> list_of;  // [rows]
};

// k-means (Lloyd, from rows drawn by the seed, on at most 64 rows a list). The same bits for any
// number of threads. Cancelled.
absl::StatusOr<IvfLists> TrainIvfLists(const IndexVectors& vectors, const IndexOptions& options,
                                       TaskArena& workers, Progress* progress);

class IvfIndex final : public ItemIndex {
 public:
  IvfIndex(const IndexVectors& vectors, IvfLists lists);

  std::string_view kind() const override { return "ivf"; }
  int64_t bytes() const override;
  // Queries asked together share the reading of a list.
  void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
              std::vector<std::vector<ScoredItem>>* out) const override;
  int64_t width() const override { return width_; }
  void set_width(int64_t width) override { width_ = width; }
  int64_t lists() const { return centroid_panels_.rows(); }
  void Save(TensorMap* out) const override;
  // DataLoss as HnswIndex::LoadGraph.
  static absl::StatusOr<IvfLists> Load(const TensorMap& in, int64_t rows, int64_t dim);

 private:
  void CopyRow(int64_t row, float* out) const override;
  int64_t ListsToRead(const IndexQuery& query, int64_t k) const;
  // probes: (list, query), by list.
  void ReadLists(std::span<const IndexQuery> queries,
                 std::span<const std::pair<uint32_t, uint32_t>> probes, int64_t k,
                 IndexScratch* scratch, std::vector<std::vector<ScoredItem>>* out) const;

  IvfLists stored_;
  int64_t width_ = 8;
  VectorPanels centroid_panels_;
  std::vector<ItemId> list_ids_;    // 0, 1, ...: the "items" of the centroids
  std::vector<int64_t> panel_ptr_;  // [lists + 1]
  std::vector<float> panels_;       // [panels, dim, 16]
  std::vector<ItemId> slot_item_;   // [panels * 16], kNone: padding
  std::vector<uint32_t> slot_of_;   // [rows]
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_IVF_INDEX_H_
