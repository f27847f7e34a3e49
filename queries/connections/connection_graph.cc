#include "queries/connections/connection_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace undula::queries {
namespace {

uint32_t Eighths(uint64_t n) {
  const double bits = std::log2(1.0 + static_cast<double>(n));
  return std::min<uint32_t>(255, static_cast<uint32_t>(std::lround(kEighths * bits)));
}

// For every edge of `from` the cost of leaving its other end by the same edge, whose row is in
// `to`.
std::vector<uint8_t> LeavingOtherEnds(const EdgeCsr& from, const EdgeCsr& to, TaskArena& workers) {
  std::vector<uint8_t> leaving(static_cast<size_t>(from.edges()));
  workers.For(from.rows(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t e = from.ptr[begin]; e < from.ptr[end]; ++e) {
      const size_t row = Index(from.entity[e]);
      const auto run = std::equal_range(to.relation.begin() + to.ptr[row],
                                        to.relation.begin() + to.ptr[row + 1], from.relation[e]);
      leaving[e] = static_cast<uint8_t>(LeavingCost(static_cast<uint64_t>(run.second - run.first)));
    }
  });
  return leaving;
}

}  // namespace

uint32_t LeavingCost(uint64_t n) {
  static const std::array<uint8_t, 256> kFew = [] {
    std::array<uint8_t, 256> few;
    for (size_t i = 0; i < few.size(); ++i) few[i] = static_cast<uint8_t>(Eighths(i));
    return few;
  }();
  return n < kFew.size() ? kFew[n] : Eighths(n);
}

ConnectionGraph::ConnectionGraph(const Snapshot& snapshot, RelationCosts costs, TaskArena& workers)
    : snapshot_(snapshot),
      costs_(std::move(costs)),
      leaving_tail_(LeavingOtherEnds(snapshot.out, snapshot.in, workers)),
      leaving_head_(LeavingOtherEnds(snapshot.in, snapshot.out, workers)) {
  size_.resize(snapshot.n_entities);
  for (uint32_t v = 0; v < snapshot.n_entities; ++v) {
    size_[v] = static_cast<uint8_t>(LeavingCost(static_cast<uint64_t>(Degree(EntityId{v}))));
  }
}

}  // namespace undula::queries
