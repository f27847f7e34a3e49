// Ripple sets: rules of sampling, distribution, determinism.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "propagation/sample/ripple_set.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::propagation {
namespace {

using models::TinySnapshot;
using models::TinyTriple;

// 0 -> 3, 4, 5 (relation 0);  1 -> 3 (relation 1);  3 -> 6, 7;  2, 4, 5, 6, 7 have no edge.
std::shared_ptr<Snapshot> Graph() {
  return TinySnapshot(8, 2, 1, {{0, 0, 3}, {0, 0, 4}, {0, 0, 5}, {1, 1, 3}, {3, 0, 6}, {3, 1, 7}},
                      {0, 1, 2});
}

std::vector<uint32_t> Sample(const EdgeCsr& graph, std::vector<EntityId> seeds, int hops,
                             int memory, uint32_t index, int* copied) {
  std::vector<uint32_t> edges(static_cast<size_t>(hops) * memory);
  *copied = SampleRippleSet(graph, seeds, hops, memory, Rng(3, RngStream::kRippleSet, index),
                            edges.data());
  return edges;
}

TEST(RippleSet, DrawsAllDifferentWhereThereAreEnough) {
  const auto s = Graph();
  for (uint32_t i = 0; i < 50; ++i) {
    int copied;
    const auto edges = Sample(s->out, {EntityId{0}, EntityId{1}}, 1, 4, i, &copied);
    EXPECT_EQ(std::set<uint32_t>(edges.begin(), edges.end()).size(), 4u);
    EXPECT_EQ(copied, 0);
  }
}

TEST(RippleSet, DrawsWithReplacementWhereThereAreTooFew) {
  const auto s = Graph();
  int copied;
  const auto edges = Sample(s->out, {EntityId{1}}, 1, 5, 0, &copied);
  EXPECT_EQ(edges, std::vector<uint32_t>(5, 3));
}

TEST(RippleSet, NextHopStartsFromTheTails) {
  const auto s = Graph();
  int copied;
  const auto edges =
      Sample(s->out, {EntityId{1}}, 2, 2, 0, &copied);  // tail 3, twice: 4 candidates
  EXPECT_EQ(copied, 0);
  for (int i = 2; i < 4; ++i) EXPECT_TRUE(edges[i] == 4 || edges[i] == 5);
}

TEST(RippleSet, HopWithoutCandidatesCopiesTheHopBefore) {
  const auto s = Graph();
  int copied;
  const auto edges = Sample(s->out, {EntityId{3}}, 3, 2, 0, &copied);  // tails 6, 7 lead nowhere
  EXPECT_EQ(copied, 2);
  EXPECT_EQ(edges[2], edges[0]);
  EXPECT_EQ(edges[5], edges[1]);
}

TEST(RippleSet, SeedsWithoutEdgesGiveNothing) {
  const auto s = Graph();
  int copied;
  EXPECT_EQ(Sample(s->out, {EntityId{2}, EntityId{5}}, 2, 3, 0, &copied),
            std::vector<uint32_t>(6, kNoIndex));
  EXPECT_EQ(copied, -1);
  Sample(s->out, {}, 2, 3, 0, &copied);
  EXPECT_EQ(copied, -1);
}

// Uniform over triples: hubs dominate. With repeats counted at the second hop.
TEST(RippleSet, IsUniformOverCandidates) {
  const auto s = Graph();
  std::map<uint32_t, int> hits;
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    int copied;
    for (const uint32_t e : Sample(s->out, {EntityId{0}, EntityId{1}}, 1, 2, i, &copied)) ++hits[e];
  }
  const double p = 0.5, error = std::sqrt(n * p * (1 - p));  // each of 4 edges, 2 drawn
  for (uint32_t e = 0; e < 4; ++e) EXPECT_NEAR(hits[e], n * p, 5 * error) << e;
}

TEST(RippleSet, InverseEdgesAreRelationsOfTheirOwn) {
  const auto s = Graph();
  const auto graph = WalkableEdges(s, 8, 2, true);
  EXPECT_EQ(graph->edges(), 12);
  // Entity 5 has no edge of its own, but is the tail of (0, 0, 5).
  ASSERT_EQ(graph->degree(EntityId{5}), 1);
  EXPECT_EQ(graph->relation[graph->ptr[5]], RelationId{2});
  EXPECT_EQ(graph->entity[graph->ptr[5]], EntityId{0});
}

TEST(RippleSet, LaterEntitiesAndRelationsAreLeftOut) {
  const auto s = Graph();
  EXPECT_EQ(WalkableEdges(s, 8, 2, false).get(), &s->out);
  const auto graph = WalkableEdges(s, 7, 1, false);  // without entity 7 and relation 1
  EXPECT_EQ(graph->rows(), 7);
  EXPECT_EQ(graph->edges(), 4);
}

TEST(RippleSet, SameForAnyNumberOfThreads) {
  const auto s = models::RandomSnapshot(300, 5, 1, 100, 1500, 1);
  std::vector<int64_t> ptr = {0};
  std::vector<EntityId> seeds;
  for (uint32_t u = 0; u < 500; ++u) {
    for (uint32_t i = 0; i < u % 4; ++i) seeds.push_back(EntityId{(u * 7 + i * 13) % 100});
    ptr.push_back(static_cast<int64_t>(seeds.size()));
  }
  TaskArena one(1), three(3);
  const RippleSets a = SampleRippleSets(s->out, ptr, seeds, 2, 8, 5, one);
  const RippleSets b = SampleRippleSets(s->out, ptr, seeds, 2, 8, 5, three);
  EXPECT_EQ(a.edge, b.edge);
  EXPECT_EQ(a.copied_hops, b.copied_hops);
  const RippleSets c = SampleRippleSets(s->out, ptr, seeds, 2, 8, 6, one);
  EXPECT_NE(a.edge, c.edge);
}

}  // namespace
}  // namespace undula::propagation
