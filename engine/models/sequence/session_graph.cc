#include "models/sequence/session_graph.h"

#include <algorithm>

namespace undula::models {

void SessionGraphCompiler::Begin(int64_t rows) {
  n_ = 0;
  changed_.clear();
  if (static_cast<int64_t>(stamp_.size()) < rows) {
    stamp_.resize(static_cast<size_t>(rows), 0);
    local_.resize(static_cast<size_t>(rows), 0);
  }
  ++now_;
}

// Adds the event of the item with this row, and the edge from the event before.
void SessionGraphCompiler::Follow(uint32_t row, bool first) {
  const auto touch = [&](uint32_t local) {
    if (nodes_[local].changed) return;
    nodes_[local].changed = true;
    changed_.push_back(local);
  };
  if (stamp_[row] != now_) {
    stamp_[row] = now_;
    local_[row] = n_;
    if (n_ == nodes_.size()) nodes_.emplace_back();
    Node& node = nodes_[n_];
    node.row = row;
    node.count = 0;
    node.changed = false;
    node.in.clear();
    node.out.clear();
    touch(n_++);
  }
  const uint32_t here = local_[row];
  nodes_[here].count += 1;
  if (!first) {
    std::vector<uint32_t>& next = nodes_[last_].out;
    if (std::find(next.begin(), next.end(), here) == next.end()) {
      next.push_back(here);
      nodes_[here].in.push_back(last_);
      touch(last_);
      touch(here);
    }
  }
  last_ = here;
}

void SessionGraphCompiler::Emit(uint32_t local, SessionGraph* out) {
  Node& node = nodes_[local];
  node.version = static_cast<uint32_t>(out->node_row.size());
  node.changed = false;
  out->node_row.push_back(node.row);
  for (const uint32_t from : node.in) out->in_row.push_back(nodes_[from].row);
  for (const uint32_t to : node.out) out->out_row.push_back(nodes_[to].row);
  out->in_ptr.push_back(static_cast<int64_t>(out->in_row.size()));
  out->out_ptr.push_back(static_cast<int64_t>(out->out_row.size()));
}

// A row of the batch reads the present prefix.
void SessionGraphCompiler::Read(SessionGraph* out) {
  for (const uint32_t local : changed_) Emit(local, out);
  changed_.clear();
  for (uint32_t i = 0; i < n_; ++i) {
    out->slot_node.push_back(nodes_[i].version);
    out->slot_count.push_back(nodes_[i].count);
  }
  out->slot_ptr.push_back(static_cast<int64_t>(out->slot_node.size()));
  out->last_node.push_back(nodes_[last_].version);
}

// Neighbors as nodes, for the graph of one row that has just been read.
void SessionGraphCompiler::LinkNodes(int64_t first_in, int64_t first_out, SessionGraph* out) {
  const auto node_of = [&](uint32_t row) { return nodes_[local_[row]].version; };
  for (size_t i = first_in; i < out->in_row.size(); ++i) {
    out->in_node.push_back(node_of(out->in_row[i]));
  }
  for (size_t i = first_out; i < out->out_row.size(); ++i) {
    out->out_node.push_back(node_of(out->out_row[i]));
  }
}

void SessionGraphCompiler::Compile(const SequencePlan& plan, bool share, SessionGraph* out) {
  out->node_row.clear();
  out->in_ptr.assign(1, 0);
  out->out_ptr.assign(1, 0);
  for (auto* list : {&out->in_row, &out->out_row, &out->in_node, &out->out_node, &out->slot_node,
                     &out->last_node}) {
    list->clear();
  }
  out->slot_ptr.assign(1, 0);
  out->slot_count.clear();
  for (int64_t s = 0; s < plan.sequences(); ++s) {
    const int64_t begin = plan.event_ptr[s];
    if (share) {
      Begin(plan.table_rows);
      int64_t row = plan.row_ptr[s];
      for (int64_t e = begin; e < plan.event_ptr[s + 1]; ++e) {
        Follow(plan.event_row[e], e == begin);
        for (; row < plan.row_ptr[s + 1] && plan.row_event[row] == e; ++row) Read(out);
      }
      continue;
    }
    for (int64_t row = plan.row_ptr[s]; row < plan.row_ptr[s + 1]; ++row) {
      Begin(plan.table_rows);
      const auto first_in = static_cast<int64_t>(out->in_row.size());
      const auto first_out = static_cast<int64_t>(out->out_row.size());
      for (int64_t e = begin; e <= plan.row_event[row]; ++e) {
        Follow(plan.event_row[e], e == begin);
      }
      Read(out);
      LinkNodes(first_in, first_out, out);
    }
  }
}

}  // namespace undula::models
