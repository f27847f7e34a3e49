// The graph that random walks of PinSAGE run over: items on one side, contexts (users, boards) on
// the other, both directions stored. Ying et al., "Graph Convolutional Neural Networks for
// Web-Scale Recommender Systems", KDD 2018, section 3.1.
//
// Memory: 8 bytes an item and a context, 8 bytes an interaction (unweighted) or 24 (weighted).
#ifndef UNDULA_PROPAGATION_SAMPLE_WALK_GRAPH_H_
#define UNDULA_PROPAGATION_SAMPLE_WALK_GRAPH_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "propagation/sample/huge_array.h"
#include "propagation/sample/walk_draws.h"

namespace undula::propagation {

// Immutable; shareable between threads.
class WalkGraph {
 public:
  // From interactions by context: row c of context_ptr holds the items of context c (repeats are
  // parallel edges). weight is empty (edges are followed with equal chance) or parallel to items.
  // InvalidArgument: offsets that do not ascend from 0 to items.size(), an item >= n_items, a
  // weight that is not a positive finite number, more than 2^32 - 1 edges in a row.
  static absl::StatusOr<WalkGraph> Create(std::span<const int64_t> context_ptr,
                                          std::span<const uint32_t> items,
                                          std::span<const float> weight, uint32_t n_items);

  uint32_t n_items() const { return static_cast<uint32_t>(item_ptr_.size() - 1); }
  uint32_t n_contexts() const { return static_cast<uint32_t>(context_ptr_.size() - 1); }
  int64_t edges() const { return edges_; }
  bool weighted() const { return weighted_; }
  WalkView view() const;
  // Bytes of all arrays.
  int64_t bytes() const;

 private:
  WalkGraph() = default;

  int64_t edges_ = 0;
  bool weighted_ = false;
  HugeArray<int64_t> item_ptr_, context_ptr_;
  HugeArray<uint32_t> item_to_, context_to_;
  HugeArray<AliasEdge> item_alias_, context_alias_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_WALK_GRAPH_H_
