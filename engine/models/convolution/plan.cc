#include "models/convolution/plan.h"

#include <algorithm>
#include <numeric>

#include "base/ids.h"

namespace undula::models {
namespace {

void Transpose(int64_t below, ConvLayer* layer) {
  layer->in_ptr.assign(static_cast<size_t>(below) + 1, 0);
  for (const uint32_t s : layer->src) ++layer->in_ptr[size_t{s} + 1];
  std::partial_sum(layer->in_ptr.begin(), layer->in_ptr.end(), layer->in_ptr.begin());
  layer->in_row.resize(layer->src.size());
  layer->in_entry.resize(layer->src.size());
  std::vector<int64_t> next(layer->in_ptr.begin(), layer->in_ptr.end() - 1);
  for (int64_t row = 0; row < layer->rows(); ++row) {
    for (int64_t e = layer->ptr[row]; e < layer->ptr[row + 1]; ++e) {
      const int64_t at = next[layer->src[e]]++;
      layer->in_row[at] = static_cast<uint32_t>(row);
      layer->in_entry[at] = static_cast<uint32_t>(e);
    }
  }
}

}  // namespace

ConvPlanner::ConvPlanner(std::vector<uint32_t> nodes) : nodes_(std::move(nodes)) {
  for (const uint32_t n : nodes_) {
    place_.emplace_back(n, kNoIndex);
    seen_.emplace_back(n, uint8_t{0});
  }
}

// Ascending and distinct.
void ConvPlanner::SetLevel(int k, int type, std::vector<uint32_t> nodes) {
  Marks& seen = seen_[type];
  size_t distinct = 0;
  for (const uint32_t node : nodes) {
    if (seen[node] != 0) continue;
    seen[node] = 1;
    nodes[distinct++] = node;
  }
  nodes.resize(distinct);
  if (distinct > nodes_[type] / 16) {
    nodes.clear();
    for (uint32_t node = 0; node < nodes_[type]; ++node) {
      if (seen[node] != 0) nodes.push_back(node);
    }
  } else {
    std::sort(nodes.begin(), nodes.end());
  }
  for (const uint32_t node : nodes) seen[node] = 0;
  levels_[k][type] = std::move(nodes);
}

void ConvPlanner::MarkRemoved(const NodeLists& lists, int type,
                              std::span<const RemovedEdge> removed) {
  if (gone_.size() < lists.item.size()) gone_.resize(lists.item.size());
  for (const RemovedEdge& edge : removed) {
    if (edge.type != static_cast<uint32_t>(type)) continue;
    for (int64_t e = lists.ptr[edge.from]; e < lists.ptr[size_t{edge.from} + 1]; ++e) {
      if (lists.item[e] != edge.to || gone_[e] != 0) continue;
      gone_[e] = 1;
      gone_entries_.push_back(e);
    }
  }
}

// src holds nodes at first; Plan turns them into rows once the level below is known.
void ConvPlanner::FillLayer(const NodeLists& lists, std::span<const uint32_t> rows,
                            ConvLayer* layer) {
  layer->ptr.assign(1, 0);
  layer->src.clear();
  layer->weight.clear();
  for (const uint32_t node : rows) {
    float left = 0;
    bool lost = false;
    const size_t first = layer->src.size();
    for (int64_t e = lists.ptr[node]; e < lists.ptr[size_t{node} + 1]; ++e) {
      if (gone_[e] != 0) {
        lost = true;
        continue;
      }
      layer->src.push_back(lists.item[e]);
      layer->weight.push_back(lists.weight[e]);
      left += lists.weight[e];
    }
    for (size_t e = first; lost && e < layer->weight.size(); ++e) layer->weight[e] /= left;
    layer->ptr.push_back(static_cast<int64_t>(layer->src.size()));
  }
}

void ConvPlanner::Plan(std::span<const std::vector<uint32_t>> wanted,
                       std::span<const std::vector<const NodeLists*>> lists,
                       std::span<const RemovedEdge> removed) {
  const int n = static_cast<int>(lists.size());
  levels_.resize(static_cast<size_t>(n) + 1, std::vector<std::vector<uint32_t>>(nodes_.size()));
  layers_.resize(static_cast<size_t>(n), std::vector<ConvLayer>(nodes_.size()));
  for (int t = 0; t < types(); ++t) SetLevel(n, t, wanted[t]);
  for (int k = n - 1; k >= 0; --k) {
    std::vector<std::vector<uint32_t>> below(nodes_.size());
    for (int t = 0; t < types(); ++t) below[t] = levels_[k + 1][t];
    for (int t = 0; t < types(); ++t) {
      ConvLayer& layer = layers_[k][t];
      MarkRemoved(*lists[k][t], t, removed);
      FillLayer(*lists[k][t], levels_[k + 1][t], &layer);
      for (const int64_t e : gone_entries_) gone_[e] = 0;
      gone_entries_.clear();
      auto& to = below[NeighborType(t)];
      to.insert(to.end(), layer.src.begin(), layer.src.end());
    }
    for (int t = 0; t < types(); ++t) {
      SetLevel(k, t, std::move(below[t]));
      for (size_t i = 0; i < levels_[k][t].size(); ++i) {
        place_[t][levels_[k][t][i]] = static_cast<uint32_t>(i);
      }
    }
    for (int t = 0; t < types(); ++t) {
      ConvLayer& layer = layers_[k][t];
      const int from = NeighborType(t);
      for (uint32_t& src : layer.src) src = place_[from][src];
      Transpose(static_cast<int64_t>(levels_[k][from].size()), &layer);
      layer.all_of_below = levels_[k][t].size() == levels_[k + 1][t].size();
      layer.self.clear();
      for (size_t i = 0; !layer.all_of_below && i < levels_[k + 1][t].size(); ++i) {
        layer.self.push_back(place_[t][levels_[k + 1][t][i]]);
      }
    }
  }
  for (int t = 0; t < types(); ++t) {
    for (size_t i = 0; i < levels_[n][t].size(); ++i) {
      place_[t][levels_[n][t][i]] = static_cast<uint32_t>(i);
    }
  }
}

}  // namespace undula::models
