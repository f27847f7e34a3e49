// Counterfactual histories with a scorer whose scores are known sums.
#include "queries/counterfactual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

namespace undula::queries {
namespace {

constexpr ItemId kTarget{5};

// The target's score is the sum of what the items of the history are worth to it; item 6 has 3.5.
class Sums final : public models::Scorer {
 public:
  std::vector<float> worth = {1, 2, 3, 0, 0};
  float bonus = 0;  // of items 0 and 1 together

  absl::Status Score(const models::UserQuery& query, models::ItemRange range, std::span<float> out,
                     propagation::Arena&) const override {
    if (query.history.empty()) return absl::FailedPreconditionError("empty");
    for (uint32_t i = range.begin; i < range.end; ++i) {
      out[i - range.begin] = i == 6 ? 3.5f : i == Index(kTarget) ? Sum(query) : 0.0f;
    }
    return absl::OkStatus();
  }
  absl::Status ScoreItems(const models::UserQuery& query, std::span<const ItemId>,
                          std::span<float> out, propagation::Arena&) const override {
    out[0] = Sum(query);
    return absl::OkStatus();
  }
  uint32_t n_users() const override { return 1; }
  uint32_t n_items() const override { return 7; }
  bool KnowsUser(UserId) const override { return true; }

  float Sum(const models::UserQuery& query) const {
    float sum = 0;
    int both = 0;
    for (const ItemId item : query.history) {
      sum += worth[Index(item)];
      both += Index(item) < 2;
    }
    return both == 2 ? sum + bonus : sum;
  }
};

class CounterfactualTest : public testing::Test {
 protected:
  CounterfactualTest() {
    for (int i = 0; i < 7; ++i) {
      catalog_.items.Add("i" + std::to_string(i));
      catalog_.titles.Add("Item " + std::to_string(i));
    }
    catalog_.item_entity.assign(7, kNone<EntityId>);
    catalog_.BuildIndexes();
    snapshot_.n_items = 7;
    snapshot_.n_users = 1;
    snapshot_.by_user.ptr = {0, 4};
    snapshot_.by_user.other = {ItemId{0}, ItemId{1}, ItemId{2}, ItemId{3}};
    snapshot_.by_user.weight = {5, 5, 5, 1};
    snapshot_.by_user.time = {1, 2, 3, 4};
    spec_.title = "Sums";
    spec_.capabilities.fold_in = true;
    context_.catalog = &catalog_;
    context_.snapshot = &snapshot_;
    context_.scorer = &scorer_;
    context_.spec = &spec_;
    context_.positive_threshold = 2;
  }

  Catalog catalog_;
  Snapshot snapshot_;
  Sums scorer_;
  models::ModelSpec spec_{};
  Context context_;
};

TEST_F(CounterfactualTest, TakesAwayWhatTheItemStandsOn) {
  const auto found = FindCounterfactual(context_, {UserId{0}, {}}, kTarget, {.top = 1});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->found);
  EXPECT_EQ(found->items, std::vector<std::string>{"i2"});
  EXPECT_EQ(found->titles, std::vector<std::string>{"Item 2"});
  EXPECT_EQ(found->before, 1);
  EXPECT_EQ(found->after, 2);
}

TEST_F(CounterfactualTest, OneMayNotBeEnough) {
  scorer_.worth = {3, 3, 3, 0, 0};
  const auto one = FindCounterfactual(context_, {UserId{0}, {}}, kTarget, {.top = 1, .most = 1});
  ASSERT_TRUE(one.ok());
  EXPECT_FALSE(one->found);
  EXPECT_TRUE(one->items.empty());
  const auto two = FindCounterfactual(context_, {UserId{0}, {}}, kTarget, {.top = 1});
  ASSERT_TRUE(two.ok());
  EXPECT_TRUE(two->found);
  EXPECT_EQ(two->items.size(), 2u);
}

// Nothing is left of the history: the item leaves with it.
TEST_F(CounterfactualTest, TheWholeHistory) {
  scorer_.worth = {4, 4, 4, 0, 0};
  const auto found = FindCounterfactual(context_, {UserId{0}, {}}, kTarget, {.top = 1});
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->found);
  EXPECT_EQ(found->items.size(), 3u);
  EXPECT_EQ(found->after, 0);
}

// Against every subset of the history: what is found works, and nothing of it can be put back.
// Scores that are sums of worths are left with the fewest items possible.
TEST_F(CounterfactualTest, IsMinimalAmongAllSubsets) {
  std::mt19937_64 random(3);
  int found_some = 0;
  for (int round = 0; round < 300; ++round) {
    scorer_.worth.assign(5, 0);
    for (size_t i = 0; i < 3; ++i) scorer_.worth[i] = static_cast<float>(random() % 9) - 2;
    scorer_.bonus = round % 2 == 0 ? 0 : static_cast<float>(random() % 7) - 3;
    const auto leaves = [&](unsigned removed) {
      std::vector<ItemId> rest;
      for (uint32_t i = 0; i < 3; ++i) {
        if ((removed >> i & 1) == 0) rest.push_back(ItemId{i});
      }
      return rest.empty() || scorer_.Sum({kNone<UserId>, rest}) < 3.5f;
    };
    const auto found = FindCounterfactual(context_, {UserId{0}, {}}, kTarget, {.top = 1});
    if (leaves(0)) {
      EXPECT_FALSE(found.ok());
      continue;
    }
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_TRUE(found->found);
    unsigned removed = 0;
    for (const std::string& item : found->items) removed |= 1u << (item[1] - '0');
    EXPECT_TRUE(leaves(removed)) << round;
    int fewest = 3;
    for (unsigned set = 0; set < 8; ++set) {
      if (!leaves(set)) continue;
      fewest = std::min(fewest, std::popcount(set));
      const bool smaller = (set & removed) == set && set != removed;
      EXPECT_FALSE(smaller) << round << ": " << set << " within " << removed << " is enough";
    }
    if (scorer_.bonus == 0) {
      EXPECT_EQ(std::popcount(removed), fewest) << round;
      ++found_some;
    }
  }
  EXPECT_GT(found_some, 50);
}

TEST_F(CounterfactualTest, Errors) {
  const auto code = [&](const CounterfactualOptions& options, ItemId item = kTarget) {
    return FindCounterfactual(context_, {UserId{0}, {}}, item, options).status().code();
  };
  EXPECT_EQ(code({.top = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.most = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.top = 1}, ItemId{4}), absl::StatusCode::kFailedPrecondition);  // not in the list
  context_.positive_threshold = 9;
  EXPECT_EQ(code({}), absl::StatusCode::kFailedPrecondition);  // no history
  spec_.capabilities.fold_in = false;
  EXPECT_EQ(code({}), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace undula::queries
