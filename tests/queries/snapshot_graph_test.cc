// Boost.Graph's algorithms over the snapshot of the sample data, against plain loops.
#include "queries/snapshot_graph.h"

#include <gtest/gtest.h>

#include <boost/concept/assert.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/graph_concepts.hpp>
#include <boost/property_map/function_property_map.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "../api/small_world.h"
#include "kgstore/take_snapshot.h"
#include "undula/undula.h"

namespace undula::queries {
namespace {

BOOST_CONCEPT_ASSERT((boost::IncidenceGraphConcept<SnapshotGraph>));
BOOST_CONCEPT_ASSERT((boost::BidirectionalGraphConcept<SnapshotGraph>));
BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<SnapshotGraph>));
BOOST_CONCEPT_ASSERT(
    (boost::ReadablePropertyGraphConcept<SnapshotGraph, uint32_t, boost::vertex_index_t>));

using Edge = SnapshotGraph::Edge;
constexpr double kFar = std::numeric_limits<double>::max();

class SnapshotGraphTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string file = dir_ / "films.undula";
    {
      auto db = undula::Database::Open(file);
      ASSERT_TRUE(db.ok()) << db.status();
      const std::string samples = std::string(UNDULA_SOURCE_DIR) + "/data/samples/films.ttl";
      ASSERT_TRUE((*db)->Import(samples).ok());
    }
    auto db = kgstore::Database::Open(file, {});
    ASSERT_TRUE(db.ok()) << db.status();
    auto snapshot = kgstore::TakeSnapshot(**db);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    snapshot_ = *std::move(snapshot);
    ASSERT_GT(snapshot_.out.edges(), 500);
  }

  // Of all vertices by relaxing every edge until nothing changes.
  template <class Weight>
  std::vector<double> Distances(uint32_t start, const Weight& weight) const {
    std::vector<double> out(snapshot_.n_entities, kFar);
    out[start] = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (uint32_t head = 0; head < snapshot_.n_entities; ++head) {
        if (out[head] == kFar) continue;
        for (int64_t e = snapshot_.out.ptr[head]; e < snapshot_.out.ptr[head + 1]; ++e) {
          const uint32_t tail = Index(snapshot_.out.entity[e]);
          const double to = out[head] + weight(Edge{head, tail, snapshot_.out.relation[e]});
          if (to < out[tail]) {
            out[tail] = to;
            changed = true;
          }
        }
      }
    }
    return out;
  }

  // Those with the most edges lead furthest.
  uint32_t Start() const {
    uint32_t best = 0;
    for (uint32_t v = 0; v < snapshot_.n_entities; ++v) {
      if (snapshot_.out.degree(EntityId{v}) > snapshot_.out.degree(EntityId{best})) best = v;
    }
    return best;
  }

  test::TempDir dir_;
  Snapshot snapshot_;
};

TEST_F(SnapshotGraphTest, BreadthFirstSearch) {
  const SnapshotGraph graph(snapshot_);
  std::vector<double> distance(num_vertices(graph), kFar);
  const uint32_t start = Start();
  distance[start] = 0;
  boost::breadth_first_search(graph, start,
                              boost::visitor(boost::make_bfs_visitor(boost::record_distances(
                                  distance.data(), boost::on_tree_edge()))));
  const std::vector<double> expected = Distances(start, [](const Edge&) { return 1; });
  EXPECT_EQ(distance, expected);
  EXPECT_GT(std::count_if(expected.begin(), expected.end(), [](double d) { return d != kFar; }), 5);
}

TEST_F(SnapshotGraphTest, Dijkstra) {
  const SnapshotGraph graph(snapshot_);
  // A hub costs more to come from; relations differ.
  const auto weight = [&](const Edge& e) {
    return std::log2(1.0 + static_cast<double>(out_degree(e.head, graph))) + Index(e.relation) % 3;
  };
  std::vector<double> distance(num_vertices(graph));
  boost::dijkstra_shortest_paths(graph, Start(),
                                 boost::weight_map(boost::make_function_property_map<Edge>(weight))
                                     .distance_map(boost::make_iterator_property_map(
                                         distance.begin(), get(boost::vertex_index, graph))));
  const std::vector<double> expected = Distances(Start(), weight);
  ASSERT_EQ(distance.size(), expected.size());
  for (size_t v = 0; v < expected.size(); ++v) EXPECT_DOUBLE_EQ(distance[v], expected[v]) << v;
}

TEST_F(SnapshotGraphTest, EdgesAreTheSameFromBothEnds) {
  const SnapshotGraph graph(snapshot_);
  using Row = std::tuple<uint32_t, uint32_t, uint32_t>;
  std::vector<Row> out, in;
  for (auto [v, last] = vertices(graph); v != last; ++v) {
    size_t n = 0;
    for (auto [e, end] = out_edges(*v, graph); e != end; ++e, ++n) {
      EXPECT_EQ(source(*e, graph), *v);
      out.emplace_back((*e).head, Index((*e).relation), (*e).tail);
    }
    for (auto [e, end] = in_edges(*v, graph); e != end; ++e, ++n) {
      EXPECT_EQ(target(*e, graph), *v);
      in.emplace_back((*e).head, Index((*e).relation), (*e).tail);
    }
    EXPECT_EQ(n, degree(*v, graph));
  }
  std::sort(out.begin(), out.end());
  std::sort(in.begin(), in.end());
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace undula::queries
