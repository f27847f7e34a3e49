#include "propagation/sample/random_walk.h"

#include <algorithm>
#include <functional>

#include "base/status.h"

namespace undula::propagation {
namespace {

// Walkers that go side by side: enough reads in flight to hide their latency, few enough that what
// was prefetched is still in the first-level cache when it is used.
constexpr int64_t kWalkers = 256;

template <class T>
void Prefetch(const T* p) {
  __builtin_prefetch(p, 0, 3);
}

const uint32_t* EdgesOf(const WalkSideView& side, const uint32_t*) { return side.to; }
const AliasEdge* EdgesOf(const WalkSideView& side, const AliasEdge*) { return side.alias; }

// The walks of a few items at once, each stage over all walkers before the next.
template <class Edge>
class Walkers {
 public:
  Walkers(const WalkView& graph, const WalkOptions& o, uint64_t seed, uint32_t draw)
      : items_(graph.items.ptr),
        contexts_(graph.contexts.ptr),
        item_edges_(EdgesOf(graph.items, static_cast<const Edge*>(nullptr))),
        context_edges_(EdgesOf(graph.contexts, static_cast<const Edge*>(nullptr))),
        walks_(static_cast<uint32_t>(o.walks)),
        traversals_(static_cast<uint32_t>(o.traversals)),
        stop_(StopBelow(o.stop)),
        seed_(seed),
        draw_(draw) {}

  // visits[i]: the items visited from seeds[i], in any order.
  void Walk(std::span<const uint32_t> seeds, std::vector<std::vector<uint32_t>>* visits) {
    alive_.clear();
    for (uint32_t s = 0; s < seeds.size(); ++s) {
      (*visits)[s].clear();
      if (items_[seeds[s]] == items_[int64_t{seeds[s]} + 1]) continue;
      for (uint32_t w = 0; w < walks_; ++w) alive_.push_back({s, w, seeds[s]});
    }
    steps_.resize(alive_.size());
    for (uint32_t t = 0; t < traversals_; ++t) Traverse(seeds, t, visits);
  }

 private:
  struct Walker {
    uint32_t slot, walk, at;
  };
  struct Step {
    WalkStep step;
    uint32_t second;  // the draw of the item
    uint32_t context;
  };

  WalkStep Choose(const int64_t* ptr, uint32_t row, uint32_t draw) const {
    const int64_t begin = ptr[row];
    return ChooseEdge(begin, static_cast<uint32_t>(ptr[int64_t{row} + 1] - begin), draw);
  }

  void Traverse(std::span<const uint32_t> seeds, uint32_t t,
                std::vector<std::vector<uint32_t>>* visits) {
    size_t n = 0;
    for (const Walker& walker : alive_) {
      const PhiloxBlock draws =
          WalkDraws(seed_, draw_, seeds[walker.slot], walker.walk * traversals_ + t);
      if (t > 0 && draws.v[2] < stop_) continue;
      const WalkStep step = Choose(items_, walker.at, draws.v[0]);
      Prefetch(item_edges_ + step.edge);
      steps_[n] = {step, draws.v[1], 0};
      alive_[n++] = walker;  // n is at most the walker's own place
    }
    alive_.resize(n);
    for (size_t k = 0; k < n; ++k) {
      const uint32_t context = EndOf(item_edges_[steps_[k].step.edge], steps_[k].step.fraction);
      Prefetch(contexts_ + context);
      steps_[k].context = context;
    }
    for (size_t k = 0; k < n; ++k) {
      steps_[k].step = Choose(contexts_, steps_[k].context, steps_[k].second);
      Prefetch(context_edges_ + steps_[k].step.edge);
    }
    for (size_t k = 0; k < n; ++k) {
      const uint32_t item = EndOf(context_edges_[steps_[k].step.edge], steps_[k].step.fraction);
      Prefetch(items_ + item);
      alive_[k].at = item;
      (*visits)[alive_[k].slot].push_back(item);
    }
  }

  const int64_t* items_;
  const int64_t* contexts_;
  const Edge* item_edges_;
  const Edge* context_edges_;
  uint32_t walks_, traversals_, stop_;
  uint64_t seed_;
  uint32_t draw_;
  std::vector<Walker> alive_;
  std::vector<Step> steps_;
};

// The `top` most visited, counts beside them.
struct Selected {
  std::vector<uint64_t> keys;  // count in the upper half, ~item in the lower

  void Select(std::vector<uint32_t>* visits, uint32_t self, const WalkOptions& o) {
    keys.clear();
    std::sort(visits->begin(), visits->end());
    for (size_t i = 0; i < visits->size();) {
      const uint32_t item = (*visits)[i];
      size_t end = i + 1;
      while (end < visits->size() && (*visits)[end] == item) ++end;
      if (item != self || o.keep_self) keys.push_back(uint64_t{end - i} << 32 | uint32_t(~item));
      i = end;
    }
    const auto top = static_cast<size_t>(o.top);
    if (keys.size() > top) {
      std::nth_element(keys.begin(), keys.begin() + static_cast<int64_t>(top) - 1, keys.end(),
                       std::greater<>());
      keys.resize(top);
    }
    std::sort(keys.begin(), keys.end(), std::greater<>());
  }
};

// Items of one task.
constexpr int64_t kGrain = 64;

template <class Edge>
void WalkRange(const WalkGraph& graph, std::span<const uint32_t> seeds, const WalkOptions& o,
               uint64_t seed, uint32_t draw, int64_t begin, int64_t end, uint32_t* items,
               float* weights, uint32_t* counts) {
  Walkers<Edge> walkers(graph.view(), o, seed, draw);
  const int64_t together = std::max<int64_t>(1, kWalkers / o.walks);
  std::vector<std::vector<uint32_t>> visits(static_cast<size_t>(together));
  Selected selected;
  for (int64_t first = begin; first < end; first += together) {
    const int64_t n = std::min(together, end - first);
    walkers.Walk(seeds.subspan(static_cast<size_t>(first), static_cast<size_t>(n)), &visits);
    for (int64_t s = 0; s < n; ++s) {
      const int64_t row = first + s;
      selected.Select(&visits[s], seeds[row], o);
      uint64_t total = 0;
      for (const uint64_t key : selected.keys) total += key >> 32;
      counts[row] = static_cast<uint32_t>(selected.keys.size());
      for (size_t k = 0; k < selected.keys.size(); ++k) {
        const uint64_t key = selected.keys[k];
        items[row * o.top + static_cast<int64_t>(k)] = ~static_cast<uint32_t>(key);
        weights[row * o.top + static_cast<int64_t>(k)] =
            static_cast<float>(key >> 32) / static_cast<float>(total);
      }
    }
  }
}

}  // namespace

absl::Status CheckWalkOptions(const WalkOptions& o) {
  if (o.walks < 1 || o.traversals < 1 || o.walks > kMostVisits / o.traversals) {
    return InvalidArgumentError(o.walks, " walks of ", o.traversals,
                                " traversals: both must be at least 1, their product at most ",
                                kMostVisits);
  }
  if (!(o.stop >= 0 && o.stop <= 1)) {
    return InvalidArgumentError("the chance to stop a walk must be in [0, 1], not ", o.stop);
  }
  if (o.top < 1 || o.top > kMostVisits) {
    return InvalidArgumentError("lists of ", o.top, " items: 1 to ", kMostVisits, " are possible");
  }
  return absl::OkStatus();
}

ImportanceLists CompactLists(int64_t rows, int64_t top, const uint32_t* counts,
                             const uint32_t* items, const float* weights) {
  ImportanceLists out;
  out.ptr.resize(static_cast<size_t>(rows) + 1);
  for (int64_t r = 0; r < rows; ++r) out.ptr[r + 1] = out.ptr[r] + counts[r];
  out.item.resize(static_cast<size_t>(out.ptr[rows]));
  out.weight.resize(out.item.size());
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(items + r * top, counts[r], out.item.begin() + out.ptr[r]);
    std::copy_n(weights + r * top, counts[r], out.weight.begin() + out.ptr[r]);
  }
  return out;
}

ImportanceLists WalkLists(const WalkGraph& graph, std::span<const uint32_t> seeds,
                          const WalkOptions& options, uint64_t seed, uint32_t draw,
                          TaskArena* workers) {
  const auto n = static_cast<int64_t>(seeds.size());
  HugeArray<uint32_t> items(n * options.top);
  HugeArray<float> weights(n * options.top);
  std::vector<uint32_t> counts(seeds.size());
  const auto range = [&](int64_t begin, int64_t end) {
    const auto walk = graph.weighted() ? &WalkRange<AliasEdge> : &WalkRange<uint32_t>;
    walk(graph, seeds, options, seed, draw, begin, end, items.data(), weights.data(),
         counts.data());
  };
  if (workers == nullptr) {
    range(0, n);
  } else {
    workers->For(n, kGrain, range);
  }
  return CompactLists(n, options.top, counts.data(), items.data(), weights.data());
}

}  // namespace undula::propagation
