// Neighborhoods by importance: the items that short random walks from an item visit most, with
// their visit counts as weights. Ying et al., KDD 2018, section 3.1 ("importance-based
// neighborhoods"); the walk is that of DGL's and LibRecommender's PinSAGE samplers:
//
//   one traversal = item -> a context of it -> an item of that context. A walk makes traversals
//   t = 1 .. traversals; before t >= 2 it stops with probability `stop`. The item reached by each
//   traversal is visited (the start at t = 0 is not; returns to it are).
//
// So the expected visits of a walk from q are V_q = sum_t (1 - stop)^(t-1) (P^t)_q with
// P = D_I^-1 A D_C^-1 A^T. Lists keep the `top` most visited items, ordered by (visits descending,
// id ascending), with weights that sum to 1 over the list.
//
// All draws are functions of (seed, draw, item, walk, traversal): the lists are the same for any
// number of threads, any set of items walked together, and on a GPU. `draw` tells lists of the same
// seed apart, e.g. epoch * layers + layer.
#ifndef UNDULA_PROPAGATION_SAMPLE_RANDOM_WALK_H_
#define UNDULA_PROPAGATION_SAMPLE_RANDOM_WALK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "propagation/exec.h"
#include "propagation/sample/walk_graph.h"

namespace undula::propagation {

struct WalkOptions {
  int64_t walks = 200;     // from each item
  int64_t traversals = 3;  // at most, of a walk
  double stop = 0.5;       // chance to stop before each traversal but the first
  int64_t top = 20;        // items of a list, at most
  bool keep_self = false;  // an item may be its own neighbor
};
// walks x traversals of a list, at most.
inline constexpr int64_t kMostVisits = 1 << 16;
absl::Status CheckWalkOptions(const WalkOptions& options);

// Lists of rows, one behind the other.
struct ImportanceLists {
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> item;
  std::vector<float> weight;  // of a list: they sum to 1

  int64_t rows() const { return static_cast<int64_t>(ptr.size()) - 1; }
  std::span<const uint32_t> items_of(int64_t row) const {
    return {item.data() + ptr[row], static_cast<size_t>(ptr[row + 1] - ptr[row])};
  }
  std::span<const float> weights_of(int64_t row) const {
    return {weight.data() + ptr[row], static_cast<size_t>(ptr[row + 1] - ptr[row])};
  }
};

// The lists of `seeds` (items; any order, repeats allowed), in their order. An item without
// interactions has an empty list. Options as checked; seeds below graph.n_items().
// Walkers are interleaved: the next read of one is prefetched while the others go on.
ImportanceLists WalkLists(const WalkGraph& graph, std::span<const uint32_t> seeds,
                          const WalkOptions& options, uint64_t seed, uint32_t draw,
                          TaskArena* workers);

// The same lists, bit for bit, made by a GPU: one block an item walks, counts and selects in shared
// memory. Unavailable without a GPU, Unimplemented where walks x traversals do not fit into the
// shared memory of a block, ResourceExhausted where the graph does not fit into the GPU's memory.
absl::StatusOr<ImportanceLists> WalkListsOnDevice(Exec* exec, const WalkGraph& graph,
                                                  std::span<const uint32_t> seeds,
                                                  const WalkOptions& options, uint64_t seed,
                                                  uint32_t draw);

// For samplers: lists from rows of `top` places each, of which the first counts[row] are taken.
ImportanceLists CompactLists(int64_t rows, int64_t top, const uint32_t* counts,
                             const uint32_t* items, const float* weights);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_RANDOM_WALK_H_
