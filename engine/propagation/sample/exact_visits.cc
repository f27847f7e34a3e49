#include "propagation/sample/exact_visits.h"

#include <algorithm>
#include <cmath>

#include "base/ids.h"
#include "base/rng.h"

namespace undula::propagation {
namespace {

bool MoreVisited(const ItemVisits& a, const ItemVisits& b) {
  return a.visits != b.visits ? a.visits > b.visits : a.item < b.item;
}

// add(end, chance) for the ends of a row's edges.
template <class Add>
void ForEnds(const WalkSideView& side, uint32_t row, const Add& add) {
  const int64_t begin = side.ptr[row], end = side.ptr[int64_t{row} + 1];
  if (begin == end) return;
  const double share = 1.0 / static_cast<double>(end - begin);
  for (int64_t e = begin; e < end; ++e) {
    if (side.alias == nullptr) {
      add(side.to[e], share);
      continue;
    }
    const AliasEdge& edge = side.alias[e];
    const double own = edge.other == edge.to ? 1.0 : edge.threshold * 0x1.0p-32;
    add(edge.to, share * own);
    if (own < 1) add(edge.other, share * (1 - own));
  }
}

// Rows of one task: enough that their scratch memory, which is as large as the graph has rows, is
// not what the time goes into.
int64_t GrainOf(const WalkGraph& graph) {
  return std::max<int64_t>(64, (int64_t{graph.n_items()} + graph.n_contexts()) / 512);
}

}  // namespace

VisitRows::VisitRows(const WalkGraph& graph, const PowerOptions& options)
    : graph_(graph.view()),
      options_(options),
      context_mass_(graph.n_contexts()),
      item_mass_(graph.n_items()),
      visits_(graph.n_items()) {}

void VisitRows::Prune() {
  const auto keep = static_cast<size_t>(options_.keep);
  if (keep == 0 || row_.size() <= keep) return;
  std::nth_element(row_.begin(), row_.begin() + static_cast<int64_t>(keep) - 1, row_.end(),
                   MoreVisited);
  row_.resize(keep);
}

std::span<const ItemVisits> VisitRows::Of(uint32_t item) {
  touched_.clear();
  row_.assign(1, {item, 1.0});
  double weight = 1;
  for (int64_t t = 0; t < options_.traversals && !row_.empty(); ++t, weight *= 1 - options_.stop) {
    contexts_.clear();
    for (const ItemVisits& from : row_) {
      ForEnds(graph_.items, from.item, [&](uint32_t context, double chance) {
        if (context_mass_[context] == 0) contexts_.push_back(context);
        context_mass_[context] += from.visits * chance;
      });
    }
    items_.clear();
    for (const uint32_t context : contexts_) {
      const double mass = context_mass_[context];
      context_mass_[context] = 0;
      ForEnds(graph_.contexts, context, [&](uint32_t to, double chance) {
        if (item_mass_[to] == 0) items_.push_back(to);
        item_mass_[to] += mass * chance;
      });
    }
    row_.clear();
    for (const uint32_t to : items_) {
      row_.push_back({to, item_mass_[to]});
      if (visits_[to] == 0) touched_.push_back(to);
      visits_[to] += weight * item_mass_[to];
      item_mass_[to] = 0;
    }
    if (t + 1 < options_.traversals) Prune();
  }
  out_.clear();
  for (const uint32_t to : touched_) {
    out_.push_back({to, visits_[to]});
    visits_[to] = 0;
  }
  return out_;
}

ImportanceLists ExactLists(const WalkGraph& graph, std::span<const uint32_t> seeds,
                           const PowerOptions& options, int64_t top, bool keep_self,
                           TaskArena* workers) {
  const auto n = static_cast<int64_t>(seeds.size());
  std::vector<uint32_t> items(static_cast<size_t>(n * top)), counts(seeds.size());
  std::vector<float> weights(items.size());
  const auto range = [&](int64_t begin, int64_t end) {
    VisitRows rows(graph, options);
    std::vector<ItemVisits> best;
    for (int64_t r = begin; r < end; ++r) {
      best.clear();
      for (const ItemVisits& v : rows.Of(seeds[r])) {
        if (v.item != seeds[r] || keep_self) best.push_back(v);
      }
      const auto kept = std::min<size_t>(best.size(), static_cast<size_t>(top));
      std::partial_sort(best.begin(), best.begin() + static_cast<int64_t>(kept), best.end(),
                        MoreVisited);
      double total = 0;
      for (size_t k = 0; k < kept; ++k) total += best[k].visits;
      counts[r] = static_cast<uint32_t>(kept);
      for (size_t k = 0; k < kept; ++k) {
        items[r * top + static_cast<int64_t>(k)] = best[k].item;
        weights[r * top + static_cast<int64_t>(k)] = static_cast<float>(best[k].visits / total);
      }
    }
  };
  if (workers == nullptr) {
    range(0, n);
  } else {
    workers->For(n, GrainOf(graph), range);
  }
  return CompactLists(n, top, counts.data(), items.data(), weights.data());
}

RankRange ResolveBand(const RankBand& band, int64_t ranked) {
  RankRange out{band.low, band.high};
  if (band.relative) {
    const double r = static_cast<double>(ranked);
    out.low = std::max(band.above + 1, static_cast<int64_t>(std::ceil(band.low_share * r)));
    out.high = static_cast<int64_t>(std::floor(band.high_share * r));
  }
  out.low = std::max<int64_t>(out.low, 1);
  out.high = std::min(out.high, ranked);
  return out;
}

HardPools DrawHardPools(const WalkGraph& graph, const PowerOptions& options, const RankBand& band,
                        int64_t pool, uint64_t seed, TaskArena* workers) {
  HardPools out;
  out.pool = pool;
  out.item.assign(static_cast<size_t>(graph.n_items() * pool), kNoIndex);
  std::vector<uint8_t> none(graph.n_items());
  const auto range = [&](int64_t begin, int64_t end) {
    VisitRows rows(graph, options);
    std::vector<ItemVisits> ranked;
    for (int64_t q = begin; q < end; ++q) {
      ranked.clear();
      for (const ItemVisits& v : rows.Of(static_cast<uint32_t>(q))) {
        if (v.item != q) ranked.push_back(v);
      }
      const RankRange ranks = ResolveBand(band, static_cast<int64_t>(ranked.size()));
      none[q] = ranks.high < ranks.low;
      if (none[q]) continue;
      const auto first = ranked.begin() + ranks.low - 1, last = ranked.begin() + ranks.high;
      std::nth_element(ranked.begin(), first, ranked.end(), MoreVisited);
      std::nth_element(first, last - 1, ranked.end(), MoreVisited);
      std::sort(first, last, MoreVisited);
      const Rng rng(seed, RngStream::kHardNegative, static_cast<uint32_t>(q));
      const auto size = static_cast<uint32_t>(last - first);
      for (int64_t k = 0; k < pool; ++k) {
        out.item[q * pool + k] = first[rng.Below(static_cast<uint64_t>(k), size)].item;
      }
    }
  };
  const int64_t n = graph.n_items();
  if (workers == nullptr) {
    range(0, n);
  } else {
    workers->For(n, GrainOf(graph), range);
  }
  out.without = std::count(none.begin(), none.end(), 1);
  return out;
}

}  // namespace undula::propagation
