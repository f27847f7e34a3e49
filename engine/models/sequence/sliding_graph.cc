#include "models/sequence/sliding_graph.h"

#include <algorithm>

namespace undula::models {

void SlidingGraph::Touch(uint32_t slot) {
  if (std::find(touched_.begin(), touched_.end(), slot) == touched_.end()) {
    touched_.push_back(slot);
  }
}

void SlidingGraph::Join(uint32_t slot, std::vector<Edge>* edges) {
  for (Edge& edge : *edges) {
    if (edge.slot != slot) continue;
    ++edge.times;
    return;
  }
  edges->push_back({slot, 1});
}

void SlidingGraph::Part(uint32_t slot, std::vector<Edge>* edges) {
  const auto edge =
      std::find_if(edges->begin(), edges->end(), [slot](const Edge& e) { return e.slot == slot; });
  if (--edge->times == 0) edges->erase(edge);
}

// There are at least two events.
void SlidingGraph::RemoveOldest() {
  const uint32_t from = slot_[events_[0]], to = slot_[events_[1]];
  Part(to, &nodes_[from].out);
  Part(from, &nodes_[to].in);
  Touch(to);
  events_.pop_front();
  if (--nodes_[from].count > 0) {
    Touch(from);
  } else {
    slot_.erase(nodes_[from].item);
    free_.push_back(from);
  }
}

void SlidingGraph::Add(uint32_t item) {
  touched_.clear();
  const auto [at, is_new] = slot_.try_emplace(item, 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.emplace_back();
    }
    at->second = free_.back();
    free_.pop_back();
    nodes_[at->second] = Node{.item = item};
  }
  const uint32_t here = at->second;
  ++nodes_[here].count;
  Touch(here);
  if (!events_.empty()) {
    const uint32_t last = slot_[events_.back()];
    Join(here, &nodes_[last].out);
    Join(last, &nodes_[here].in);
    Touch(last);
  }
  events_.push_back(item);
  if (max_length_ == 0 || static_cast<int64_t>(events_.size()) <= max_length_) return;
  RemoveOldest();
  std::erase_if(touched_, [this](uint32_t slot) { return nodes_[slot].count == 0; });
}

void SlidingGraph::Nodes(std::span<const uint32_t> of, SessionGraph* out) const {
  *out = {};
  out->in_ptr.push_back(0);
  out->out_ptr.push_back(0);
  for (const uint32_t slot : of) {
    const Node& node = nodes_[slot];
    out->node_row.push_back(node.item);
    for (const Edge& edge : node.in) out->in_row.push_back(nodes_[edge.slot].item);
    for (const Edge& edge : node.out) out->out_row.push_back(nodes_[edge.slot].item);
    out->in_ptr.push_back(static_cast<int64_t>(out->in_row.size()));
    out->out_ptr.push_back(static_cast<int64_t>(out->out_row.size()));
  }
}

void SlidingGraph::Row(SessionGraph* out) const {
  *out = {};
  out->slot_ptr.push_back(0);
  for (uint32_t slot = 0; slot < nodes_.size(); ++slot) {
    if (nodes_[slot].count == 0) continue;
    out->slot_node.push_back(slot);
    out->slot_count.push_back(static_cast<float>(nodes_[slot].count));
  }
  out->slot_ptr.push_back(static_cast<int64_t>(out->slot_node.size()));
  out->last_node.push_back(slot_.at(events_.back()));
}

}  // namespace undula::models
