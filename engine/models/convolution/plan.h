// What one forward pass of a graph convolution computes: for each layer the nodes that it is wanted
// for, where their own row and the rows of their neighbors stand in the layer below, and the
// transpose of that for the backward pass. Nodes are of one type (PinSAGE: items) or of two, each
// the neighbors of the other (GraphSAGE over users and items).
#ifndef UNDULA_MODELS_CONVOLUTION_PLAN_H_
#define UNDULA_MODELS_CONVOLUTION_PLAN_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "propagation/sample/random_walk.h"

namespace undula::models {

// Neighbor lists of all nodes of one type.
using NodeLists = propagation::ImportanceLists;

struct ConvLayer {
  bool all_of_below = false;   // the own rows are those of the level below, in order
  std::vector<uint32_t> self;  // [n], else: rows of the own type in the level below
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> src;    // rows of the neighbors' type in the level below
  std::vector<float> weight;    // of a list: they sum to 1
  std::vector<int64_t> in_ptr;  // the transpose, see propagation/ops/spmm.h
  std::vector<uint32_t> in_row, in_entry;
  int64_t rows() const { return static_cast<int64_t>(ptr.size()) - 1; }
};

// An edge that a pass must not use: node `to` in the list of node `from` (of type `type`).
struct RemovedEdge {
  uint32_t type, from, to;
};

// Keeps its memory from step to step. Not thread-safe.
class ConvPlanner {
 public:
  // nodes[t]: how many nodes type t has; one or two types.
  explicit ConvPlanner(std::vector<uint32_t> nodes);

  int types() const { return static_cast<int>(nodes_.size()); }
  int NeighborType(int type) const { return types() == 1 ? 0 : 1 - type; }

  // wanted[t]: the nodes of type t that the last layer is wanted for (any order, repeats allowed).
  // lists[k][t]: what layer k reads, of nodes of type t; a list that loses edges has the weights of
  // the rest scaled to sum 1.
  void Plan(std::span<const std::vector<uint32_t>> wanted,
            std::span<const std::vector<const NodeLists*>> lists,
            std::span<const RemovedEdge> removed);

  int layers() const { return static_cast<int>(layers_.size()); }
  // Nodes of level k (0: the inputs; layers(): the outputs), ascending.
  std::span<const uint32_t> level(int k, int type) const { return levels_[k][type]; }
  const ConvLayer& layer(int k, int type) const { return layers_[k][type]; }
  // The row of a wanted node in the last level.
  uint32_t place(int type, uint32_t node) const { return place_[type][node]; }

 private:
  using Marks = std::vector<uint8_t>;
  void MarkRemoved(const NodeLists& lists, int type, std::span<const RemovedEdge> removed);
  void FillLayer(const NodeLists& lists, std::span<const uint32_t> rows, ConvLayer* layer);
  void SetLevel(int k, int type, std::vector<uint32_t> nodes);

  std::vector<uint32_t> nodes_;
  std::vector<std::vector<std::vector<uint32_t>>> levels_;  // [k][type]
  std::vector<std::vector<ConvLayer>> layers_;              // [k][type]
  std::vector<std::vector<uint32_t>> place_;                // [type][node], of one level at a time
  std::vector<Marks> seen_;                                 // [type][node], zero between calls
  std::vector<uint8_t> gone_;                               // [entry of a list], zero between calls
  std::vector<int64_t> gone_entries_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_PLAN_H_
