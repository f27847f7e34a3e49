#include "propagation/sample/neighbors.h"

#include <algorithm>

#include "base/rng.h"

namespace undula::propagation {
namespace {

// Uniform in [0, n).
int64_t Below(const Rng& rng, uint64_t counter, int64_t n) {
  return static_cast<int64_t>(
      (static_cast<unsigned __int128>(rng.Bits64(counter)) * static_cast<uint64_t>(n)) >> 64);
}

Neighbor NeighborAt(const Snapshot& s, uint32_t e, int64_t i) {
  const int64_t forward = s.out.degree(EntityId{e});
  const bool inverse = i >= forward;
  const EdgeCsr& edges = inverse ? s.in : s.out;
  const int64_t at = edges.ptr[e] + (inverse ? i - forward : i);
  return {Index(edges.relation[at]), Index(edges.entity[at]), inverse};
}

}  // namespace

void AppendNeighbors(std::vector<Neighbor>* neighbors, NeighborSlots* out) {
  std::sort(neighbors->begin(), neighbors->end());
  const int64_t first = out->slots();
  for (const Neighbor& n : *neighbors) {
    const bool merge = static_cast<int64_t>(out->entity.size()) > first &&
                       out->entity.back() == n.entity && out->relation.back() == n.relation;
    if (merge) {
      ++out->count.back();
    } else {
      out->relation.push_back(n.relation);
      out->entity.push_back(n.entity);
      out->count.push_back(1);
      out->inverse.push_back(n.inverse);
    }
  }
  out->ptr.push_back(static_cast<int64_t>(out->entity.size()));
}

NeighborSlots SampleNeighbors(const Snapshot& s, uint32_t rows, int k, uint64_t seed,
                              int64_t epoch) {
  NeighborSlots out;
  out.ptr.reserve(rows + size_t{1});
  std::vector<Neighbor> drawn;
  std::vector<int64_t> position(static_cast<size_t>(k));
  for (uint32_t e = 0; e < rows; ++e) {
    drawn.clear();
    const bool known = e < s.out.rows() && e < s.in.rows();
    const int64_t degree = known ? s.out.degree(EntityId{e}) + s.in.degree(EntityId{e}) : 0;
    if (degree == 0) {
      drawn.push_back({0, e, 0});
    } else if (k == 0) {
      for (int64_t i = 0; i < degree; ++i) drawn.push_back(NeighborAt(s, e, i));
    } else {
      const Rng rng(seed, RngStream::kNeighbor, e);
      const uint64_t first = static_cast<uint64_t>(epoch) * static_cast<uint64_t>(k);
      for (int i = 0; i < k; ++i) {
        if (degree < k) {
          position[i] = Below(rng, first + i, degree);
        } else {  // R. Floyd's algorithm: uniform over all subsets
          const int64_t last = degree - k + i;
          const int64_t p = Below(rng, first + i, last + 1);
          const auto begin = position.begin();
          position[i] = std::find(begin, begin + i, p) == begin + i ? p : last;
        }
        drawn.push_back(NeighborAt(s, e, position[i]));
      }
    }
    AppendNeighbors(&drawn, &out);
  }
  return out;
}

}  // namespace undula::propagation
