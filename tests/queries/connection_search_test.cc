// The search for connections against all paths of small graphs, and what its prices promise.
#include "queries/connections/connection_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "queries/connections/connection_graph.h"
#include "queries/connections/long_connections.h"
#include "queries/connections/yen_paths.h"

namespace undula::queries {
namespace {

struct Triple {
  uint32_t head, relation, tail;
  friend auto operator<=>(const Triple&, const Triple&) = default;
};

EdgeCsr Rows(uint32_t entities, std::vector<Triple> triples, bool by_tail) {
  if (by_tail) {
    for (Triple& t : triples) std::swap(t.head, t.tail);
  }
  std::sort(triples.begin(), triples.end());
  EdgeCsr csr;
  for (uint32_t e = 0; e < entities; ++e) {
    for (const Triple& t : triples) {
      if (t.head != e) continue;
      csr.relation.push_back(RelationId{t.relation});
      csr.entity.push_back(EntityId{t.tail});
    }
    csr.ptr.push_back(csr.edges());
  }
  return csr;
}

Snapshot SnapshotOf(uint32_t entities, const std::vector<Triple>& triples) {
  Snapshot snapshot;
  snapshot.n_entities = entities;
  snapshot.out = Rows(entities, triples, false);
  snapshot.in = Rows(entities, triples, true);
  return snapshot;
}

ConnectionLimits Unlimited(uint32_t paths, uint32_t max_steps = kMaxSteps) {
  return {paths, max_steps, ConnectionLimits::kNoLimit, ConnectionLimits::kNoLimit,
          ConnectionLimits::kNoLimit};
}

// All simple paths of at most max_steps, priced by the definition.
class AllPaths {
 public:
  AllPaths(const std::vector<Triple>& triples, const RelationCosts& costs, EntityId target,
           uint32_t max_steps)
      : triples_(triples), costs_(costs), target_(target), max_steps_(max_steps) {}

  std::vector<ConnectionPath> From(const std::vector<PathStart>& starts) {
    for (uint32_t i = 0; i < starts.size(); ++i) {
      ConnectionPath path;
      path.start = i;
      path.cost = starts[i].cost;
      path.vertex[0] = starts[i].entity;
      if (starts[i].entity != target_) Extend(path);
    }
    std::sort(found_.begin(), found_.end());
    return found_;
  }

 private:
  uint64_t Neighbors(EntityId v, Arc arc) const {
    return static_cast<uint64_t>(std::count_if(triples_.begin(), triples_.end(), [&](auto& t) {
      return t.relation == Index(arc.relation) && (arc.inverse ? t.tail : t.head) == Index(v);
    }));
  }

  void Extend(const ConnectionPath& path) {
    const EntityId at = path.vertex[path.steps];
    if (at == target_) {
      found_.push_back(path);
      return;
    }
    if (path.steps == max_steps_) return;
    for (const Triple& t : triples_) {
      if (costs_.Hidden(RelationId{t.relation})) continue;
      for (const bool inverse : {false, true}) {
        if ((inverse ? t.tail : t.head) != Index(at)) continue;
        const EntityId to{inverse ? t.head : t.tail};
        const auto* const end = path.vertex.begin() + path.steps + 1;
        if (std::find(path.vertex.begin(), end, to) != end) continue;
        ConnectionPath longer = path;
        const Arc arc{RelationId{t.relation}, inverse};
        longer.arc[path.steps] = arc;
        longer.vertex[++longer.steps] = to;
        longer.cost += costs_.Of(arc.relation);
        if (path.steps > 0) longer.cost += LeavingCost(Neighbors(at, arc));
        Extend(longer);
      }
    }
  }

  const std::vector<Triple>& triples_;
  const RelationCosts& costs_;
  const EntityId target_;
  const uint32_t max_steps_;
  std::vector<ConnectionPath> found_;
};

std::vector<Triple> RandomTriples(std::mt19937_64* random, uint32_t entities, uint32_t count) {
  std::set<Triple> triples;
  for (uint32_t i = 0; i < count; ++i) {
    const auto draw = [&](uint32_t n) { return static_cast<uint32_t>((*random)() % n); };
    // Some vertices have many edges; loops occur.
    const uint32_t head = draw(4) == 0 ? draw(3) : draw(entities);
    triples.insert({head, draw(3), draw(5) == 0 ? draw(2) : draw(entities)});
  }
  return {triples.begin(), triples.end()};
}

TEST(ConnectionSearch, WithoutLimitsItFindsTheCheapestOfAllPaths) {
  TaskArena workers(2);
  size_t most = 0;
  for (uint64_t round = 0; round < 150; ++round) {
    std::mt19937_64 random(round);
    const uint32_t entities = 5 + static_cast<uint32_t>(random() % 25);
    const std::vector<Triple> triples =
        RandomTriples(&random, entities, entities + static_cast<uint32_t>(random() % 60));
    RelationCosts costs;
    if (round % 3 == 0) costs.eighths = {0, 9, 3};
    if (round % 4 == 0) costs.hidden = {false, true, false};
    const Snapshot snapshot = SnapshotOf(entities, triples);
    const ConnectionGraph graph(snapshot, costs, workers);
    const EntityId target{static_cast<uint32_t>(random() % entities)};
    std::vector<PathStart> starts;
    std::set<uint32_t> distinct;
    for (uint32_t i = 0; i < 4; ++i) {
      const auto entity = static_cast<uint32_t>(random() % entities);
      if (distinct.insert(entity).second) starts.push_back({EntityId{entity}, i * 3});
    }
    for (const uint32_t max_steps : {1u, 2u, 3u, 4u}) {
      std::vector<ConnectionPath> all = AllPaths(triples, costs, target, max_steps).From(starts);
      most = std::max(most, all.size());
      for (const uint32_t k : {1u, 7u, 1000000u}) {
        std::vector<ConnectionPath> best(all.begin(),
                                         all.begin() + std::min<size_t>(k, all.size()));
        const Connections found = FindConnections(graph, starts, target, Unlimited(k, max_steps));
        EXPECT_FALSE(found.truncated);
        ASSERT_EQ(found.paths, best) << "round " << round << ", steps " << max_steps << ", k " << k;
      }
    }
  }
  EXPECT_GT(most, 500u);
}

// The same graph for Yen's algorithm: vertex 0 is where all starts come from; start i stands beside
// its entity as a vertex of its own, which it costs nothing to leave.
TEST(ConnectionSearch, YenFindsTheSame) {
  TaskArena workers(1);
  size_t compared = 0;
  for (uint64_t round = 0; round < 40; ++round) {
    std::mt19937_64 random(round);
    const uint32_t entities = 6 + static_cast<uint32_t>(random() % 55);
    const std::vector<Triple> triples = RandomTriples(&random, entities, entities + 10);
    const Snapshot snapshot = SnapshotOf(entities, triples);
    const ConnectionGraph graph(snapshot, {}, workers);
    const EntityId target{0};
    const std::vector<PathStart> starts = {
        {EntityId{entities - 1}, 2}, {EntityId{entities - 2}, 0}, {EntityId{1}, 5}};
    YenGraph yen(1 + entities + starts.size());
    uint32_t number = 0;
    const auto add = [&](size_t from, size_t to, uint32_t cost) {
      boost::add_edge(from, to, YenEdge{cost, number++}, yen);
    };
    const auto add_steps = [&](size_t from, EntityId entity, bool leaving_costs) {
      graph.ForEachStep(entity, [&](Arc arc, EntityId to, uint32_t leaving) {
        add(from, 1 + Index(to), graph.costs().Of(arc.relation) + (leaving_costs ? leaving : 0));
      });
    };
    for (uint32_t v = 0; v < entities; ++v) add_steps(1 + v, EntityId{v}, true);
    for (size_t i = 0; i < starts.size(); ++i) {
      add(0, 1 + entities + i, starts[i].cost);
      add_steps(1 + entities + i, starts[i].entity, false);
    }
    const auto same = [&](size_t v) {
      return v <= entities ? v : 1 + size_t{Index(starts[v - 1 - entities].entity)};
    };
    YenPaths paths(yen, 0, 1 + Index(target), same);
    std::vector<uint32_t> expected;
    for (int i = 0; i < 400 && expected.size() < 12; ++i) {
      const auto path = paths.Next();
      if (!path.has_value()) break;
      if (path->edges.size() - 1 <= kMaxSteps) expected.push_back(path->cost);
    }
    const Connections found =
        FindConnections(graph, starts, target, Unlimited(static_cast<uint32_t>(expected.size())));
    std::vector<uint32_t> costs;
    for (const ConnectionPath& path : found.paths) costs.push_back(path.cost);
    EXPECT_EQ(costs, expected) << round;
    compared += expected.size();
  }
  EXPECT_GT(compared, 300u);
}

// Up to six steps, by the cut-out graph; where nothing is cut, all paths by the definition.
TEST(ConnectionSearch, LongConnectionsAreTheCheapestOfAllPaths) {
  TaskArena workers(1);
  size_t longer = 0;
  for (uint64_t round = 0; round < 25; ++round) {
    std::mt19937_64 random(round);
    const uint32_t entities = 6 + static_cast<uint32_t>(random() % 20);
    const std::vector<Triple> triples = RandomTriples(&random, entities, entities + 4);
    const Snapshot snapshot = SnapshotOf(entities, triples);
    const ConnectionGraph graph(snapshot, {}, workers);
    const EntityId target{0};
    const std::vector<PathStart> starts = {{EntityId{entities - 1}, 2},
                                           {EntityId{entities - 2}, 0},
                                           {target, 0},
                                           {EntityId{entities + 7}, 0}};
    for (const uint32_t max_steps : {4u, 6u}) {
      std::vector<uint32_t> expected, costs;
      const std::vector<PathStart> used(starts.begin(), starts.begin() + 2);
      for (const ConnectionPath& p : AllPaths(triples, {}, target, max_steps).From(used)) {
        if (expected.size() < 10) expected.push_back(p.cost);
      }
      const Connections found =
          FindLongConnections(graph, starts, target, Unlimited(10, max_steps));
      for (const ConnectionPath& p : found.paths) {
        costs.push_back(p.cost);
        longer += p.steps > 4;
        EXPECT_LE(p.steps, max_steps);
        EXPECT_EQ(p.vertex[0], starts[p.start].entity);
        EXPECT_EQ(p.vertex[p.steps], target);
      }
      if (!found.truncated) {
        ASSERT_EQ(costs, expected) << round << " " << max_steps;
      }
    }
  }
  EXPECT_GT(longer, 20u);
}

// A chain of five steps through a vertex with more edges than the cap.
TEST(ConnectionSearch, LongConnectionsPassHubsOnce) {
  TaskArena workers(1);
  std::vector<Triple> triples;
  for (uint32_t i = 0; i < 5; ++i) triples.push_back({i, i % 2, i + 1});
  for (uint32_t i = 6; i < 306; ++i) triples.push_back({i, 0, 3});
  const Snapshot snapshot = SnapshotOf(306, triples);
  const ConnectionGraph graph(snapshot, {}, workers);
  const PathStart start{EntityId{0}, 0};
  ConnectionLimits limits;
  limits.cap = 100;
  limits.max_steps = 6;
  const Connections found = FindLongConnections(graph, std::span(&start, 1), EntityId{5}, limits);
  ASSERT_EQ(found.paths.size(), 1u);
  EXPECT_EQ(found.paths[0].steps, 5u);
  limits.max_steps = 4;
  EXPECT_TRUE(FindLongConnections(graph, std::span(&start, 1), EntityId{5}, limits).paths.empty());
}

// A vertex above the cap is found in the middle of four steps, and anywhere in fewer.
TEST(ConnectionSearch, TheTwoSidesMeetAtHubs) {
  TaskArena workers(1);
  for (uint32_t steps = 2; steps <= 4; ++steps) {
    for (uint32_t hub = 1; hub < steps; ++hub) {
      std::vector<Triple> triples;
      for (uint32_t i = 0; i < steps; ++i) {
        triples.push_back(i % 2 == 0 ? Triple{i, i % 3, i + 1} : Triple{i + 1, i % 3, i});
      }
      for (uint32_t i = 5; i < 305; ++i) triples.push_back({i, 2, hub});
      const Snapshot snapshot = SnapshotOf(305, triples);
      const ConnectionGraph graph(snapshot, {}, workers);
      const PathStart start{EntityId{0}, 0};
      ConnectionLimits limits;
      limits.cap = 100;
      const Connections found =
          FindConnections(graph, std::span(&start, 1), EntityId{steps}, limits);
      ASSERT_EQ(found.paths.size(), steps == 4 && hub != 2 ? 0u : 1u) << steps << " " << hub;
      for (const ConnectionPath& path : found.paths) {
        EXPECT_EQ(path.steps, steps);
        for (uint32_t i = 0; i <= steps; ++i) EXPECT_EQ(path.vertex[i], EntityId{i});
      }
    }
  }
}

// A director whom two liked films and the target share, among genres with thousands of films.
TEST(ConnectionSearch, ThePlantedDirectorComesFirst) {
  TaskArena workers(1);
  constexpr uint32_t kFilms = 3000, kDirector = kFilms, kGenre = kFilms + 1;
  std::vector<Triple> triples;
  for (uint32_t film = 0; film < kFilms; ++film) {
    triples.push_back({film, 1, kGenre + film % 2});
    triples.push_back({film, 1, kGenre + 2});
  }
  for (const uint32_t film : {0u, 10u, 20u}) triples.push_back({film, 0, kDirector});
  const Snapshot snapshot = SnapshotOf(kFilms + 4, triples);
  const ConnectionGraph graph(snapshot, {}, workers);
  const std::vector<PathStart> starts = {{EntityId{2}, 0}, {EntityId{10}, 1}, {EntityId{20}, 2}};
  const Connections found = FindConnections(graph, starts, EntityId{0}, {});
  ASSERT_GE(found.paths.size(), 3u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(found.paths[i].steps, 2u);
    EXPECT_EQ(found.paths[i].vertex[1], EntityId{kDirector});
  }
  EXPECT_NE(found.paths[2].vertex[1], EntityId{kDirector});
}

TEST(ConnectionSearch, MoreEdgesNeverRaiseAVertex) {
  TaskArena workers(1);
  uint32_t before = 0;
  for (const uint32_t others : {0u, 1u, 5u, 50u, 10000u}) {
    std::vector<Triple> triples = {{0, 0, 2}, {1, 0, 2}, {0, 0, 3}, {1, 0, 3}};
    for (uint32_t i = 0; i < others; ++i) triples.push_back({4 + i, 0, 2});
    const Snapshot snapshot = SnapshotOf(4 + others, triples);
    const ConnectionGraph graph(snapshot, {}, workers);
    const PathStart start{EntityId{0}, 0};
    const Connections found = FindConnections(graph, std::span(&start, 1), EntityId{1}, {});
    uint32_t rank = 0;
    while (rank < found.paths.size() && found.paths[rank].vertex[1] != EntityId{2}) ++rank;
    EXPECT_GE(rank, before) << others;
    before = rank;
  }
  EXPECT_EQ(before, 1u);
}

TEST(ConnectionSearch, TheOrderOfTheStartsDoesNotMatter) {
  TaskArena workers(1);
  std::mt19937_64 random(5);
  const std::vector<Triple> triples = RandomTriples(&random, 40, 150);
  const Snapshot snapshot = SnapshotOf(40, triples);
  const ConnectionGraph graph(snapshot, {}, workers);
  std::vector<PathStart> starts;
  for (uint32_t i = 0; i < 12; ++i) starts.push_back({EntityId{3 * i}, i % 4});
  starts.push_back({EntityId{3}, 9});  // again, and dearer
  using Way = std::tuple<uint32_t, decltype(ConnectionPath::vertex), decltype(ConnectionPath::arc)>;
  const auto ways = [&] {
    std::vector<Way> out;
    for (const ConnectionPath& p :
         FindConnections(graph, starts, EntityId{1}, Unlimited(1000)).paths) {
      out.emplace_back(p.cost, p.vertex, p.arc);
    }
    return out;
  };
  const std::vector<Way> first = ways();
  EXPECT_GT(first.size(), 20u);
  std::reverse(starts.begin(), starts.end());
  EXPECT_EQ(ways(), first);
}

TEST(ConnectionSearch, BudgetsCutAndSayIt) {
  TaskArena workers(1);
  std::mt19937_64 random(7);
  const std::vector<Triple> triples = RandomTriples(&random, 60, 400);
  const Snapshot snapshot = SnapshotOf(60, triples);
  const ConnectionGraph graph(snapshot, {}, workers);
  const std::vector<PathStart> starts = {{EntityId{20}, 0}, {EntityId{30}, 0}, {EntityId{99}, 0}};
  const Connections all = FindConnections(graph, starts, EntityId{40}, Unlimited(100000));
  ConnectionLimits limits;
  limits.paths = 100000;
  limits.labels = 30;
  limits.probes = 30;
  const Connections some = FindConnections(graph, starts, EntityId{40}, limits);
  EXPECT_TRUE(some.truncated);
  EXPECT_LT(some.paths.size(), all.paths.size());
  EXPECT_TRUE(
      std::includes(all.paths.begin(), all.paths.end(), some.paths.begin(), some.paths.end()));
  EXPECT_TRUE(FindConnections(graph, starts, EntityId{1000}, {}).paths.empty());
  EXPECT_TRUE(FindConnections(graph, {}, EntityId{40}, {}).paths.empty());
}

TEST(ConnectionSearch, PricesAreInBits) {
  EXPECT_EQ(LeavingCost(0), 0u);
  EXPECT_EQ(LeavingCost(1), 8u);
  EXPECT_EQ(LeavingCost(12), 30u);      // 3.7 bits
  EXPECT_EQ(LeavingCost(50000), 125u);  // 15.6 bits
  EXPECT_EQ(LeavingCost(0xffffffffull), 255u);
}

}  // namespace
}  // namespace undula::queries
