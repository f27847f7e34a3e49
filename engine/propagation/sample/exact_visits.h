// What random walks (random_walk.h) approach, computed: the expected visits
//   V_q = sum over t = 1 .. traversals of (1 - stop)^(t-1) (P^t)_q
// by products of sparse rows, in float64, in a fixed order. With `keep` each intermediate row is
// cut to its largest entries (pruned power method), which bounds the work of a traversal. Lists of
// it have no sampling noise; ranks of it are those of personalised PageRank cut off after
// `traversals` (normalised V is (PPR - stop I) / (1 - stop) in the limit), and their middle gives
// hard negatives.
#ifndef UNDULA_PROPAGATION_SAMPLE_EXACT_VISITS_H_
#define UNDULA_PROPAGATION_SAMPLE_EXACT_VISITS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "propagation/sample/random_walk.h"
#include "propagation/sample/walk_graph.h"

namespace undula::propagation {

struct PowerOptions {
  int64_t traversals = 3;
  double stop = 0.5;
  int64_t keep = 0;  // entries of a row that go on to the next traversal; 0: all
};

struct ItemVisits {
  uint32_t item;
  double visits;  // expected, of one walk
};

// Scratch memory for one row after the other (16 bytes an item, 8 a context). Not thread-safe.
class VisitRows {
 public:
  VisitRows(const WalkGraph& graph, const PowerOptions& options);
  // The items that walks from `item` can reach (itself among them, where they return), in no
  // particular order that callers may rely on but always the same one. Valid until the next call.
  std::span<const ItemVisits> Of(uint32_t item);

 private:
  void Prune();

  WalkView graph_;
  PowerOptions options_;
  std::vector<double> context_mass_, item_mass_, visits_;  // dense, zero between calls
  std::vector<uint32_t> contexts_, items_, touched_;       // where they are not
  std::vector<ItemVisits> row_, out_;
};

// As WalkLists, from expected visits in the place of counts. Lists are ordered by (visits
// descending, id ascending).
ImportanceLists ExactLists(const WalkGraph& graph, std::span<const uint32_t> seeds,
                           const PowerOptions& options, int64_t top, bool keep_self,
                           TaskArena* workers);

// Which ranks (from 1; the item itself is not ranked) hard negatives of an item come from. PinSAGE
// takes 2000 to 5000 of billions; a small catalogue takes shares of the R items that have a rank.
struct RankBand {
  bool relative = true;
  int64_t low = 2000, high = 5000;            // not relative
  double low_share = 0.02, high_share = 0.1;  // relative: from max(top + 1, low_share R)
  int64_t above = 20;                         // `top`: never among an item's neighbors
};
struct RankRange {
  int64_t low = 0, high = 0;  // ranks low .. high; empty where high < low
};
RankRange ResolveBand(const RankBand& band, int64_t ranked);

// `pool` items of each item's band, drawn uniformly with replacement by Rng(seed, kHardNegative,
// item); an item whose band is empty has none. Row-major [n_items, pool].
struct HardPools {
  int64_t pool = 0;
  std::vector<uint32_t> item;  // kNoIndex in the rows of items without a band
  int64_t without = 0;         // items without a band
};
HardPools DrawHardPools(const WalkGraph& graph, const PowerOptions& options, const RankBand& band,
                        int64_t pool, uint64_t seed, TaskArena* workers);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_EXACT_VISITS_H_
