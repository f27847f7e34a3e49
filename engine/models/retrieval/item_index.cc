#include "models/retrieval/item_index.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/derived_tensors.h"
#include "base/rng.h"
#include "base/scratch_pool.h"
#include "base/status.h"
#include "models/retrieval/exact_index.h"
#include "models/retrieval/hnsw_index.h"
#include "models/retrieval/ivf_index.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(IndexOptions, kind, kChoice, 0, 0, "exact|hnsw|ivf",
                  "every vector, a graph of near neighbors, lists around centroids"),
    UNDULA_OPTION(IndexOptions, recall, kFloat, 0.01, 1, "",
                  "share of the best 10 to be found; the search width is set by it"),
    UNDULA_OPTION(IndexOptions, width, kInt, 0, 1e6, "",
                  "hnsw: nodes kept in a search, ivf: lists read; 0: by recall"),
    UNDULA_OPTION(IndexOptions, links, kInt, 2, 256, "", "hnsw: links of a node"),
    UNDULA_OPTION(IndexOptions, build_width, kInt, 8, 10000, "",
                  "hnsw: candidates for a node's links"),
    UNDULA_OPTION(IndexOptions, lists, kInt, 0, 1e6, "", "ivf; 0: 4 sqrt(items)"),
    UNDULA_OPTION(IndexOptions, seed, kInt, 0, 1e9, "", "of levels and first centroids"),
};

constexpr const char* kItems = "index.items";
constexpr const char* kDim = "index.dim";
constexpr const char* kWidth = "index.search_width";
constexpr int64_t kRecallAt = 10;

int64_t Number(const TensorMap& in, const char* key) {
  const auto it = in.metadata.find(key);
  return it == in.metadata.end() ? -1 : std::atoll(it->second.c_str());
}

// The width that reaches the recall, by trial on `asked`.
void ChooseWidth(ItemIndex* index, const ItemIndex& exact, std::span<const ItemId> asked,
                 double recall, int64_t first, int64_t most, TaskArena& workers) {
  for (int64_t width = first;; width = std::min(most, width + std::max<int64_t>(1, width / 4))) {
    index->set_width(width);
    if (width >= most || MeasureRecall(*index, exact, asked, kRecallAt, workers) >= recall) return;
  }
}

}  // namespace

const OptionTable& IndexOptionTable() {
  static constexpr OptionTable table{"index", kFields};
  return table;
}

void Normalize(std::span<float> vector) {
  double sum = 0;
  for (const float x : vector) sum += double{x} * x;
  if (!(sum > 0)) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(x * scale);
}

absl::StatusOr<IndexVectors> VectorsOf(const Scorer& scorer, std::string_view model_title) {
  IndexVectors out;
  for (uint32_t i = 0; i < scorer.n_items(); ++i) {
    const std::span<const float> vector = scorer.ItemVector(ItemId{i});
    if (vector.empty()) continue;
    if (out.dim == 0) out.dim = static_cast<int64_t>(vector.size());
    if (static_cast<int64_t>(vector.size()) != out.dim) continue;
    if (!std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); })) {
      continue;
    }
    out.items.push_back(ItemId{i});
    out.values.insert(out.values.end(), vector.begin(), vector.end());
    Normalize(std::span(out.values).last(vector.size()));
  }
  if (!out.items.empty()) return out;
  return UnimplementedError(model_title,
                            " has no item vectors; train a model with vectors "
                            "(undula models list)");
}

int64_t ItemIndex::RowOf(ItemId item) const {
  const auto at = std::lower_bound(items_.begin(), items_.end(), item);
  return at == items_.end() || *at != item ? -1 : at - items_.begin();
}

bool ItemIndex::VectorOf(ItemId item, float* out) const {
  const int64_t row = RowOf(item);
  if (row < 0) return false;
  CopyRow(row, out);
  return true;
}

absl::StatusOr<std::unique_ptr<ItemIndex>> BuildIndex(IndexVectors vectors,
                                                      const IndexOptions& options,
                                                      TaskArena& workers, Progress* progress,
                                                      IndexFacts* facts) {
  *facts = {};
  if (vectors.rows() == 0) return InvalidArgumentError("there are no vectors to index");
  auto exact = std::make_unique<ExactIndex>(vectors);
  if (options.kind == "exact") return std::unique_ptr<ItemIndex>(std::move(exact));
  const int64_t n = vectors.rows();
  std::unique_ptr<ItemIndex> index;
  int64_t first = kRecallAt, most = n;
  if (options.kind == "hnsw") {
    UNDULA_ASSIGN_OR_RETURN(HnswGraph graph, BuildHnswGraph(vectors, options, progress));
    index = std::make_unique<HnswIndex>(vectors, std::move(graph));
  } else {
    UNDULA_ASSIGN_OR_RETURN(IvfLists lists, TrainIvfLists(vectors, options, workers, progress));
    auto ivf = std::make_unique<IvfIndex>(vectors, std::move(lists));
    first = 1;
    most = ivf->lists();
    index = std::move(ivf);
  }
  // Items as queries: one half chooses the width, the other says what it is worth.
  constexpr int64_t kAsked = 500;
  std::vector<ItemId> asked;
  const Rng rng(static_cast<uint64_t>(options.seed), RngStream::kShuffle, 1);
  for (int64_t i = 0; i < std::min(n, 2 * kAsked); ++i) {
    const int64_t row = n <= 2 * kAsked ? i : rng.Below(i, static_cast<uint32_t>(n));
    asked.push_back(vectors.items[row]);
  }
  const auto half = asked.size() / 2;
  if (options.width > 0) {
    index->set_width(options.width);
  } else {
    ChooseWidth(index.get(), *exact, std::span(asked).first(std::max<size_t>(half, 1)),
                options.recall, std::min(first, most), most, workers);
  }
  facts->width = index->width();
  facts->recall = MeasureRecall(*index, *exact, std::span(asked).subspan(half), kRecallAt, workers);
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress, n, n, "building the index"));
  return index;
}

void SaveIndex(const ItemIndex& index, const IndexOptions& options, const IndexFacts& facts,
               TensorMap* out) {
  DropIndex(out);
  index.Save(out);
  for (const auto& [key, value] : GetOptions(IndexOptionTable(), &options)) {
    out->metadata[Concat("index.", key)] = value;
  }
  out->metadata[kItems] = std::to_string(index.items());
  out->metadata[kDim] = std::to_string(index.dim());
  out->metadata[kWidth] = std::to_string(facts.width);
  out->metadata["index.recall_measured"] = std::to_string(facts.recall);
}

void DropIndex(TensorMap* map) {
  std::erase_if(map->tensors, [](const auto& t) { return t.first.starts_with(kIndexPrefix); });
  std::erase_if(map->metadata, [](const auto& m) { return m.first.starts_with("index."); });
  map->metadata.erase(std::string(kDamagedTensors));
}

bool HasIndex(const TensorMap& in) { return in.metadata.contains(kItems); }

IndexOptions StoredIndexOptions(const TensorMap& in) {
  IndexOptions options;
  for (const OptionField& field : kFields) {
    const auto it = in.metadata.find(Concat("index.", field.name));
    if (it == in.metadata.end()) continue;
    // What a later version wrote and this one does not know keeps its default.
    SetOption(IndexOptionTable(), &options, field.name, it->second).IgnoreError();
  }
  return options;
}

absl::StatusOr<std::unique_ptr<ItemIndex>> LoadIndex(IndexVectors vectors, const TensorMap& in) {
  const int64_t items = Number(in, kItems), dim = Number(in, kDim), width = Number(in, kWidth);
  if (items != vectors.rows() || dim != vectors.dim || width < 0) {
    return DataLossError("the index is of ", items, " items with ", dim,
                         " dimensions, the model has ", vectors.rows(), " with ", vectors.dim);
  }
  const std::string kind = StoredIndexOptions(in).kind;
  std::unique_ptr<ItemIndex> index;
  if (kind == "exact") return std::unique_ptr<ItemIndex>(new ExactIndex(vectors));
  if (kind == "hnsw") {
    UNDULA_ASSIGN_OR_RETURN(HnswGraph graph, HnswIndex::LoadGraph(in, items));
    index = std::make_unique<HnswIndex>(vectors, std::move(graph));
  } else {
    UNDULA_ASSIGN_OR_RETURN(IvfLists lists, IvfIndex::Load(in, items, dim));
    index = std::make_unique<IvfIndex>(vectors, std::move(lists));
  }
  index->set_width(std::max<int64_t>(width, 1));
  return index;
}

void SearchAll(const ItemIndex& index, std::span<const IndexQuery> queries, int64_t k,
               TaskArena& workers, std::vector<std::vector<ScoredItem>>* out) {
  constexpr int64_t kTogether = 192;
  out->resize(queries.size());
  ScratchPool<IndexScratch> pool;
  workers.For(static_cast<int64_t>(queries.size()), kTogether, [&](int64_t begin, int64_t end) {
    auto scratch = pool.Take();
    std::vector<std::vector<ScoredItem>> found;
    index.Search(queries.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), k,
                 scratch.get(), &found);
    std::move(found.begin(), found.end(), out->begin() + begin);
    pool.Give(std::move(scratch));
  });
}

double MeasureRecall(const ItemIndex& index, const ItemIndex& exact, std::span<const ItemId> asked,
                     int64_t k, TaskArena& workers) {
  std::vector<float> vectors(asked.size() * static_cast<size_t>(index.dim()));
  std::vector<IndexQuery> queries;
  for (size_t i = 0; i < asked.size(); ++i) {
    const std::span<float> vector =
        std::span(vectors).subspan(i * index.dim(), static_cast<size_t>(index.dim()));
    if (exact.VectorOf(asked[i], vector.data())) queries.push_back({vector, {asked.subspan(i, 1)}});
  }
  std::vector<std::vector<ScoredItem>> found, best;
  SearchAll(index, queries, k, workers, &found);
  SearchAll(exact, queries, k, workers, &best);
  double sum = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (best[i].empty()) {
      sum += 1;
      continue;
    }
    // Another item of the same score is as good.
    const float least = best[i].back().score - 1e-6f * std::abs(best[i].back().score);
    const auto hits = std::count_if(found[i].begin(), found[i].end(),
                                    [&](const ScoredItem& s) { return s.score >= least; });
    sum += static_cast<double>(hits) / static_cast<double>(best[i].size());
  }
  return queries.empty() ? 1 : sum / static_cast<double>(queries.size());
}

}  // namespace undula::models
