// Sequences that grow event by event against the same sequences as a whole.
#include "models/sequence/sequence_state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "models/sequence/sliding_graph.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using propagation::Arena;

// A history that grows event by event has the scores of the history as a whole; a graph forgets
// what has left its window.
TEST(SequenceStates, AreTheRebuiltOnes) {
  const PlantedWorld world = MakePlantedWorld(3, 10, 12);
  const TrainingData data = MakeTrainingData(world.snapshot, world.split.train, 5);
  TaskArena workers(1);
  const std::pair<const ModelSpec*, OptionMap> kForms[] = {
      {&kSrGnnSpec, {{"max_length", "0"}}},
      {&kSrGnnSpec, {{"max_length", "6"}}},
      {&kSrGnnSpec, {{"max_length", "1"}}},
      {&kSrGnnSpec, {{"max_length", "6"}, {"steps", "2"}}},
      {&kGru4RecSpec, {{"max_length", "0"}, {"hidden", "16"}}},
      {&kKsrSpec, {{"max_length", "0"}}},
      {&kKsrSpec, {{"max_length", "0"}, {"preset", "code"}}},
      {&kKgsrSpec, {{"max_length", "0"}}},
      {&kKgsrSpec, {{"max_length", "0"}, {"combine", "sum"}, {"kb_trainable", "all"}}},
  };
  const uint32_t n = data.n_items();
  const Rng rng(9, RngStream::kTest, 1);
  for (const auto& [spec, options] : kForms) {
    OptionMap all = options;
    all["dim"] = "8";
    if (spec->capabilities.uses_graph) all["kb_dim"] = "6";
    const auto model = *spec->make(all, DType::kF32);
    ASSERT_TRUE(model->Build(data, workers).ok());
    const auto scorer = *model->MakeScorer(workers);
    const auto state = scorer->NewState();
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ((*state)->Vector().status().code(), absl::StatusCode::kFailedPrecondition);
    std::vector<ItemId> history;
    std::vector<float> want(n), got(n);
    Arena arena;
    for (uint32_t t = 0; t < 50; ++t) {
      // Few items, so that many stand there again.
      history.push_back(ItemId{rng.Below(t, 12) * 3});
      ASSERT_TRUE((*state)->Add(history.back()).ok());
      EXPECT_EQ((*state)->Add(ItemId{n}).code(), absl::StatusCode::kNotFound);
      const auto vector = (*state)->Vector();
      ASSERT_TRUE(vector.ok()) << vector.status();
      arena.Reset();
      ASSERT_TRUE(scorer->Score({kNone<UserId>, history}, {0, n}, want, arena).ok());
      arena.Reset();
      ASSERT_TRUE(scorer->Score({kNone<UserId>, {}, *vector}, {0, n}, got, arena).ok());
      for (uint32_t i = 0; i < n; ++i) ASSERT_NEAR(got[i], want[i], 1e-6) << spec->name << " " << t;
    }
  }
}

TEST(SequenceStates, AWindowOfTheGraphFollowsItsEvents) {
  const Rng rng(4, RngStream::kTest, 2);
  for (const int64_t length : {0, 1, 2, 7}) {
    SlidingGraph graph(length);
    std::vector<ItemId> history;
    for (uint32_t t = 0; t < 60; ++t) {
      history.push_back(ItemId{rng.Below(t, 5)});
      graph.Add(Index(history.back()));
      const std::span<const ItemId> histories[] = {history};
      SequencePlan plan;
      SequencePlanner::PlanHistories(histories, 5, length, &plan);
      SessionGraph want, row, nodes;
      SessionGraphCompiler().Compile(plan, true, &want);
      graph.Row(&row);
      graph.Nodes(row.slot_node, &nodes);
      // By item: count, predecessors, successors.
      using Neighbors = std::multiset<uint32_t>;
      std::map<uint32_t, std::tuple<float, Neighbors, Neighbors>> a, b;
      const auto neighbors = [](const std::vector<int64_t>& ptr, const std::vector<uint32_t>& rows,
                                size_t node) {
        return Neighbors(rows.begin() + ptr[node], rows.begin() + ptr[node + 1]);
      };
      for (size_t s = 0; s < want.slot_node.size(); ++s) {
        const size_t node = want.slot_node[s];
        a[want.node_row[node]] = {want.slot_count[s], neighbors(want.in_ptr, want.in_row, node),
                                  neighbors(want.out_ptr, want.out_row, node)};
      }
      for (size_t s = 0; s < row.slot_node.size(); ++s) {
        b[nodes.node_row[s]] = {row.slot_count[s], neighbors(nodes.in_ptr, nodes.in_row, s),
                                neighbors(nodes.out_ptr, nodes.out_row, s)};
      }
      ASSERT_EQ(a, b) << "length " << length << ", event " << t;
      ASSERT_LE(graph.touched().size(), 4u);
    }
  }
}

}  // namespace
}  // namespace undula::models
