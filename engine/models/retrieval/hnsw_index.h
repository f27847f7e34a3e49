// Search in a navigable small-world graph. Malkov, Yashunin, "Efficient and robust approximate
// nearest neighbor search using hierarchical navigable small world graphs", IEEE TPAMI 42(4), 2020.
// hnswlib builds the graph, one item after the other (the same graph for a seed whatever the
// threads); it is then laid out anew and searched here: nodes by level, then in the order of a
// breadth-first walk; a list of candidates in one sorted array; a node's neighbors scored together;
// filters inside the search.
#ifndef UNDULA_MODELS_RETRIEVAL_HNSW_INDEX_H_
#define UNDULA_MODELS_RETRIEVAL_HNSW_INDEX_H_

#include <memory>
#include <vector>

#include "models/retrieval/item_index.h"
#include "propagation/sample/huge_array.h"

namespace undula::models {

// The graph. Nodes are numbered so that those of the upper levels come first; node 0 is where a
// search begins.
struct HnswGraph {
  int64_t links = 0;                // of a node on an upper level; 2 links on the lowest
  std::vector<uint32_t> row;        // [nodes] the row of the vectors that a node stands for
  std::vector<int64_t> level_size;  // nodes [0, level_size[l]) are on level l; [0] is all
  std::vector<uint32_t> base;       // [nodes, 2 links], kNoIndex behind the last
  std::vector<uint32_t> upper;      // levels 1, 2, ...: [level_size[l], links] each

  // The links of a node on a level from 1 on.
  const uint32_t* Upper(size_t level, uint32_t node) const;
};

// ResourceExhausted: out of memory; Cancelled.
absl::StatusOr<HnswGraph> BuildHnswGraph(const IndexVectors& vectors, const IndexOptions& options,
                                         Progress* progress);

class HnswIndex final : public ItemIndex {
 public:
  // The graph must fit the vectors (CheckGraph).
  HnswIndex(const IndexVectors& vectors, HnswGraph graph);

  std::string_view kind() const override { return "hnsw"; }
  int64_t bytes() const override;
  void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
              std::vector<std::vector<ScoredItem>>* out) const override;
  int64_t width() const override { return width_; }
  void set_width(int64_t width) override { width_ = width; }
  void Save(TensorMap* out) const override;
  // DataLoss: a tensor is missing, of another shape, or names a node that is not there.
  static absl::StatusOr<HnswGraph> LoadGraph(const TensorMap& in, int64_t rows);

 private:
  void CopyRow(int64_t row, float* out) const override;
  const float* RowOfNode(uint32_t node) const { return rows_.data() + int64_t{node} * padded_; }
  void SearchOne(const IndexQuery& query, int64_t k, IndexScratch* scratch,
                 std::vector<ScoredItem>* out) const;
  uint32_t Descend(const float* query, IndexScratch* scratch) const;
  // The best `width` nodes that the walk meets, in scratch->pool. Where there is a mask, the best k
  // items that it lets through, in out.
  void WalkBase(const float* query, int64_t width, uint32_t entry, const ItemMask* mask, int64_t k,
                IndexScratch* scratch, std::vector<ScoredItem>* out) const;
  // Of all items that the mask lets through.
  void ScanAll(const float* query, const ItemMask& mask, int64_t k, IndexScratch* scratch,
               std::vector<ScoredItem>* out) const;

  HnswGraph graph_;                        // but for base
  int64_t width_ = 64, padded_;            // padded_: dimensions, up to a multiple of 16
  propagation::HugeArray<float> rows_;     // [nodes, padded]
  propagation::HugeArray<uint32_t> base_;  // [nodes, 2 links]
  std::vector<uint32_t> node_of_;          // [rows]
  propagation::simd::RowDotsKernel dots_ = propagation::simd::GetRowDots();
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_HNSW_INDEX_H_
