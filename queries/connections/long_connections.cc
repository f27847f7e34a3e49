#include "queries/connections/long_connections.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "queries/connections/yen_paths.h"

namespace undula::queries {
namespace {

constexpr size_t kVertices = 400;  // of the small graph
constexpr size_t kTried = 50;      // paths listed beyond those wanted: some have too many steps

using Costs = std::unordered_map<uint32_t, uint32_t>;  // vertex -> cost

// Vertices by what it costs to get to them, the cheapest first.
class Spread {
 public:
  Spread(const ConnectionGraph& graph, const ConnectionLimits& limits, uint64_t budget)
      : graph_(graph), limits_(limits), budget_(budget) {}

  void Add(EntityId vertex, uint32_t cost) {
    const auto [at, fresh] = reached_.try_emplace(Index(vertex), cost);
    if (!fresh && at->second <= cost) return;
    at->second = cost;
    queue_.emplace(cost, Index(vertex));
  }

  // step(vertex, cost) adds what is one step away.
  template <class Step>
  void Run(const Step& step) {
    uint64_t looked_at = 0;
    while (!queue_.empty()) {
      const auto [cost, vertex] = queue_.top();
      queue_.pop();
      if (cost != reached_.at(vertex)) continue;
      const auto degree = static_cast<uint64_t>(graph_.Degree(EntityId{vertex}));
      const bool source = sources_.contains(vertex);
      if (!source && degree > uint64_t{limits_.cap}) continue;
      if (looked_at + degree > budget_) {
        truncated_ = true;
        return;
      }
      looked_at += degree;
      step(EntityId{vertex}, cost);
    }
  }

  void AddSource(EntityId vertex, uint32_t cost) {
    sources_.emplace(Index(vertex), cost);
    Add(vertex, cost);
  }
  bool IsSource(EntityId vertex) const { return sources_.contains(Index(vertex)); }
  const Costs& reached() const { return reached_; }
  bool truncated() const { return truncated_; }

 private:
  using Entry = std::pair<uint32_t, uint32_t>;  // cost, vertex

  const ConnectionGraph& graph_;
  const ConnectionLimits& limits_;
  const uint64_t budget_;
  Costs reached_, sources_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  bool truncated_ = false;
};

// The part of the graph that is cut out, for Yen: vertex 0 is where all starts come from, then its
// vertices, then each start beside its entity, which it costs nothing to leave.
class SmallGraph {
 public:
  SmallGraph(const ConnectionGraph& graph, std::span<const PathStart> starts,
             const std::vector<uint32_t>& starts_used, std::vector<EntityId> vertices,
             const ConnectionLimits& limits)
      : graph_(graph),
        starts_(starts),
        used_(starts_used),
        vertices_(std::move(vertices)),
        limits_(limits),
        yen_(1 + vertices_.size() + used_.size()) {
    for (size_t i = 0; i < vertices_.size(); ++i) place_.emplace(Index(vertices_[i]), i);
    for (size_t i = 0; i < used_.size(); ++i) {
      AddEdge(0, StartVertex(i), starts_[used_[i]].cost, {});
      AddSteps(StartVertex(i), starts_[used_[i]].entity, false);
    }
    for (size_t i = 0; i < vertices_.size(); ++i) {
      if (graph_.Degree(vertices_[i]) > limits_.cap) {
        hubs_ = true;
        continue;
      }
      AddSteps(1 + i, vertices_[i], true);
    }
    if (hubs_) AddStepsOfHubs();
  }

  void List(EntityId target, Connections* found) const {
    const auto same = [&](size_t v) {
      return v <= vertices_.size()
                 ? v
                 : 1 + place_.at(Index(starts_[used_[v - 1 - vertices_.size()]].entity));
    };
    YenPaths paths(yen_, 0, 1 + place_.at(Index(target)), same);
    for (size_t tried = 0; found->paths.size() < limits_.paths; ++tried) {
      const auto path = paths.Next();
      if (!path.has_value()) return;
      if (tried == limits_.paths + kTried) {
        found->truncated = true;
        return;
      }
      if (path->edges.size() - 1 <= limits_.max_steps) found->paths.push_back(PathOf(*path));
    }
  }

 private:
  struct Step {
    Arc arc;
    EntityId to = kNone<EntityId>;
  };

  size_t StartVertex(size_t i) const { return 1 + vertices_.size() + i; }

  void AddEdge(size_t from, size_t to, uint32_t cost, const Step& step) {
    boost::add_edge(from, to, YenEdge{cost, static_cast<uint32_t>(steps_.size())}, yen_);
    steps_.push_back(step);
  }

  void AddSteps(size_t from, EntityId vertex, bool leaving_costs) {
    graph_.ForEachStep(vertex, [&](Arc arc, EntityId to, uint32_t leaving) {
      const auto at = place_.find(Index(to));
      if (at == place_.end() || to == vertex) return;
      AddEdge(from, 1 + at->second, graph_.costs().Of(arc.relation) + (leaving_costs ? leaving : 0),
              {arc, to});
    });
  }

  // From the other ends, which have fewer edges.
  void AddStepsOfHubs() {
    for (size_t i = 0; i < vertices_.size(); ++i) {
      if (graph_.Degree(vertices_[i]) > limits_.cap) continue;
      graph_.ForEachStepTo(vertices_[i], [&](Arc arc, EntityId from, uint32_t leaving) {
        const auto at = place_.find(Index(from));
        if (at == place_.end() || graph_.Degree(from) <= limits_.cap) return;
        AddEdge(1 + at->second, 1 + i, graph_.costs().Of(arc.relation) + leaving,
                {arc, vertices_[i]});
      });
    }
  }

  ConnectionPath PathOf(const YenPath& path) const {
    ConnectionPath out;
    out.cost = path.cost;
    out.start = used_[boost::target(path.edges[0], yen_) - StartVertex(0)];
    out.vertex[0] = starts_[out.start].entity;
    for (size_t i = 1; i < path.edges.size(); ++i) {
      const Step& step = steps_[yen_[path.edges[i]].number];
      out.arc[out.steps] = step.arc;
      out.vertex[++out.steps] = step.to;
    }
    return out;
  }

  const ConnectionGraph& graph_;
  const std::span<const PathStart> starts_;
  const std::vector<uint32_t>& used_;
  const std::vector<EntityId> vertices_;
  const ConnectionLimits& limits_;
  YenGraph yen_;
  std::unordered_map<uint32_t, size_t> place_;
  std::vector<Step> steps_;  // by the number of the edge
  bool hubs_ = false;
};

// The starts that have an entity other than the target; of equal ones the cheapest.
std::vector<uint32_t> UsedStarts(const ConnectionGraph& graph, std::span<const PathStart> starts,
                                 EntityId target) {
  std::vector<uint32_t> used;
  for (uint32_t i = 0; i < starts.size(); ++i) {
    if (starts[i].entity == target || Index(starts[i].entity) >= graph.vertices()) continue;
    const auto same = std::find_if(
        used.begin(), used.end(), [&](uint32_t j) { return starts[j].entity == starts[i].entity; });
    if (same == used.end()) {
      used.push_back(i);
    } else if (starts[i].cost < starts[*same].cost) {
      *same = i;
    }
  }
  return used;
}

// Those that steps are looked at from, ascending.
std::vector<uint32_t> Walked(const ConnectionGraph& graph, const ConnectionLimits& limits,
                             const Spread& spread) {
  std::vector<uint32_t> out;
  for (const auto& [vertex, cost] : spread.reached()) {
    const EntityId v{vertex};
    if (spread.IsSource(v) || graph.Degree(v) <= limits.cap) out.push_back(vertex);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Whether `cost` is new or less.
bool Lower(uint32_t vertex, uint32_t cost, Costs* costs) {
  const auto [at, fresh] = costs->try_emplace(vertex, cost);
  if (fresh || cost >= at->second) return fresh;
  at->second = cost;
  return true;
}

// Those of `vertices` that lie on some way of at most max_steps from a start to the target (the
// first of them), in their order.
std::vector<EntityId> OnShortWays(const ConnectionGraph& graph, const ConnectionLimits& limits,
                                  const Spread& starts, const std::vector<EntityId>& vertices) {
  std::unordered_map<uint32_t, size_t> place;
  for (size_t i = 0; i < vertices.size(); ++i) place.emplace(Index(vertices[i]), i);
  std::vector<std::vector<size_t>> beside(vertices.size());
  for (size_t i = 0; i < vertices.size(); ++i) {
    // Edges of hubs are seen from their other ends.
    if (!starts.IsSource(vertices[i]) && graph.Degree(vertices[i]) > limits.cap) continue;
    graph.ForEachStep(vertices[i], [&](Arc, EntityId to, uint32_t) {
      const auto at = place.find(Index(to));
      if (at == place.end()) return;
      beside[i].push_back(at->second);
      beside[at->second].push_back(i);
    });
  }
  const auto steps_from = [&](std::vector<size_t> layer) {
    std::vector<uint32_t> steps(vertices.size(), limits.max_steps + 1);
    for (const size_t i : layer) steps[i] = 0;
    for (uint32_t n = 1; n <= limits.max_steps && !layer.empty(); ++n) {
      std::vector<size_t> next;
      for (const size_t i : layer) {
        for (const size_t j : beside[i]) {
          if (steps[j] <= limits.max_steps) continue;
          steps[j] = n;
          next.push_back(j);
        }
      }
      layer = std::move(next);
    }
    return steps;
  };
  std::vector<size_t> sources;
  for (size_t i = 1; i < vertices.size(); ++i) {
    if (starts.IsSource(vertices[i])) sources.push_back(i);
  }
  const std::vector<uint32_t> back = steps_from({0}), on = steps_from(std::move(sources));
  std::vector<EntityId> out;
  for (size_t i = 0; i < vertices.size(); ++i) {
    if (i == 0 || back[i] + on[i] <= limits.max_steps) out.push_back(vertices[i]);
  }
  return out;
}

}  // namespace

Connections FindLongConnections(const ConnectionGraph& graph, std::span<const PathStart> starts,
                                EntityId target, const ConnectionLimits& limits) {
  Connections found;
  if (limits.paths == 0 || Index(target) >= graph.vertices()) return found;
  std::vector<uint32_t> used = UsedStarts(graph, starts, target);
  Spread back(graph, limits, limits.labels);
  back.AddSource(target, 0);
  back.Run([&](EntityId vertex, uint32_t cost) {
    graph.ForEachStepTo(vertex, [&](Arc arc, EntityId from, uint32_t leaving) {
      back.Add(from, cost + leaving + graph.costs().Of(arc.relation));
    });
  });
  Spread on(graph, limits, limits.probes);
  for (const uint32_t i : used) on.AddSource(starts[i].entity, starts[i].cost);
  on.Run([&](EntityId vertex, uint32_t cost) {
    if (vertex == target) return;
    const bool start = on.IsSource(vertex);
    graph.ForEachStep(vertex, [&](Arc arc, EntityId to, uint32_t leaving) {
      on.Add(to, cost + (start ? 0 : leaving) + graph.costs().Of(arc.relation));
    });
  });
  found.truncated = back.truncated() || on.truncated();

  // What is behind a hub on one side was reached from the other side only.
  Costs to_target = back.reached(), from_starts = on.reached();
  const std::vector<uint32_t> ahead = Walked(graph, limits, back);
  const std::vector<uint32_t> behind = Walked(graph, limits, on);
  for (uint32_t round = 0, changed = 1; round < limits.max_steps && changed != 0; ++round) {
    changed = 0;
    for (const uint32_t v : behind) {
      graph.ForEachStep(EntityId{v}, [&](Arc arc, EntityId to, uint32_t leaving) {
        const auto at = to_target.find(Index(to));
        if (at == to_target.end()) return;
        changed |= Lower(v, at->second + leaving + graph.costs().Of(arc.relation), &to_target);
      });
    }
    for (const uint32_t v : ahead) {
      graph.ForEachStepTo(EntityId{v}, [&](Arc arc, EntityId from, uint32_t leaving) {
        const auto at = from_starts.find(Index(from));
        if (at == from_starts.end() || from == target) return;
        const uint32_t left = on.IsSource(from) ? 0 : leaving;
        changed |= Lower(v, at->second + left + graph.costs().Of(arc.relation), &from_starts);
      });
    }
  }
  std::vector<std::pair<uint32_t, EntityId>> between;  // by the cheapest path through the vertex
  for (const auto& [vertex, cost] : from_starts) {
    const auto at = to_target.find(vertex);
    if (at != to_target.end() && EntityId{vertex} != target) {
      between.emplace_back(cost + at->second, EntityId{vertex});
    }
  }
  std::sort(between.begin(), between.end());
  if (between.size() + 1 > kVertices) {
    between.resize(kVertices - 1);
    found.truncated = true;
  }
  std::vector<EntityId> vertices = {target};
  for (const auto& [cost, vertex] : between) vertices.push_back(vertex);
  vertices = OnShortWays(graph, limits, on, vertices);
  std::erase_if(used, [&](uint32_t i) {
    return std::find(vertices.begin(), vertices.end(), starts[i].entity) == vertices.end();
  });
  if (used.empty()) return found;
  SmallGraph(graph, starts, used, std::move(vertices), limits).List(target, &found);
  std::sort(found.paths.begin(), found.paths.end());
  return found;
}

}  // namespace undula::queries
