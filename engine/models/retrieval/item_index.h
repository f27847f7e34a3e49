// Nearest-neighbor search over item vectors: one interface for exact search, a graph (HNSW) and
// inverted lists (IVF). An index answers with the items whose vectors have the largest product with
// a query; vectors of length 1 (VectorsOf) make that the cosine.
//
// All kinds: lists are ordered by (score descending, item id ascending), NaN is never in one; a
// list is shorter than k only where fewer items may be in it; answers depend on neither threads nor
// on which queries are asked together. Scores are exact products, of exact and ivf to the same
// bits, of hnsw to 1e-6: only which items are found is approximate.
#ifndef UNDULA_MODELS_RETRIEVAL_ITEM_INDEX_H_
#define UNDULA_MODELS_RETRIEVAL_ITEM_INDEX_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/tensor_map.h"
#include "models/score/tile_scorer.h"
#include "models/scorer.h"
#include "propagation/simd/panel_scan.h"

namespace undula::models {

struct IndexOptions {
  std::string kind = "hnsw";  // "exact", "hnsw" or "ivf"
  double recall = 0.95;       // of the best 10: the search width is set to reach it
  int64_t width = 0;          // hnsw: nodes kept, ivf: lists read; 0: by `recall`
  int64_t links = 16;         // hnsw: of a node (twice as many on the lowest level)
  int64_t build_width = 200;  // hnsw: candidates for a node's links
  int64_t lists = 0;          // ivf; 0: 4 sqrt(items)
  int64_t seed = 1;
};
const OptionTable& IndexOptionTable();

// What is searched.
struct IndexVectors {
  int64_t dim = 0;
  std::vector<ItemId> items;  // ascending
  std::vector<float> values;  // [items, dim]
  int64_t rows() const { return static_cast<int64_t>(items.size()); }
  std::span<const float> row(int64_t r) const {
    return std::span(values).subspan(static_cast<size_t>(r * dim), static_cast<size_t>(dim));
  }
};

// The vectors of all items that have one, scaled to length 1 (zeros stay). Unimplemented: the model
// has none.
absl::StatusOr<IndexVectors> VectorsOf(const Scorer& scorer, std::string_view model_title);
// Scales to length 1, in double.
void Normalize(std::span<float> vector);

struct IndexQuery {
  std::span<const float> vector;  // [dim]
  ItemMask mask;
  double share = 1;  // of the items that mask.allow and mask.deny let through, about
};

// Memory of one searching thread; keep it between calls. Belongs to one index.
struct IndexScratch {
  std::vector<float> queries;
  std::vector<propagation::simd::PanelHit> hits;
  std::vector<uint16_t> visited;  // hnsw: the epoch in which a node was last seen
  uint16_t epoch = 0;
  std::vector<std::pair<float, uint32_t>> pool;
  std::vector<uint32_t> nodes;
  std::vector<const float*> rows;
  std::vector<float> scores;
};

// Immutable, thread-safe.
class ItemIndex {
 public:
  virtual ~ItemIndex() = default;
  virtual std::string_view kind() const = 0;
  virtual int64_t bytes() const = 0;  // of the index, its copy of the vectors included
  // The best k for each query, out[i] of queries[i]. k < 1 gives empty lists.
  virtual void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                      std::vector<std::vector<ScoredItem>>* out) const = 0;
  // How much is looked at for a list of 10, and by how much more for longer ones.
  virtual int64_t width() const { return 0; }
  virtual void set_width(int64_t /*width*/) {}
  // Tensors under kIndexPrefix. What they are made from is not stored: the vectors.
  virtual void Save(TensorMap* out) const = 0;

  int64_t dim() const { return dim_; }
  int64_t items() const { return static_cast<int64_t>(items_.size()); }
  const std::vector<ItemId>& item_ids() const { return items_; }  // ascending
  bool contains(ItemId item) const { return RowOf(item) >= 0; }
  // The item's vector, in out[dim]; false where it has none.
  bool VectorOf(ItemId item, float* out) const;

 protected:
  explicit ItemIndex(const IndexVectors& vectors) : dim_(vectors.dim), items_(vectors.items) {}
  // Of an item, or -1.
  int64_t RowOf(ItemId item) const;
  virtual void CopyRow(int64_t row, float* out) const = 0;

  int64_t dim_;
  std::vector<ItemId> items_;  // of each row, ascending
};

inline constexpr std::string_view kIndexPrefix = "derived/index/";

// What BuildIndex found out.
struct IndexFacts {
  int64_t width = 0;
  double recall = 1;  // of the best 10 of items that did not choose the width
};

// InvalidArgument: no vectors, or options out of range. Cancelled by progress.
absl::StatusOr<std::unique_ptr<ItemIndex>> BuildIndex(IndexVectors vectors,
                                                      const IndexOptions& options,
                                                      TaskArena& workers, Progress* progress,
                                                      IndexFacts* facts);

// Writes what LoadIndex needs beside the vectors: tensors, and "index.*" of the metadata.
void SaveIndex(const ItemIndex& index, const IndexOptions& options, const IndexFacts& facts,
               TensorMap* out);
// Takes an index that was stored out of the map; nothing where there is none.
void DropIndex(TensorMap* map);
// Whether SaveIndex wrote to `in`, and the options it was built with.
bool HasIndex(const TensorMap& in);
IndexOptions StoredIndexOptions(const TensorMap& in);
// DataLoss names what does not fit: a tensor that is missing or damaged, links to items that are
// not there, other vectors than it was built on.
absl::StatusOr<std::unique_ptr<ItemIndex>> LoadIndex(IndexVectors vectors, const TensorMap& in);

// Search for many queries at once, in parallel.
void SearchAll(const ItemIndex& index, std::span<const IndexQuery> queries, int64_t k,
               TaskArena& workers, std::vector<std::vector<ScoredItem>>* out);

// Mean share of the exact best k that `index` finds, for items as queries (themselves left out).
double MeasureRecall(const ItemIndex& index, const ItemIndex& exact, std::span<const ItemId> asked,
                     int64_t k, TaskArena& workers);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_ITEM_INDEX_H_
