// Sequences: sessions, plans of batches, session graphs, splits by time, drawn candidates.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "models/data/batcher.h"
#include "models/eval/candidates.h"
#include "models/eval/evaluator.h"
#include "models/sequence/sequences.h"
#include "models/sequence/session_graph.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

constexpr int64_t kDay = 86400;

InteractionCsr<ItemId> LogOf(const std::vector<std::vector<uint32_t>>& users) {
  InteractionCsr<ItemId> log;
  for (const auto& items : users) {
    for (const uint32_t item : items) {
      log.other.push_back(ItemId{item});
      log.weight.push_back(1);
      log.time.push_back(static_cast<int64_t>(log.time.size()));
    }
    log.ptr.push_back(log.size());
  }
  return log;
}

struct Rows {
  std::vector<uint32_t> users, positions, items;
  std::vector<int64_t> chunks = {0};
  void Add(uint32_t user, std::vector<uint32_t> at) {
    for (const uint32_t p : at) {
      users.push_back(user);
      positions.push_back(p);
      items.push_back(0);
    }
    chunks.push_back(static_cast<int64_t>(users.size()));
  }
  Batch batch() const {
    Batch b;
    b.users = users;
    b.items = items;
    b.positions = positions;
    b.chunk_ptr = chunks;
    return b;
  }
};

TEST(Sequences, SessionsBeginAfterAPauseOrWithADay) {
  InteractionCsr<ItemId> log = LogOf({{1, 2, 3, 4}, {5, 6}});
  log.time = {0, 1800, 3601, 3601, 2 * kDay - 1, 2 * kDay};
  EXPECT_EQ(SessionStarts(log, {"user"}), (std::vector<uint32_t>{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(SessionStarts(log, {"gap", 1800}), (std::vector<uint32_t>{0, 0, 2, 2, 0, 0}));
  EXPECT_EQ(SessionStarts(log, {"day"}), (std::vector<uint32_t>{0, 0, 0, 0, 0, 1}));
}

TEST(Sequences, PlansShareTheEventsOfAChunk) {
  const InteractionCsr<ItemId> log = LogOf({{7, 8, 9, 7, 6}, {3, 4}});
  Rows rows;
  rows.Add(0, {1, 3, 4});
  rows.Add(1, {1});
  SequencePlanner planner;
  planner.Resize(10);
  SequencePlan plan;
  planner.PlanBatch(rows.batch(), log, {}, 0, &plan);
  EXPECT_EQ(plan.event_ptr, (std::vector<int64_t>{0, 4, 5}));
  EXPECT_EQ(plan.event_item, (std::vector<uint32_t>{7, 8, 9, 7, 3}));
  EXPECT_EQ(plan.row_ptr, (std::vector<int64_t>{0, 3, 4}));
  EXPECT_EQ(plan.row_event, (std::vector<uint32_t>{0, 2, 3, 4}));
  EXPECT_EQ(plan.items, (std::vector<uint32_t>{3, 7, 8, 9}));
  EXPECT_EQ(plan.event_row, (std::vector<uint32_t>{1, 2, 3, 1, 0}));

  // A window of 2: the chunk's rows see from what the first of them sees.
  Rows late;
  late.Add(0, {3, 4});
  planner.PlanBatch(late.batch(), log, {}, 2, &plan);
  EXPECT_EQ(plan.event_item, (std::vector<uint32_t>{8, 9, 7}));
  EXPECT_EQ(plan.row_event, (std::vector<uint32_t>{1, 2}));

  // Sessions: the one of the last event seen.
  const std::vector<uint32_t> starts = {0, 0, 2, 2, 4, 0, 0};
  planner.PlanBatch(rows.batch(), log, starts, 0, &plan);
  EXPECT_EQ(plan.event_item, (std::vector<uint32_t>{7, 9, 7, 3}));
  EXPECT_EQ(plan.row_event, (std::vector<uint32_t>{0, 1, 2, 3}));
}

SessionGraph GraphOf(const std::vector<uint32_t>& items, std::vector<uint32_t> positions,
                     bool share) {
  const InteractionCsr<ItemId> log = LogOf({items});
  Rows rows;
  rows.Add(0, std::move(positions));
  SequencePlanner planner;
  planner.Resize(10);
  SequencePlan plan;
  planner.PlanBatch(rows.batch(), log, {}, 0, &plan);
  SessionGraphCompiler compiler;
  SessionGraph graph;
  compiler.Compile(plan, share, &graph);
  return graph;
}

std::vector<uint32_t> Of(const std::vector<int64_t>& ptr, const std::vector<uint32_t>& values,
                         uint32_t node) {
  std::vector<uint32_t> out(values.begin() + ptr[node], values.begin() + ptr[node + 1]);
  std::sort(out.begin(), out.end());
  return out;
}

TEST(SessionGraphs, EdgesOfASession) {
  // Rows of items are their ranks: 1, 2, 3, 4 have 0, 1, 2, 3.
  const SessionGraph g = GraphOf({1, 2, 3, 2, 4, 9}, {5}, false);
  ASSERT_EQ(g.node_row, (std::vector<uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(Of(g.out_ptr, g.out_row, 0), (std::vector<uint32_t>{1}));
  EXPECT_EQ(Of(g.out_ptr, g.out_row, 1), (std::vector<uint32_t>{2, 3}));
  EXPECT_EQ(Of(g.out_ptr, g.out_row, 2), (std::vector<uint32_t>{1}));
  EXPECT_EQ(Of(g.out_ptr, g.out_row, 3), (std::vector<uint32_t>{}));
  EXPECT_EQ(Of(g.in_ptr, g.in_row, 0), (std::vector<uint32_t>{}));
  EXPECT_EQ(Of(g.in_ptr, g.in_row, 1), (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(Of(g.in_ptr, g.in_row, 2), (std::vector<uint32_t>{1}));
  EXPECT_EQ(Of(g.in_ptr, g.in_row, 3), (std::vector<uint32_t>{1}));
  EXPECT_EQ(g.slot_count, (std::vector<float>{1, 2, 1, 1}));
  EXPECT_EQ(g.last_node, (std::vector<uint32_t>{3}));

  const SessionGraph same = GraphOf({7, 7, 7, 1}, {3}, true);
  ASSERT_EQ(same.nodes(), 1);
  EXPECT_EQ(Of(same.in_ptr, same.in_row, 0), (std::vector<uint32_t>{0}));
  EXPECT_EQ(Of(same.out_ptr, same.out_row, 0), (std::vector<uint32_t>{0}));
  EXPECT_EQ(same.slot_count, (std::vector<float>{3}));
}

TEST(SessionGraphs, SharedPrefixesNeedTwoNodesAnEvent) {
  std::vector<uint32_t> items, positions;
  for (uint32_t i = 0; i < 9; ++i) items.push_back(i);
  for (uint32_t p = 1; p < 9; ++p) positions.push_back(p);
  EXPECT_EQ(GraphOf(items, positions, false).nodes(), 8 * 9 / 2);
  EXPECT_EQ(GraphOf(items, positions, true).nodes(), 1 + 2 * 7);
}

TEST(Batcher, NextItemRowsStayInOrder) {
  const auto snapshot = RandomLog(20, 15, 12, 3);
  std::vector<LabeledPair> train;
  for (uint32_t u = 0; u < 20; ++u) {
    for (const ItemId item : snapshot->by_user.row(u)) train.push_back({UserId{u}, item, 1});
  }
  const TrainingData data = MakeTrainingData(snapshot, train, 1);
  for (const int64_t chunk : {1, 4}) {
    auto batcher =
        Batcher::Create(BatchKind::kNextItem, data, {.batch_size = 16, .chunk = chunk, .seed = 2});
    ASSERT_TRUE(batcher.ok()) << batcher.status();
    std::set<std::pair<uint32_t, uint32_t>> seen;
    const int64_t steps = batcher->StartEpoch(1);
    for (int64_t s = 0; s < steps; ++s) {
      const Batch b = batcher->Get(s);
      for (int64_t c = 0; c < b.chunks(); ++c) {
        for (int64_t i = b.chunk_ptr[c]; i < b.chunk_ptr[c + 1]; ++i) {
          EXPECT_TRUE(seen.emplace(b.users[i], b.positions[i]).second);
          EXPECT_EQ(Index(data.positives.row(b.users[i])[b.positions[i]]), b.items[i]);
          if (i == b.chunk_ptr[c]) continue;
          EXPECT_EQ(b.users[i], b.users[i - 1]);
          EXPECT_EQ(b.positions[i], b.positions[i - 1] + 1);
        }
      }
    }
    int64_t rows = 0;
    for (uint32_t u = 0; u < 20; ++u) {
      rows += std::max<int64_t>(0, static_cast<int64_t>(data.positives.row(u).size()) - 1);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), rows);
  }
}

TEST(Split, LastDayGoesToTest) {
  std::vector<LogEntry> log;
  for (uint32_t i = 0; i < 3; ++i) log.push_back({0, i, 1, i});
  for (uint32_t i = 3; i < 5; ++i) log.push_back({0, i, 1, 5 * kDay + i});
  for (uint32_t i = 5; i < 8; ++i) log.push_back({0, i, 1, 9 * kDay + i});
  log.push_back({1, 0, 1, 3 * kDay});  // a single day: nothing to hold out
  log.push_back({1, 1, 1, 3 * kDay + 1});
  const auto split = MakeSplit(*MakeLog(2, 8, log), {.protocol = "last_day", .negatives = "none"});
  ASSERT_TRUE(split.ok()) << split.status();
  const auto items = [](const std::vector<LabeledPair>& rows) {
    std::vector<uint32_t> out;
    for (const LabeledPair& r : rows) out.push_back(Index(r.item));
    return out;
  };
  EXPECT_EQ(items(split->train), (std::vector<uint32_t>{0, 1, 2, 0, 1}));
  EXPECT_EQ(items(split->valid), (std::vector<uint32_t>{3, 4}));
  EXPECT_EQ(items(split->test), (std::vector<uint32_t>{5, 6, 7}));
}

TEST(Split, TimeRatioLeaksNothingAcrossItsCuts) {
  const auto snapshot = RandomLog(50, 40, 20, 9);
  const auto split = MakeSplit(*snapshot, {.protocol = "time_ratio", .negatives = "none"});
  ASSERT_TRUE(split.ok()) << split.status();
  const auto times = [&](const std::vector<LabeledPair>& rows) {
    std::vector<int64_t> out;
    for (const LabeledPair& r : rows) {
      const uint32_t u = Index(r.user);
      for (int64_t i = snapshot->by_user.ptr[u]; i < snapshot->by_user.ptr[u + 1]; ++i) {
        if (snapshot->by_user.other[i] == r.item) out.push_back(snapshot->by_user.time[i]);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto train = times(split->train), valid = times(split->valid), test = times(split->test);
  ASSERT_FALSE(valid.empty());
  ASSERT_FALSE(test.empty());
  EXPECT_LT(train.back(), valid.front());
  EXPECT_LT(valid.back(), test.front());
  const double all = static_cast<double>(train.size() + valid.size() + test.size());
  EXPECT_NEAR(static_cast<double>(train.size()) / all, 0.8, 0.05);
}

TEST(Candidates, AreTheOnesOfTheProtocol) {
  const auto snapshot = RandomLog(30, 400, 20, 4);
  const auto split = MakeSplit(*snapshot, {.protocol = "leave_one_out", .negatives = "none"});
  ASSERT_TRUE(split.ok()) << split.status();
  const TrainingData data = MakeTrainingData(snapshot, split->train, 1);
  const KsrCandidates candidates(data, *split, 7);
  for (const LabeledPair& row : split->test) {
    std::vector<ItemId> items, again;
    candidates.Draw(row.user, std::span(&row.item, 1), &items);
    candidates.Draw(row.user, std::span(&row.item, 1), &again);
    EXPECT_EQ(items, again);
    EXPECT_EQ(items.size(), 101u);
    EXPECT_EQ(std::adjacent_find(items.begin(), items.end()), items.end());
    int64_t touched = 0;
    for (const ItemId item : items) {
      const auto log = snapshot->by_user.row(Index(row.user));
      touched += std::find(log.begin(), log.end(), item) != log.end();
    }
    EXPECT_EQ(touched, 1);
  }
}

// Scores that know the answer, or random ones.
class FixedScorer final : public Scorer {
 public:
  FixedScorer(uint32_t users, uint32_t items, const std::vector<LabeledPair>* answers)
      : users_(users), items_(items), answers_(answers) {}
  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& /*scratch*/) const override {
    for (uint32_t i = 0; i < range.size(); ++i) out[i] = One(query.user, range.begin + i);
    return absl::OkStatus();
  }
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& /*scratch*/) const override {
    for (size_t i = 0; i < items.size(); ++i) out[i] = One(query.user, Index(items[i]));
    return absl::OkStatus();
  }
  uint32_t n_users() const override { return users_; }
  uint32_t n_items() const override { return items_; }
  bool KnowsUser(UserId user) const override { return Index(user) < users_; }

 private:
  float One(UserId user, uint32_t item) const {
    if (answers_ == nullptr) return Rng(5, RngStream::kTest, Index(user)).Uniform(item);
    for (const LabeledPair& row : *answers_) {
      if (row.user == user && Index(row.item) == item) return 1;
    }
    return 0;
  }
  uint32_t users_, items_;
  const std::vector<LabeledPair>* answers_;
};

TEST(Candidates, MetricsOfAPerfectAndOfARandomModel) {
  constexpr uint32_t kUsers = 3000, kItems = 400;
  const auto snapshot = RandomLog(kUsers, kItems, 6, 4);
  const auto split = MakeSplit(*snapshot, {.protocol = "leave_one_out", .negatives = "none"});
  ASSERT_TRUE(split.ok()) << split.status();
  const TrainingData data = MakeTrainingData(snapshot, split->train, 1);
  TaskArena workers(2);
  const EvalOptions options{.candidates = Candidates::kKsr, .at = {10, 101}, .bootstrap = 0};
  const auto perfect = EvaluateRanking(FixedScorer(kUsers, kItems, &split->test), data, *split,
                                       options, workers, nullptr);
  ASSERT_TRUE(perfect.ok()) << perfect.status();
  EXPECT_DOUBLE_EQ(perfect->at[0].mean.mrr, 1);
  EXPECT_DOUBLE_EQ(perfect->at[0].mean.ndcg, 1);
  const auto random = EvaluateRanking(FixedScorer(kUsers, kItems, nullptr), data, *split, options,
                                      workers, nullptr);
  ASSERT_TRUE(random.ok()) << random.status();
  EXPECT_DOUBLE_EQ(random->at[1].mean.map, random->at[1].mean.mrr);
  const double p = 10.0 / 101, n = static_cast<double>(random->users);
  EXPECT_NEAR(random->at[0].mean.hit, p, 5 * std::sqrt(p * (1 - p) / n));
}

}  // namespace
}  // namespace undula::models
