// The session graph of the latest events of one sequence, kept up to date event by event: a new
// event changes what follows the one before it, what precedes itself and, where the oldest event
// goes, what precedes the second oldest.
#ifndef UNDULA_MODELS_SEQUENCE_SLIDING_GRAPH_H_
#define UNDULA_MODELS_SEQUENCE_SLIDING_GRAPH_H_

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/sequence/session_graph.h"

namespace undula::models {

// Nodes have slots, which a node that goes leaves to a later one. Not thread-safe.
class SlidingGraph {
 public:
  // max_length: events that are kept; 0: all.
  explicit SlidingGraph(int64_t max_length) : max_length_(max_length) {}

  // Adds an event. The slots whose neighbors changed are then in touched().
  void Add(uint32_t item);
  std::span<const uint32_t> touched() const { return touched_; }

  // Nodes of the slots `of` with their neighbors' items, as SessionGraphCompiler makes them.
  void Nodes(std::span<const uint32_t> of, SessionGraph* out) const;
  // The one row that reads the present graph: its nodes are slots.
  void Row(SessionGraph* out) const;

  // Slots are below this.
  int64_t slots() const { return static_cast<int64_t>(nodes_.size()); }
  const std::deque<uint32_t>& events() const { return events_; }  // items, the oldest first

 private:
  struct Edge {
    uint32_t slot;
    uint32_t times;  // how often the step stands among the events
  };
  struct Node {
    uint32_t item = 0;
    uint32_t count = 0;  // of its events; 0: the slot is free
    std::vector<Edge> in, out;
  };
  void RemoveOldest();
  void Touch(uint32_t slot);
  static void Join(uint32_t slot, std::vector<Edge>* edges);
  static void Part(uint32_t slot, std::vector<Edge>* edges);

  int64_t max_length_;
  std::deque<uint32_t> events_;
  std::unordered_map<uint32_t, uint32_t> slot_;  // by item
  std::vector<Node> nodes_;
  std::vector<uint32_t> free_, touched_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SLIDING_GRAPH_H_
