// The random numbers of walks, for the CPU and for kernels.
#ifndef UNDULA_PROPAGATION_SAMPLE_WALK_DRAWS_H_
#define UNDULA_PROPAGATION_SAMPLE_WALK_DRAWS_H_

#include <cstdint>

#include "base/hd.h"
#include "base/rng.h"

namespace undula::propagation {

// The draws of traversal t (from 0) of walk w, walk_step = w traversals + t: v[0] chooses the
// context, v[1] the item, v[2] whether the walk stops before it.
UNDULA_HD PhiloxBlock WalkDraws(uint64_t seed, uint32_t draw, uint32_t item, uint32_t walk_step) {
  return Philox(PhiloxBlock{{walk_step, draw, item, static_cast<uint32_t>(RngStream::kWalk)}},
                static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

// A walk stops where v[2] is below this.
inline uint32_t StopBelow(double stop) {
  const double scaled = stop * 0x1.0p32;
  return scaled >= 0x1.0p32 - 1 ? UINT32_MAX : static_cast<uint32_t>(scaled);
}

// An edge of Walker's alias method: a draw below threshold / 2^32 follows `to`, others `other`, an
// end of the same row. Vose, "A linear algorithm for generating random numbers with a given
// distribution", IEEE Trans. Software Engineering 17(9), 1991.
struct AliasEdge {
  uint32_t to, threshold, other;
};

// One direction, as walks read it: the edges of row r are [ptr[r], ptr[r + 1]) of `to` or, in a
// weighted graph, of `alias`.
struct WalkSideView {
  const int64_t* ptr = nullptr;
  const uint32_t* to = nullptr;
  const AliasEdge* alias = nullptr;
};
struct WalkView {
  WalkSideView items, contexts;
};

// Where a draw of 32 bits leads to from a row of `degree` >= 1 edges at `begin`: the upper half of
// draw * degree chooses the edge, the lower half decides between its two ends.
struct WalkStep {
  int64_t edge;
  uint32_t fraction;
};
UNDULA_HD WalkStep ChooseEdge(int64_t begin, uint32_t degree, uint32_t draw) {
  const uint64_t product = uint64_t{draw} * degree;
  return {begin + static_cast<int64_t>(product >> 32), static_cast<uint32_t>(product)};
}
UNDULA_HD uint32_t EndOf(const uint32_t& edge, uint32_t /*fraction*/) { return edge; }
UNDULA_HD uint32_t EndOf(const AliasEdge& edge, uint32_t fraction) {
  return fraction < edge.threshold ? edge.to : edge.other;
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_WALK_DRAWS_H_
