#include "models/convolution/neighborhoods.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "base/status.h"

namespace undula::models {

using propagation::WalkGraph;
using propagation::WalkSideView;

absl::Status Neighborhoods::Build(const ConvOptions& options, bool bipartite,
                                  const TrainingData& data) {
  options_ = options;
  bipartite_ = bipartite;
  seed_ = data.seed;
  if (data.positives.size() == 0) {
    return FailedPreconditionError(
        "there is no training positive to walk over; import interactions");
  }
  std::vector<uint32_t> items;
  items.reserve(data.positives.other.size());
  for (const ItemId item : data.positives.other) items.push_back(Index(item));
  const bool weighted = options.weighted && !bipartite;
  UNDULA_ASSIGN_OR_RETURN(WalkGraph graph,
                          WalkGraph::Create(data.positives.ptr, items,
                                            weighted ? std::span<const float>(data.positives.weight)
                                                     : std::span<const float>(),
                                            data.n_items()));
  graph_.emplace(std::move(graph));
  return absl::OkStatus();
}

std::vector<NodeLists> Neighborhoods::Draw(uint32_t draw, TaskArena& workers,
                                           propagation::Exec* exec) const {
  std::vector<NodeLists> out;
  if (bipartite_) {
    const propagation::WalkView view = graph_->view();
    const auto side = [&](const WalkSideView& s, uint32_t rows, uint64_t seed) {
      const std::span<const int64_t> ptr(s.ptr, size_t{rows} + 1);
      return SampleFanout(ptr, {s.to, static_cast<size_t>(ptr.back())}, options_.fanout, seed,
                          draw);
    };
    out.push_back(side(view.items, graph_->n_items(), seed_));
    out.push_back(side(view.contexts, graph_->n_contexts(), ~seed_));
    return out;
  }
  std::vector<uint32_t> all(graph_->n_items());
  std::iota(all.begin(), all.end(), 0u);
  if (options_.neighborhood == "exact") {
    out.push_back(propagation::ExactLists(
        *graph_, all,
        {.traversals = options_.traversals, .stop = options_.stop, .keep = 8 * options_.neighbors},
        options_.neighbors, options_.keep_self, &workers));
    return out;
  }
  const propagation::WalkOptions walk = WalkOptionsOf(options_);
  if (exec != nullptr && exec->on_gpu()) {
    auto lists = propagation::WalkListsOnDevice(exec, *graph_, all, walk, seed_, draw);
    if (lists.ok()) {
      out.push_back(*std::move(lists));
      return out;
    }
  }
  out.push_back(propagation::WalkLists(*graph_, all, walk, seed_, draw, &workers));
  return out;
}

NodeLists Neighborhoods::DrawFor(std::span<const uint32_t> items, uint32_t draw,
                                 TaskArena* workers) const {
  NodeLists drawn =
      propagation::WalkLists(*graph_, items, WalkOptionsOf(options_), seed_, draw, workers);
  std::vector<int64_t> ptr(size_t{graph_->n_items()} + 1, 0);
  for (size_t i = 0; i < items.size(); ++i) {
    ptr[size_t{items[i]} + 1] = drawn.ptr[i + 1] - drawn.ptr[i];
  }
  std::partial_sum(ptr.begin(), ptr.end(), ptr.begin());
  drawn.ptr = std::move(ptr);
  return drawn;
}

propagation::HardPools Neighborhoods::HardNegatives(int64_t pool, TaskArena& workers) const {
  // Two traversals reach a band of a few per cent of the catalogue; the second reads what the
  // first leaves of the most visited items.
  const propagation::PowerOptions power{.traversals = 2, .stop = options_.stop, .keep = 1000};
  const propagation::RankBand band{.low_share = options_.hard_low,
                                   .high_share = options_.hard_high,
                                   .above = options_.neighbors};
  return propagation::DrawHardPools(*graph_, power, band, pool, seed_, &workers);
}

NodeLists SampleFanout(std::span<const int64_t> ptr, std::span<const uint32_t> to, int64_t fanout,
                       uint64_t seed, uint32_t draw) {
  NodeLists out;
  std::vector<int64_t> chosen;
  for (size_t row = 0; row + 1 < ptr.size(); ++row) {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    const int64_t kept = fanout == 0 ? n : std::min(n, fanout);
    if (kept == n) {
      out.item.insert(out.item.end(), to.begin() + begin, to.begin() + begin + n);
    } else {
      // R. Floyd's algorithm: uniform over all subsets.
      const Rng rng(seed, RngStream::kNeighbor, static_cast<uint32_t>(row));
      chosen.clear();
      for (int64_t i = 0; i < kept; ++i) {
        const int64_t last = n - kept + i;
        const auto p = static_cast<int64_t>(rng.Below(
            uint64_t{draw} << 32 | static_cast<uint64_t>(i), static_cast<uint32_t>(last + 1)));
        chosen.push_back(std::find(chosen.begin(), chosen.end(), p) == chosen.end() ? p : last);
      }
      std::sort(chosen.begin(), chosen.end());
      for (const int64_t p : chosen) out.item.push_back(to[begin + p]);
    }
    out.weight.insert(out.weight.end(), static_cast<size_t>(kept), 1.0f / static_cast<float>(kept));
    out.ptr.push_back(static_cast<int64_t>(out.item.size()));
  }
  return out;
}

}  // namespace undula::models
