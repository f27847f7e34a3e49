#include "models/retrieval/hnsw_index.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace undula::models {
namespace {

constexpr int64_t kLane = propagation::simd::kPanelWidth;
constexpr uint32_t kExpanded = 0x80000000u;  // in a pool: the node's links have been followed
// Where the mask lets less than this share through, all of it is looked at.
constexpr double kScanShare = 0.05;

using Entry = std::pair<float, uint32_t>;

bool MayRank(const ItemMask& mask, ItemId item) {
  if (mask.allow != nullptr && !mask.allow->contains(item)) return false;
  if (mask.deny != nullptr && mask.deny->contains(item)) return false;
  return !std::binary_search(mask.excluded.begin(), mask.excluded.end(), item);
}

bool Better(const ScoredItem& a, const ScoredItem& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

// Keeps the best k, sorted.
void Offer(ScoredItem item, int64_t k, std::vector<ScoredItem>* best) {
  if (static_cast<int64_t>(best->size()) == k) {
    if (!Better(item, best->back())) return;
    best->pop_back();
  }
  best->insert(std::upper_bound(best->begin(), best->end(), item, Better), item);
}

void Prefetch(const float* row, int64_t padded) {
  constexpr int64_t kMost = 16 * kLane;  // the processor goes on by itself
  for (int64_t c = 0; c < std::min(padded, kMost); c += kLane) __builtin_prefetch(row + c);
}

}  // namespace

const uint32_t* HnswGraph::Upper(size_t level, uint32_t node) const {
  int64_t at = 0;
  for (size_t l = 1; l < level; ++l) at += level_size[l];
  return upper.data() + (at + node) * links;
}

HnswIndex::HnswIndex(const IndexVectors& vectors, HnswGraph graph)
    : ItemIndex(vectors),
      graph_(std::move(graph)),
      padded_((vectors.dim + kLane - 1) / kLane * kLane),
      rows_(vectors.rows() * padded_),
      base_(static_cast<int64_t>(graph_.base.size())),
      node_of_(vectors.items.size()) {
  std::fill_n(rows_.data(), rows_.size(), 0.0f);
  for (uint32_t node = 0; node < graph_.row.size(); ++node) {
    node_of_[graph_.row[node]] = node;
    const auto from = vectors.row(graph_.row[node]);
    std::copy(from.begin(), from.end(), rows_.data() + int64_t{node} * padded_);
  }
  std::copy(graph_.base.begin(), graph_.base.end(), base_.data());
  graph_.base = {};
}

int64_t HnswIndex::bytes() const {
  return (rows_.size() + base_.size()) * 4 +
         static_cast<int64_t>(graph_.upper.size() + graph_.row.size() + node_of_.size()) * 4;
}

void HnswIndex::CopyRow(int64_t row, float* out) const {
  std::copy_n(RowOfNode(node_of_[row]), dim_, out);
}

void HnswIndex::Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                       std::vector<std::vector<ScoredItem>>* out) const {
  out->resize(queries.size());
  for (size_t i = 0; i < queries.size(); ++i) SearchOne(queries[i], k, scratch, &(*out)[i]);
}

void HnswIndex::SearchOne(const IndexQuery& asked, int64_t k, IndexScratch* scratch,
                          std::vector<ScoredItem>* out) const {
  out->clear();
  const int64_t n = items();
  k = std::min(std::max<int64_t>(k, 0), n);
  if (k == 0) return;
  scratch->queries.assign(static_cast<size_t>(padded_), 0.0f);
  std::copy(asked.vector.begin(), asked.vector.end(), scratch->queries.begin());
  const float* query = scratch->queries.data();
  const ItemMask& mask = asked.mask;
  if (asked.share < kScanShare) return ScanAll(query, mask, k, scratch, out);
  const bool masked = mask.allow != nullptr || mask.deny != nullptr || !mask.excluded.empty();
  const double wide = static_cast<double>(std::max(width_, (width_ * k + 9) / 10)) / asked.share;
  const int64_t width = std::min<int64_t>(
      n, static_cast<int64_t>(std::ceil(wide)) + static_cast<int64_t>(mask.excluded.size()));
  WalkBase(query, std::max(width, k), Descend(query, scratch), masked ? &mask : nullptr, k, scratch,
           out);
  if (!masked) {
    for (const auto& [score, node] : scratch->pool) {
      out->push_back({items_[graph_.row[node & ~kExpanded]], score});
    }
    std::sort(out->begin(), out->end(), Better);
    if (static_cast<int64_t>(out->size()) > k) out->resize(static_cast<size_t>(k));
  }
  // The walk cannot reach what no link leads to.
  if (static_cast<int64_t>(out->size()) < k) ScanAll(query, mask, k, scratch, out);
}

uint32_t HnswIndex::Descend(const float* query, IndexScratch* scratch) const {
  uint32_t at = 0;
  const float* row = RowOfNode(0);
  float best;
  dots_(query, padded_, &row, 1, &best);
  scratch->scores.resize(static_cast<size_t>(2 * graph_.links));
  scratch->rows.resize(scratch->scores.size());
  for (size_t level = graph_.level_size.size() - 1; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const uint32_t* links = graph_.Upper(level, at);
      int64_t count = 0;
      for (; count < graph_.links && links[count] != kNoIndex; ++count) {
        scratch->rows[count] = RowOfNode(links[count]);
        Prefetch(scratch->rows[count], padded_);
      }
      dots_(query, padded_, scratch->rows.data(), count, scratch->scores.data());
      for (int64_t i = 0; i < count; ++i) {
        if (!(scratch->scores[i] > best)) continue;
        best = scratch->scores[i];
        at = links[i];
        moved = true;
      }
    }
  }
  return at;
}

void HnswIndex::WalkBase(const float* query, int64_t width, uint32_t entry, const ItemMask* mask,
                         int64_t k, IndexScratch* scratch, std::vector<ScoredItem>* out) const {
  const int64_t links = 2 * graph_.links;
  std::vector<uint16_t>& visited = scratch->visited;
  if (static_cast<int64_t>(visited.size()) != items() || scratch->epoch == UINT16_MAX) {
    visited.assign(static_cast<size_t>(items()), 0);
    scratch->epoch = 0;
  }
  const uint16_t epoch = ++scratch->epoch;
  scratch->pool.resize(static_cast<size_t>(width));
  scratch->nodes.resize(static_cast<size_t>(links));
  scratch->rows.resize(scratch->nodes.size());
  scratch->scores.resize(scratch->nodes.size());
  Entry* const pool = scratch->pool.data();
  int64_t size = 0, count = 1;
  const auto take = [&] {  // what was scored; where the first of it went
    int64_t lowest = width;
    for (int64_t i = 0; i < count; ++i) {
      const float score = scratch->scores[i];
      const uint32_t node = scratch->nodes[i];
      if (std::isnan(score)) continue;
      if (mask != nullptr) {
        const ItemId item = items_[graph_.row[node]];
        if (MayRank(*mask, item)) Offer({item, score}, k, out);
      }
      if (size == width && score <= pool[size - 1].first) continue;
      int64_t at = size == width ? size - 1 : size++;
      for (; at > 0 && pool[at - 1].first < score; --at) pool[at] = pool[at - 1];
      pool[at] = {score, node};
      __builtin_prefetch(base_.data() + node * links);
      lowest = std::min(lowest, at);
    }
    return lowest;
  };
  scratch->nodes[0] = entry;
  scratch->rows[0] = RowOfNode(entry);
  visited[entry] = epoch;
  dots_(query, padded_, scratch->rows.data(), 1, scratch->scores.data());
  for (int64_t next = take(); next < size;) {
    const uint32_t* to = base_.data() + (pool[next].second & ~kExpanded) * links;
    pool[next].second |= kExpanded;
    count = 0;
    for (int64_t l = 0; l < links && to[l] != kNoIndex; ++l) {
      if (visited[to[l]] == epoch) continue;
      visited[to[l]] = epoch;
      scratch->nodes[count] = to[l];
      scratch->rows[count] = RowOfNode(to[l]);
      Prefetch(scratch->rows[count++], padded_);
    }
    dots_(query, padded_, scratch->rows.data(), count, scratch->scores.data());
    next = std::min(take(), next + 1);
    while (next < size && (pool[next].second & kExpanded) != 0) ++next;
  }
  scratch->pool.resize(static_cast<size_t>(size));
}

void HnswIndex::ScanAll(const float* query, const ItemMask& mask, int64_t k, IndexScratch* scratch,
                        std::vector<ScoredItem>* out) const {
  constexpr int64_t kBlock = 64;
  out->clear();
  scratch->nodes.resize(kBlock);
  scratch->rows.resize(kBlock);
  scratch->scores.resize(kBlock);
  int64_t count = 0;
  const auto flush = [&] {
    dots_(query, padded_, scratch->rows.data(), count, scratch->scores.data());
    for (int64_t i = 0; i < count; ++i) {
      const ItemId item = items_[graph_.row[scratch->nodes[i]]];
      if (!std::isnan(scratch->scores[i])) Offer({item, scratch->scores[i]}, k, out);
    }
    count = 0;
  };
  for (uint32_t node = 0; node < graph_.row.size(); ++node) {
    if (!MayRank(mask, items_[graph_.row[node]])) continue;
    scratch->nodes[count] = node;
    scratch->rows[count++] = RowOfNode(node);
    if (count == kBlock) flush();
  }
  flush();
}

void HnswIndex::Save(TensorMap* out) const {
  const auto put = [&](const char* name, std::vector<int64_t> shape, const auto* values) {
    out->tensors[Concat(kIndexPrefix, name)] = MakeTensor(std::move(shape), values);
  };
  const int64_t n = items(), upper = static_cast<int64_t>(graph_.upper.size()) / graph_.links;
  put("row", {n}, graph_.row.data());
  put("level_size", {static_cast<int64_t>(graph_.level_size.size())}, graph_.level_size.data());
  put("base", {n, 2 * graph_.links}, base_.data());
  put("upper", {upper, graph_.links}, graph_.upper.data());
}

absl::StatusOr<HnswGraph> HnswIndex::LoadGraph(const TensorMap& in, int64_t rows) {
  HnswGraph graph;
  const auto damaged = [](const char* name) {
    return DataLossError("the tensor ", kIndexPrefix, name,
                         " of the index is missing, damaged or does not fit");
  };
  const auto find = [&](const char* name, DType dtype, size_t rank) -> const NamedTensor* {
    const NamedTensor* t = in.Find(Concat(kIndexPrefix, name));
    return t != nullptr && t->dtype == dtype && t->shape.size() == rank ? t : nullptr;
  };
  const NamedTensor* row = find("row", DType::kU32, 1);
  if (row == nullptr || row->size() != rows) return damaged("row");
  graph.row.assign(row->data<uint32_t>(), row->data<uint32_t>() + rows);
  std::vector<uint8_t> seen(static_cast<size_t>(rows), 0);
  for (const uint32_t r : graph.row) {
    if (r >= rows || seen[r]++ != 0) return damaged("row");
  }
  const NamedTensor* sizes = find("level_size", DType::kI64, 1);
  if (sizes == nullptr || sizes->size() < 1 || sizes->size() > 64) return damaged("level_size");
  graph.level_size.assign(sizes->data<int64_t>(), sizes->data<int64_t>() + sizes->size());
  int64_t upper_rows = 0;
  for (size_t l = 0; l < graph.level_size.size(); ++l) {
    const int64_t above = l == 0 ? rows : graph.level_size[l - 1], size = graph.level_size[l];
    if (size < 1 || size > above || (l == 0 && size != rows)) return damaged("level_size");
    upper_rows += l == 0 ? 0 : size;
  }
  const NamedTensor* base = find("base", DType::kU32, 2);
  if (base == nullptr || base->shape[0] != rows || base->shape[1] < 2 || base->shape[1] % 2 != 0) {
    return damaged("base");
  }
  graph.links = base->shape[1] / 2;
  graph.base.assign(base->data<uint32_t>(), base->data<uint32_t>() + base->size());
  const NamedTensor* upper = find("upper", DType::kU32, 2);
  if (upper == nullptr || upper->shape[0] != upper_rows || upper->shape[1] != graph.links) {
    return damaged("upper");
  }
  graph.upper.assign(upper->data<uint32_t>(), upper->data<uint32_t>() + upper->size());
  const auto bad = [](std::span<const uint32_t> links, int64_t limit) {
    return std::any_of(links.begin(), links.end(),
                       [&](uint32_t link) { return link != kNoIndex && link >= limit; });
  };
  if (bad(graph.base, rows)) return damaged("base");
  int64_t at = 0;
  for (size_t l = 1; l < graph.level_size.size(); ++l) {
    const int64_t size = graph.level_size[l] * graph.links;
    if (bad(std::span(graph.upper).subspan(static_cast<size_t>(at), static_cast<size_t>(size)),
            graph.level_size[l])) {
      return damaged("upper");
    }
    at += size;
  }
  return graph;
}

}  // namespace undula::models
