#include "queries/connections/connection_search.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace undula::queries {
namespace {

constexpr uint32_t kNone32 = kNoIndex;

// A way from `vertex` to the target.
struct Label {
  EntityId vertex;
  uint32_t parent;  // label of the next vertex on it; kNone32 at the target
  Arc arc;          // the step to it
  uint32_t cost;    // of the rest: its steps, and leaving `vertex` and what follows
  uint32_t next;    // label of the same vertex; kNone32: none
  uint8_t steps;
  bool expanded;  // its vertex' neighbors have labels
};

// The first step of a path: from a start to `vertex`.
struct FirstStep {
  EntityId vertex;
  uint32_t cost;
  uint32_t start;
  Arc arc;
  uint32_t next;  // step to the same vertex; kNone32: none
};

// Labels or steps by their vertex, chained in their order.
template <class Entry>
class ByVertex {
 public:
  explicit ByVertex(std::vector<Entry>* entries)
      : slots_(std::bit_ceil(2 * entries->size() + 1), kNone32), entries_(*entries) {
    for (size_t i = entries_.size(); i-- > 0;) {
      uint32_t& slot = slots_[SlotOf(entries_[i].vertex)];
      entries_[i].next = slot;
      slot = static_cast<uint32_t>(i);
    }
  }
  uint32_t First(EntityId vertex) const { return slots_[SlotOf(vertex)]; }

 private:
  size_t SlotOf(EntityId vertex) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (Index(vertex) * 0x9e3779b97f4a7c15ull >> 32) & mask;
    while (slots_[at] != kNone32 && entries_[slots_[at]].vertex != vertex) at = (at + 1) & mask;
    return at;
  }

  std::vector<uint32_t> slots_;
  std::vector<Entry>& entries_;
};

class Search {
 public:
  Search(const ConnectionGraph& graph, std::span<const PathStart> starts, EntityId target,
         const ConnectionLimits& limits)
      : graph_(graph),
        starts_(starts),
        target_(target),
        limits_(limits),
        largest_(LeavingCost(limits.cap)) {}

  Connections Run() {
    if (limits_.paths == 0 || Index(target_) >= graph_.vertices()) return std::move(found_);
    SpreadLabels();
    const ByVertex table(&labels_);
    table_ = &table;
    TakeFirstSteps();
    if (limits_.max_steps >= 3) TakeSecondSteps();
    std::sort(found_.paths.begin(), found_.paths.end());
    return std::move(found_);
  }

 private:
  // Of paths of at most max_steps the target's side has the second half, and the middle one.
  void SpreadLabels() {
    labels_.push_back({target_, kNone32, {}, 0, kNone32, 0, true});
    if (limits_.max_steps < 2) return;
    Expand(0);
    if (limits_.max_steps < 3) return;
    // Vertices one step away, those with the fewest edges first.
    std::vector<std::tuple<uint32_t, EntityId, uint32_t>> order;
    for (uint32_t i = 1; i < labels_.size(); ++i) {
      const uint32_t size = graph_.SizeCost(labels_[i].vertex);
      if (size <= largest_) order.emplace_back(size, labels_[i].vertex, i);
    }
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size();) {
      const EntityId vertex = std::get<1>(order[i]);
      size_t end = i;
      while (end < order.size() && std::get<1>(order[end]) == vertex) ++end;
      const auto steps = static_cast<size_t>(graph_.Degree(vertex));
      if (labels_.size() + steps * (end - i) > limits_.labels) {
        found_.truncated = true;
        return;
      }
      if (end + 4 < order.size()) graph_.PrefetchPlace(std::get<1>(order[end + 4]));
      if (end + 2 < order.size()) graph_.PrefetchSteps(std::get<1>(order[end + 2]));
      for (; i < end; ++i) Expand(std::get<2>(order[i]));
    }
  }

  void Expand(uint32_t label) {
    labels_[label].expanded = true;
    const Label to = labels_[label];
    graph_.ForEachStepTo(to.vertex, [&](Arc arc, EntityId from, uint32_t leaving) {
      if (from == target_ || from == to.vertex) return;
      if (labels_.size() >= limits_.labels) {
        found_.truncated = true;
        return;
      }
      const uint32_t cost = to.cost + leaving + graph_.costs().Of(arc.relation);
      labels_.push_back(
          {from, label, arc, cost, kNone32, static_cast<uint8_t>(to.steps + 1), false});
    });
  }

  void TakeFirstSteps() {
    for (uint32_t i = 0; i < starts_.size(); ++i) {
      const PathStart& start = starts_[i];
      if (start.entity == target_ || Index(start.entity) >= graph_.vertices() || !IsFirst(i)) {
        continue;
      }
      if (graph_.Degree(start.entity) > limits_.probes) {
        found_.truncated = true;
        continue;
      }
      const bool on = limits_.max_steps >= 3 && graph_.SizeCost(start.entity) <= largest_;
      graph_.ForEachStep(start.entity, [&](Arc arc, EntityId to, uint32_t) {
        if (to == start.entity) return;
        const FirstStep step{to, start.cost + graph_.costs().Of(arc.relation), i, arc, kNone32};
        for (uint32_t l = table_->First(to); l != kNone32; l = labels_[l].next) {
          if (labels_[l].steps < limits_.max_steps) Offer(step, nullptr, labels_[l]);
        }
        if (on && to != target_ && graph_.SizeCost(to) <= largest_) first_.push_back(step);
      });
    }
  }

  // Whether no earlier start has the same entity, or a dearer one.
  bool IsFirst(uint32_t i) const {
    for (uint32_t j = 0; j < starts_.size(); ++j) {
      if (j != i && starts_[j].entity == starts_[i].entity &&
          std::tuple(starts_[j].cost, j) < std::tuple(starts_[i].cost, i)) {
        return false;
      }
    }
    return true;
  }

  // Groups of first steps to one vertex, cheapest first: by the cheapest step and what leaving the
  // vertex costs at most.
  void TakeSecondSteps() {
    uint32_t least = ConnectionLimits::kNoLimit;  // of the labels that a second step can meet
    for (const Label& label : labels_) {
      if (label.steps == 2 || (label.steps == 1 && !label.expanded)) {
        least = std::min(least, label.cost);
      }
    }
    if (least == ConnectionLimits::kNoLimit) return;
    const ByVertex by_vertex(&first_);
    std::vector<std::vector<Group>> buckets;
    for (uint32_t i = 0; i < first_.size(); ++i) {
      if (by_vertex.First(first_[i].vertex) != i) continue;
      uint32_t cost = first_[i].cost;
      for (uint32_t k = first_[i].next; k != kNone32; k = first_[k].next) {
        cost = std::min(cost, first_[k].cost);
      }
      const uint32_t about = cost + graph_.SizeCost(first_[i].vertex);
      if (!Wanted(cost + kStepCost + LeavingCost(1) + least)) continue;
      if (buckets.size() <= about) buckets.resize(about + 1);
      buckets[about].push_back({cost, i});
    }
    std::vector<Group> groups;
    for (const auto& bucket : buckets) groups.insert(groups.end(), bucket.begin(), bucket.end());
    uint64_t probes = 0;
    for (size_t g = 0; g < groups.size(); ++g) {
      const auto vertex = [&](size_t i) { return first_[groups[i].first].vertex; };
      if (g + 4 < groups.size()) graph_.PrefetchPlace(vertex(g + 4));
      if (g + 2 < groups.size()) graph_.PrefetchSteps(vertex(g + 2));
      if (!Wanted(groups[g].cost + kStepCost + LeavingCost(1) + least)) continue;
      const auto degree = static_cast<uint64_t>(graph_.Degree(vertex(g)));
      if (probes + degree > limits_.probes) {
        found_.truncated = true;
        return;
      }
      probes += degree;
      TakeSecondSteps(groups[g]);
    }
  }

  struct Group {
    uint32_t cost;
    uint32_t first;  // of the chain of steps
  };

  void TakeSecondSteps(const Group& group) {
    const EntityId vertex = first_[group.first].vertex;
    graph_.ForEachStep(vertex, [&](Arc arc, EntityId to, uint32_t leaving) {
      if (to == target_ || to == vertex) return;
      const uint32_t cost = leaving + graph_.costs().Of(arc.relation);
      for (uint32_t l = table_->First(to); l != kNone32; l = labels_[l].next) {
        const Label& label = labels_[l];
        // Where the target's side went on from `to`, one step was enough to meet it.
        if (label.steps + 2u > limits_.max_steps || (label.steps == 1 && label.expanded)) continue;
        if (!Wanted(group.cost + cost + label.cost)) continue;
        const Second second{arc, to, cost};
        for (uint32_t k = group.first; k != kNone32; k = first_[k].next) {
          Offer(first_[k], &second, label);
        }
      }
    });
  }

  struct Second {
    Arc arc;
    EntityId to;
    uint32_t cost;
  };

  bool Wanted(uint32_t cost) const {
    return found_.paths.size() < limits_.paths || cost <= found_.paths.front().cost;
  }

  void Offer(const FirstStep& first, const Second* second, const Label& label) {
    ConnectionPath path;
    path.cost = first.cost + (second == nullptr ? 0 : second->cost) + label.cost;
    if (!Wanted(path.cost)) return;
    path.start = first.start;
    path.vertex[0] = starts_[first.start].entity;
    const auto step = [&](Arc arc, EntityId to) {
      path.arc[path.steps] = arc;
      path.vertex[++path.steps] = to;
    };
    step(first.arc, first.vertex);
    if (second != nullptr) step(second->arc, second->to);
    for (const Label* at = &label; at->parent != kNone32; at = &labels_[at->parent]) {
      step(at->arc, labels_[at->parent].vertex);
    }
    for (uint32_t i = 0; i < path.steps; ++i) {
      for (uint32_t j = i + 1; j <= path.steps; ++j) {
        if (path.vertex[i] == path.vertex[j]) return;
      }
    }
    // A heap with the dearest in front.
    std::vector<ConnectionPath>& heap = found_.paths;
    if (heap.size() == limits_.paths) {
      if (heap.front() < path) return;
      std::pop_heap(heap.begin(), heap.end());
      heap.back() = path;
    } else {
      heap.push_back(path);
    }
    std::push_heap(heap.begin(), heap.end());
  }

  const ConnectionGraph& graph_;
  const std::span<const PathStart> starts_;
  const EntityId target_;
  const ConnectionLimits& limits_;
  const uint32_t largest_;  // SizeCost of what is expanded
  std::vector<Label> labels_;
  const ByVertex<Label>* table_ = nullptr;
  std::vector<FirstStep> first_;
  Connections found_;
};

}  // namespace

Connections FindConnections(const ConnectionGraph& graph, std::span<const PathStart> starts,
                            EntityId target, const ConnectionLimits& limits) {
  return Search(graph, starts, target, limits).Run();
}

}  // namespace undula::queries
