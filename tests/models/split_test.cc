#include "models/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "models/data/training_data.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using Pair = std::pair<uint32_t, uint32_t>;

std::vector<LabeledPair> All(const Split& split) {
  std::vector<LabeledPair> rows = split.train;
  rows.insert(rows.end(), split.valid.begin(), split.valid.end());
  rows.insert(rows.end(), split.test.begin(), split.test.end());
  return rows;
}

bool Same(const std::vector<LabeledPair>& a, const std::vector<LabeledPair>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const LabeledPair& x, const LabeledPair& y) {
                      return x.user == y.user && x.item == y.item && x.label == y.label;
                    });
}

class EveryProtocol : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(EveryProtocol, PartsAreDisjointAndNegativesAreNeverPositive) {
  const auto snapshot = RandomLog(120, 60, 30, 5);
  SplitOptions options;
  options.protocol = std::get<0>(GetParam());
  options.negatives = std::get<1>(GetParam());
  options.positive_threshold = 3;
  const auto split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok()) << split.status();

  std::set<Pair> positive, low;
  for (uint32_t u = 0; u < 120; ++u) {
    for (int64_t i = snapshot->by_user.ptr[u]; i < snapshot->by_user.ptr[u + 1]; ++i) {
      const uint32_t item = Index(snapshot->by_user.other[i]);
      (snapshot->by_user.weight[i] >= 3 ? positive : low).insert({u, item});
    }
  }
  std::set<Pair> seen;
  std::map<uint32_t, int64_t> positives, negatives;
  for (const LabeledPair& row : All(*split)) {
    const Pair pair{Index(row.user), Index(row.item)};
    EXPECT_TRUE(seen.insert(pair).second) << "a pair stands in two rows";
    if (row.label > 0) {
      EXPECT_TRUE(positive.count(pair));
      ++positives[pair.first];
    } else {
      EXPECT_FALSE(positive.count(pair));
      EXPECT_EQ(low.count(pair) > 0, options.negatives == "stored");
      ++negatives[pair.first];
    }
  }
  int64_t total = 0;
  for (const auto& [user, n] : positives) total += n;
  EXPECT_EQ(total, static_cast<int64_t>(positive.size()));
  if (options.negatives == "none") {
    EXPECT_TRUE(negatives.empty());
  }
  if (options.negatives == "sampled" || options.negatives == "popularity") {
    EXPECT_EQ(positives, negatives) << "as many negatives as positives, user by user";
  }

  const auto again = MakeSplit(*snapshot, options);
  EXPECT_TRUE(Same(split->train, again->train) && Same(split->test, again->test));
  options.seed = 556;
  const auto other = MakeSplit(*snapshot, options);
  if (options.protocol == "ctr") {
    EXPECT_FALSE(Same(split->train, other->train));
  }
}

INSTANTIATE_TEST_SUITE_P(
    , EveryProtocol,
    testing::Combine(testing::Values("ctr", "user", "leave_one_out", "time", "all"),
                     testing::Values("sampled", "popularity", "stored", "none")),
    [](const auto& info) {
      return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
    });

TEST(Split, CtrIsSixtyTwentyTwentyOverPooledRows) {
  const auto snapshot = RandomLog(200, 100, 20, 9);
  SplitOptions options{.protocol = "ctr"};
  const auto split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok());
  const size_t n = All(*split).size();
  EXPECT_EQ(split->valid.size(), n / 5);
  EXPECT_EQ(split->test.size(), n / 5);
  EXPECT_NE(split->description.find("protocol ctr, seed 555"), std::string::npos);
}

TEST(Split, TimeAndLeaveOneOutTakeTheLatest) {
  // User 0: items 0..9 in time order; user 1: one item; user 2: two items.
  std::vector<LogEntry> log;
  for (uint32_t i = 0; i < 10; ++i) log.push_back({0, i, 1, 100 + i});
  log.push_back({1, 3, 1, 5});
  log.push_back({2, 4, 1, 50});
  log.push_back({2, 5, 1, 40});
  const auto snapshot = MakeLog(3, 12, log);
  SplitOptions options{.protocol = "leave_one_out", .negatives = "none"};
  auto split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok());
  ASSERT_EQ(split->test.size(), 2u);
  EXPECT_EQ(split->test[0].item, ItemId{9});
  EXPECT_EQ(split->test[1].item, ItemId{4});  // the later of user 2
  ASSERT_EQ(split->valid.size(), 1u);
  EXPECT_EQ(split->valid[0].item, ItemId{8});
  EXPECT_EQ(split->train.size(), 10u);

  options.protocol = "time";
  options.train_share = 0.5;
  options.valid_share = 0.2;
  split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok());
  std::vector<uint32_t> test_items;
  for (const auto& row : split->test) {
    if (row.user == UserId{0}) test_items.push_back(Index(row.item));
  }
  EXPECT_EQ(test_items, (std::vector<uint32_t>{7, 8, 9}));
}

TEST(Split, NegativesAvoidLowRatedAndUnlinkedItems) {
  // 6 items, user 0 has 2 positives, 2 low-rated; item 5 is not linked: item 4 alone is left.
  const auto snapshot = MakeLog(1, 6, {{0, 0, 5}, {0, 1, 5}, {0, 2, 1}, {0, 3, 1}});
  snapshot->links.ptr = {0, 1, 2, 3, 4, 5, 5};
  for (uint32_t i = 0; i < 5; ++i) snapshot->links.entity.push_back(EntityId{i});
  const SplitOptions options{.protocol = "all", .positive_threshold = 4, .linked_items_only = true};
  const auto split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok());
  ASSERT_EQ(split->train.size(), 3u);
  EXPECT_EQ(split->train[2].item, ItemId{4});
  EXPECT_EQ(split->train[2].label, 0.0f);
  EXPECT_NE(split->description.find("1 items without a link left out"), std::string::npos);
  EXPECT_NE(split->description.find("1 negatives fewer than positives"), std::string::npos);
}

TEST(Split, PopularityNegativesFollowPopularity) {
  // 300 users have item 0 or 1; item 0 twice as often. 300 others draw one negative each.
  std::vector<LogEntry> log;
  for (uint32_t u = 0; u < 300; ++u) log.push_back({u, u % 3 == 0 ? 1u : 0u});
  for (uint32_t u = 300; u < 600; ++u) log.push_back({u, 2});
  const auto snapshot = MakeLog(600, 50, log);
  const SplitOptions options{.protocol = "all", .negatives = "popularity"};
  const auto split = MakeSplit(*snapshot, options);
  ASSERT_TRUE(split.ok());
  std::map<uint32_t, int> drawn;
  for (const auto& row : split->train) {
    if (row.label == 0 && Index(row.user) >= 300) ++drawn[Index(row.item)];
  }
  EXPECT_EQ(drawn[0] + drawn[1], 300);  // items without a positive have weight 0
  EXPECT_NEAR(drawn[0], 200, 41);       // 5 standard errors
}

TEST(Split, Errors) {
  const auto snapshot = MakeLog(1, 2, {{0, 0, 1}});
  SplitOptions options{.protocol = "ctr", .positive_threshold = 4};
  EXPECT_EQ(MakeSplit(*snapshot, options).status().code(), absl::StatusCode::kFailedPrecondition);
  options = {.protocol = "crt"};
  const absl::Status bad = MakeSplit(*snapshot, options).status();
  EXPECT_EQ(bad.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(bad.ToString().find("leave_one_out"), std::string::npos) << bad;
  options = {.train_share = 0.8, .valid_share = 0.4};
  EXPECT_EQ(MakeSplit(*snapshot, options).status().code(), absl::StatusCode::kInvalidArgument);
  options = {.valid_share = 0.4};
  EXPECT_EQ(MakeSplit(*snapshot, options).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeSplit(*MakeLog(0, 0, {}), {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Split, FixedRowsAreChecked) {
  const auto snapshot = MakeLog(2, 2, {{0, 0, 1}});
  const LabeledPair good{UserId{0}, ItemId{0}, 1};
  EXPECT_EQ(SplitFromRows(*snapshot, {good}, {}, {{UserId{2}, ItemId{0}, 1}}, "f").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SplitFromRows(*snapshot, {{UserId{0}, ItemId{0}, 0.5f}}, {}, {}, "f").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SplitFromRows(*snapshot, {{UserId{0}, ItemId{0}, 0}}, {}, {}, "f").status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto split = SplitFromRows(*snapshot, {good}, {}, {good}, "published");
  ASSERT_TRUE(split.ok());
  EXPECT_NE(split->description.find("1 positives of validation or test are also in train"),
            std::string::npos);
}

TEST(TrainingData, DropsUsersWithoutAPositiveAndKeepsTimeOrder) {
  const auto snapshot =
      MakeLog(3, 5, {{0, 3, 1, 30}, {0, 1, 1, 10}, {0, 2, 1, 20}, {0, 1, 1, 40}, {1, 0, 1, 1}});
  const std::vector<LabeledPair> rows = {{UserId{0}, ItemId{1}, 1}, {UserId{0}, ItemId{3}, 1},
                                         {UserId{0}, ItemId{4}, 1}, {UserId{1}, ItemId{2}, 0},
                                         {UserId{1}, ItemId{3}, 0}, {UserId{2}, ItemId{1}, 1}};
  const TrainingData data = MakeTrainingData(snapshot, rows, 7);
  EXPECT_EQ(data.train.size(), 4u);
  EXPECT_EQ(data.dropped_users, 1);
  EXPECT_EQ(data.dropped_rows, 2);
  // Item 1 at 10, 3 at 30, 1 again at 40, then item 4, which the log does not have.
  const auto row = data.positives.row(0);
  EXPECT_EQ(std::vector<ItemId>(row.begin(), row.end()),
            (std::vector<ItemId>{ItemId{1}, ItemId{3}, ItemId{1}, ItemId{4}}));
  EXPECT_EQ(data.positives.row(1).size(), 0u);
  EXPECT_EQ(data.positives.row(2).size(), 1u);
  EXPECT_EQ(data.item_popularity, (std::vector<uint32_t>{0, 2, 0, 1, 1}));
}

}  // namespace
}  // namespace undula::models
