// Neighbor samples of KGCN and KGNN-LS: for each entity K of its neighbors in the undirected graph,
// where an edge (h, r, t) makes t a neighbor of h and h one of t, both over relation r. Source: the
// authors' programs (hwwang55/KGCN, hwwang55/KGNN-LS): uniform over edges, without replacement
// where there are at least K, else with. An entity without edges is its own and only neighbor, over
// relation 0 (there the relation does not matter).
#ifndef UNDULA_PROPAGATION_SAMPLE_NEIGHBORS_H_
#define UNDULA_PROPAGATION_SAMPLE_NEIGHBORS_H_

#include <cstdint>
#include <vector>

#include "base/snapshot.h"

namespace undula::propagation {

// Slots of each entity, ascending by (relation, entity); equal ones are merged into one with a
// count.
struct NeighborSlots {
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> relation, entity;
  std::vector<float> count;      // times drawn
  std::vector<uint8_t> inverse;  // 1: the graph has only (entity, relation, row), not the other way

  uint32_t rows() const { return static_cast<uint32_t>(ptr.size()) - 1; }
  int64_t slots() const { return ptr.back(); }
};

// One drawn neighbor.
struct Neighbor {
  uint32_t relation, entity;
  uint8_t inverse = 0;
  friend auto operator<=>(const Neighbor&, const Neighbor&) = default;
};

// Adds the next row: sorts and merges the neighbors (which are changed).
void AppendNeighbors(std::vector<Neighbor>* neighbors, NeighborSlots* out);

// Rows 0 .. rows-1; rows past the snapshot's entities (items without a link) have no edge. k = 0:
// the whole neighborhood. Entity e draws the numbers epoch k .. epoch k + k - 1 of Rng(seed,
// kNeighbor, e), so a sample is a function of (snapshot, k, seed, epoch).
NeighborSlots SampleNeighbors(const Snapshot& snapshot, uint32_t rows, int k, uint64_t seed,
                              int64_t epoch);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_NEIGHBORS_H_
