// Session graphs of the prefixes of a plan. Nodes are the distinct items of a prefix; an edge leads
// from an item to the one that followed it (once, however often it did). Source: Wu et al.,
// "Session-based Recommendation with Graph Neural Networks", AAAI 2019, section 3.2.
//
// Prefixes of one sequence share their nodes: a step from a to b changes only what follows a and
// what precedes b, so that a prefix needs at most two nodes anew. A node is then a version: an item
// with the neighbors that it had at some point of the sequence. This holds for one step of
// propagation from the item vectors; with more, each prefix has a graph of its own.
#ifndef UNDULA_MODELS_SEQUENCE_SESSION_GRAPH_H_
#define UNDULA_MODELS_SEQUENCE_SESSION_GRAPH_H_

#include <cstdint>
#include <vector>

#include "models/sequence/sequences.h"

namespace undula::models {

struct SessionGraph {
  // Of each node: its item's row among the plan's items, its predecessors and its successors.
  std::vector<uint32_t> node_row;           // [P]
  std::vector<int64_t> in_ptr, out_ptr;     // [P + 1]
  std::vector<uint32_t> in_row, out_row;    // rows of the neighbors' items
  std::vector<uint32_t> in_node, out_node;  // the neighbors' nodes; without sharing only
  // Of each row of the batch: the nodes of its prefix, how often each stands there, and the node of
  // its last event.
  std::vector<int64_t> slot_ptr;    // [B + 1]
  std::vector<uint32_t> slot_node;  // [slots]
  std::vector<float> slot_count;    // [slots]
  std::vector<uint32_t> last_node;  // [B]

  int64_t nodes() const { return static_cast<int64_t>(node_row.size()); }
};

// Makes graphs; keeps its memory. Not thread-safe.
class SessionGraphCompiler {
 public:
  // share: nodes are versions that prefixes share.
  void Compile(const SequencePlan& plan, bool share, SessionGraph* out);

 private:
  struct Node {
    uint32_t row;      // of the item
    uint32_t version;  // the node of the graph that it is now
    float count;
    bool changed;
    std::vector<uint32_t> in, out;  // local numbers
  };
  void Begin(int64_t rows);
  void Follow(uint32_t row, bool first);
  void Emit(uint32_t local, SessionGraph* out);
  void Read(SessionGraph* out);
  void LinkNodes(int64_t first_in, int64_t first_out, SessionGraph* out);

  std::vector<Node> nodes_;
  uint32_t n_ = 0, last_ = 0;    // nodes of the prefix, the last event's
  std::vector<uint32_t> local_;  // by row of an item
  std::vector<uint32_t> stamp_;  // of local_
  std::vector<uint32_t> changed_;
  uint32_t now_ = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SESSION_GRAPH_H_
