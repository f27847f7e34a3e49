// The split of the triples and the batches of corrupted ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "models/kge/triples.h"
#include "tests/models/kge_fixture.h"

namespace undula::models {
namespace {

using Key = std::tuple<uint32_t, uint32_t, uint32_t>;

std::set<Key> KeysOf(const EdgeCsr& graph) {
  std::set<Key> keys;
  for (int64_t e = 0; e < graph.rows(); ++e) {
    for (int64_t i = graph.ptr[e]; i < graph.ptr[e + 1]; ++i) {
      keys.emplace(static_cast<uint32_t>(e), Index(graph.relation[i]), Index(graph.entity[i]));
    }
  }
  return keys;
}

TEST(TripleSplit, PartsAreTheGraph) {
  const auto graph = RandomGraph(40, 5, 300, 1);
  const auto split = MakeTripleSplit(graph->out, 5, 0.1, 0.2, 7);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->valid.size(), 30u);
  EXPECT_EQ(split->test.size(), 60u);
  std::set<Key> all = KeysOf(split->train);
  EXPECT_EQ(all.size(), 210u);
  for (const auto* part : {&split->valid, &split->test}) {
    for (const Triple& t : *part) {
      EXPECT_TRUE(all.emplace(Index(t.head), Index(t.relation), Index(t.tail)).second);
    }
  }
  EXPECT_EQ(all, KeysOf(graph->out));
  const auto again = MakeTripleSplit(graph->out, 5, 0.1, 0.2, 7);
  EXPECT_EQ(KeysOf(again->train), KeysOf(split->train));
  EXPECT_NE(KeysOf(MakeTripleSplit(graph->out, 5, 0.1, 0.2, 8)->train), KeysOf(split->train));
}

TEST(TripleSplit, NothingLosesItsLastTriple) {
  // Entities with a single triple, a relation with one: all of it stays in training.
  const auto chain = TinySnapshot(5, 2, 0, {{0, 0, 1}, {2, 0, 3}, {1, 0, 2}, {3, 1, 4}}, {});
  const auto split = MakeTripleSplit(chain->out, 2, 0.2, 0.7, 3);
  ASSERT_TRUE(split.ok()) << split.status();
  const std::set<Key> train = KeysOf(split->train);
  EXPECT_TRUE(train.contains({3, 1, 4}));
  EXPECT_TRUE(train.contains({0, 0, 1}));
  std::set<uint32_t> entities;
  for (const auto& [h, r, t] : train) entities.insert({h, t});
  EXPECT_EQ(entities.size(), 5u);
}

TEST(TripleSplit, BadInput) {
  const auto graph = RandomGraph(10, 2, 20, 1);
  EXPECT_EQ(MakeTripleSplit(graph->out, 2, 0.5, 0.5, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeTripleSplit(graph->out, 2, -0.1, 0.5, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EdgeCsr empty;
  empty.ptr.assign(5, 0);
  EXPECT_EQ(MakeTripleSplit(empty, 1, 0.1, 0.1, 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(TripleBatcher, NegativesMayBeKnownUnlessFiltered) {
  // Nearly all pairs of 6 entities are triples: a negative is mostly one of them.
  const auto graph = RandomGraph(6, 1, 30, 1);
  for (const bool filter : {false, true}) {
    TripleBatcher batcher(graph->out, 1, {.batch_size = 30, .filter_negatives = filter, .seed = 3});
    int64_t known = 0;
    for (int64_t epoch = 1; epoch <= 10; ++epoch) {
      batcher.StartEpoch(epoch);
      const Batch batch = batcher.Get(0);
      for (size_t i = 0; i < batch.heads.size(); ++i) {
        const uint32_t h = batch.corrupts_head[i] != 0 ? batch.corrupt[i] : batch.heads[i];
        const uint32_t t = batch.corrupts_head[i] != 0 ? batch.tails[i] : batch.corrupt[i];
        known += HasEdge(graph->out, EntityId{h}, RelationId{0}, EntityId{t}) ? 1 : 0;
      }
    }
    // Of 300: 5 in 6 by chance; filtered, those whose 8 draws all fail.
    if (filter) {
      EXPECT_LT(known, 150);
    } else {
      EXPECT_GT(known, 200);
    }
  }
}

TEST(TripleBatcher, EveryTripleOnceAnEpochWithOneEndReplaced) {
  const auto graph = RandomGraph(40, 5, 300, 1);
  const std::set<Key> keys = KeysOf(graph->out);
  TripleBatcher batcher(
      graph->out, 5,
      {.batch_size = 64, .corruption = "uniform", .filter_negatives = true, .seed = 3});
  for (const int64_t epoch : {1, 2}) {
    const int64_t steps = batcher.StartEpoch(epoch);
    EXPECT_EQ(steps, 5);
    std::set<Key> seen;
    int64_t heads = 0, rows = 0;
    for (int64_t step = 0; step < steps; ++step) {
      const Batch batch = batcher.Get(step);
      EXPECT_EQ(batch.chunks(), batch.rows());
      for (size_t i = 0; i < batch.heads.size(); ++i, ++rows) {
        const Key key(batch.heads[i], batch.relations[i], batch.tails[i]);
        EXPECT_TRUE(keys.contains(key));
        EXPECT_TRUE(seen.insert(key).second);
        Key bad = key;
        (batch.corrupts_head[i] != 0 ? std::get<0>(bad) : std::get<2>(bad)) = batch.corrupt[i];
        EXPECT_FALSE(keys.contains(bad)) << "a training triple is no negative";
        heads += batch.corrupts_head[i];
      }
    }
    EXPECT_EQ(seen, keys);
    EXPECT_GT(heads, rows / 3);
    EXPECT_LT(heads, rows * 2 / 3);
  }
}

TEST(TripleBatcher, AStepDoesNotDependOnTheStepsBefore) {
  const auto graph = RandomGraph(40, 5, 300, 1);
  const TripleBatchOptions options{.batch_size = 64, .seed = 3};
  TripleBatcher one(graph->out, 5, options), other(graph->out, 5, options);
  one.StartEpoch(2);
  other.StartEpoch(2);
  for (int64_t step = 0; step < 3; ++step) one.Get(step);
  const Batch a = one.Get(3), b = other.Get(3);
  EXPECT_TRUE(std::equal(a.heads.begin(), a.heads.end(), b.heads.begin(), b.heads.end()));
  EXPECT_TRUE(std::equal(a.corrupt.begin(), a.corrupt.end(), b.corrupt.begin(), b.corrupt.end()));
}

TEST(TripleBatcher, BernoulliReplacesTheSideWithMoreAnswers) {
  // Relation 0: 30 heads, one tail each of two. Replacing the tail would often give a true triple.
  std::vector<TinyTriple> triples;
  for (uint32_t h = 0; h < 30; ++h) triples.push_back({h, 0, 30 + h % 2});
  const auto graph = TinySnapshot(40, 1, 0, triples, {});
  TripleBatcher batcher(graph->out, 1, {.batch_size = 30, .corruption = "bernoulli", .seed = 1});
  int64_t heads = 0;
  for (int64_t epoch = 1; epoch <= 20; ++epoch) {
    batcher.StartEpoch(epoch);
    for (const uint8_t head : batcher.Get(0).corrupts_head) heads += head;
  }
  // tph / (tph + hpt) = 1 / (1 + 15) of 600 rows: 37.5 expected, 6 standard deviations of 5.9.
  EXPECT_NEAR(static_cast<double>(heads), 37.5, 36);
}

}  // namespace
}  // namespace undula::models
