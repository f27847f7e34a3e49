#include "models/retrieval/panel_rank.h"

#include <algorithm>
#include <limits>

namespace undula::models {

using propagation::simd::kPanelQueries;
using propagation::simd::kPanelWidth;
using propagation::simd::PanelHit;
using propagation::simd::PanelList;

namespace {

// Queries that pass over the catalogue together, and what they read of it at a time: it stays in
// the first-level cache while the groups of queries take their turns.
constexpr int64_t kQueryTile = 8 * kPanelQueries;
constexpr int64_t kChunkBytes = 32 << 10;

bool Better(const PanelHit& a, const PanelHit& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

}  // namespace

VectorPanels::VectorPanels(std::span<const float> rows, int64_t dim,
                           std::span<const uint32_t> order)
    : dim_(dim) {
  rows_ =
      order.empty() ? static_cast<int64_t>(rows.size()) / dim : static_cast<int64_t>(order.size());
  values_.assign(static_cast<size_t>(panels() * kPanelWidth * dim), 0.0f);
  for (int64_t r = 0; r < rows_; ++r) {
    const float* from = rows.data() + (order.empty() ? r : int64_t{order[r]}) * dim;
    float* to = values_.data() + r / kPanelWidth * kPanelWidth * dim + r % kPanelWidth;
    for (int64_t c = 0; c < dim; ++c) to[c * kPanelWidth] = from[c];
  }
}

int64_t VectorPanels::panels() const {
  return (rows_ + 2 * kPanelWidth - 1) / (2 * kPanelWidth) * 2;
}

void VectorPanels::CopyRow(int64_t row, float* out) const {
  const float* from = panel(row / kPanelWidth) + row % kPanelWidth;
  for (int64_t c = 0; c < dim_; ++c) out[c] = from[c * kPanelWidth];
}

HitList::HitList(int64_t k, int64_t rows, const ItemMask& mask, PanelHit* room)
    : k_(k),
      rows_(rows),
      masked_(!mask.excluded.empty() || mask.allow != nullptr || mask.deny != nullptr),
      mask_(mask) {
  list_.least = -std::numeric_limits<float>::infinity();
  list_.hits = room;
}

bool HitList::MayRank(ItemId item) const {
  if (mask_.allow != nullptr && !mask_.allow->contains(item)) return false;
  if (mask_.deny != nullptr && mask_.deny->contains(item)) return false;
  return !std::binary_search(mask_.excluded.begin(), mask_.excluded.end(), item);
}

void HitList::Take(std::span<const ItemId> items) {
  if (list_.size == taken_) return;
  int64_t kept = taken_;
  for (int64_t i = taken_; i < list_.size; ++i) {
    if (list_.hits[i].row >= items.size()) continue;
    const ItemId item = items[list_.hits[i].row];
    if (item == kNone<ItemId> || (masked_ && !MayRank(item))) continue;
    list_.hits[kept++] = {list_.hits[i].score, Index(item)};
  }
  list_.size = taken_ = kept;
  if (kept + rows_ > Room(k_, rows_) || (!barred_ && kept >= k_)) Prune();
}

void HitList::Prune() {
  if (list_.size < k_) return;
  std::nth_element(list_.hits, list_.hits + k_ - 1, list_.hits + list_.size, Better);
  list_.size = taken_ = k_;
  list_.least = list_.hits[k_ - 1].score;
  barred_ = true;
}

void HitList::Finish(std::vector<ScoredItem>* out) {
  Prune();
  std::sort(list_.hits, list_.hits + list_.size, Better);
  out->clear();
  out->reserve(static_cast<size_t>(list_.size));
  for (int64_t i = 0; i < list_.size; ++i) {
    out->push_back({ItemId{list_.hits[i].row}, list_.hits[i].score});
  }
}

void PackQueries(std::span<const float* const> queries, int64_t dim, float* out) {
  for (int64_t c = 0; c < dim; ++c) {
    for (const float* query : queries) *out++ = query[c];
  }
}

void RankPanels(const VectorPanels& panels, std::span<const ItemId> items,
                std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                std::vector<std::vector<ScoredItem>>* out) {
  const auto scan = propagation::simd::GetPanelScan();
  const int64_t dim = panels.dim(), n = static_cast<int64_t>(queries.size());
  const int64_t panel_bytes = dim * kPanelWidth * int64_t{sizeof(float)};
  const int64_t chunk = std::max<int64_t>(1, kChunkBytes / (2 * panel_bytes)) * 2;
  const int64_t rows = chunk * kPanelWidth;
  const int64_t best = std::min<int64_t>(std::max<int64_t>(k, 0), panels.rows());
  out->resize(queries.size());
  if (best == 0) {
    for (auto& list : *out) list.clear();
    return;
  }
  const int64_t room = HitList::Room(best, rows);
  scratch->queries.resize(static_cast<size_t>(kQueryTile * dim));
  scratch->hits.resize(static_cast<size_t>(kQueryTile * room));
  std::vector<HitList> lists;
  for (int64_t first = 0; first < n; first += kQueryTile) {
    const int64_t tile = std::min(kQueryTile, n - first);
    lists.clear();
    for (int64_t i = 0; i < tile; ++i) {
      lists.emplace_back(best, rows, queries[first + i].mask, scratch->hits.data() + i * room);
    }
    const float* group[kPanelQueries];
    for (int64_t q = 0; q < tile; q += kPanelQueries) {
      const int64_t size = std::min(kPanelQueries, tile - q);
      for (int64_t r = 0; r < size; ++r) group[r] = queries[first + q + r].vector.data();
      PackQueries({group, static_cast<size_t>(size)}, dim, scratch->queries.data() + q * dim);
    }
    PanelList together[kPanelQueries];
    for (int64_t p = 0; p < panels.panels(); p += chunk) {
      const int64_t count = std::min(chunk, panels.panels() - p);
      for (int64_t q = 0; q < tile; q += kPanelQueries) {
        const int64_t size = std::min(kPanelQueries, tile - q);
        for (int64_t r = 0; r < size; ++r) together[r] = *lists[q + r].list();
        scan(scratch->queries.data() + q * dim, size, dim, panels.panel(p), count,
             static_cast<uint32_t>(p * kPanelWidth), together);
        for (int64_t r = 0; r < size; ++r) {
          lists[q + r].list()->size = together[r].size;
          lists[q + r].Take(items);
        }
      }
    }
    for (int64_t i = 0; i < tile; ++i) lists[i].Finish(&(*out)[first + i]);
  }
}

}  // namespace undula::models
