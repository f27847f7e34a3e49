#include "models/convolution/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "models/convolution/neighborhoods.h"

namespace undula::models {
namespace {

using testing::ElementsAre;

// 0 -> 1 (.75), 2 (.25); 1 -> 3; 2 -> nothing; 3 -> 0, 1 (.5 each).
NodeLists SomeLists() {
  NodeLists lists;
  lists.ptr = {0, 2, 3, 3, 5};
  lists.item = {1, 2, 3, 0, 1};
  lists.weight = {.75f, .25f, 1, .5f, .5f};
  return lists;
}

TEST(ConvPlan, LevelsHoldWhatIsNeeded) {
  const NodeLists lists = SomeLists();
  ConvPlanner plan({4});
  const std::vector<std::vector<const NodeLists*>> two(2, {&lists});
  plan.Plan(std::vector<std::vector<uint32_t>>{{2, 0, 2}}, two, {});
  EXPECT_THAT(plan.level(2, 0), ElementsAre(0, 2));
  EXPECT_THAT(plan.level(1, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(plan.level(0, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(plan.place(0, 2), 1u);
  const ConvLayer& top = plan.layer(1, 0);
  EXPECT_FALSE(top.all_of_below);
  EXPECT_THAT(top.self, ElementsAre(0, 2));
  EXPECT_THAT(top.ptr, ElementsAre(0, 2, 2));
  EXPECT_THAT(top.src, ElementsAre(1, 2));
  EXPECT_THAT(top.weight, ElementsAre(.75f, .25f));
  EXPECT_THAT(top.in_ptr, ElementsAre(0, 0, 1, 2));
  EXPECT_THAT(top.in_row, ElementsAre(0, 0));
  EXPECT_THAT(top.in_entry, ElementsAre(0, 1));
}

TEST(ConvPlan, RemovedEdgesLeaveTheRestItsSum) {
  const NodeLists lists = SomeLists();
  ConvPlanner plan({4});
  const std::vector<std::vector<const NodeLists*>> one(1, {&lists});
  const std::vector<std::vector<uint32_t>> wanted = {{0, 1, 3}};
  const RemovedEdge removed[] = {{0, 0, 1}, {0, 1, 3}, {0, 1, 3}, {0, 3, 2}};
  plan.Plan(wanted, one, removed);
  EXPECT_THAT(plan.layer(0, 0).ptr, ElementsAre(0, 1, 1, 3));
  EXPECT_THAT(plan.layer(0, 0).weight, ElementsAre(1, .5f, .5f));
  plan.Plan(wanted, one, {});  // nothing stays removed
  EXPECT_THAT(plan.layer(0, 0).ptr, ElementsAre(0, 2, 3, 5));
}

TEST(ConvPlan, TwoTypesAlternate) {
  // Items 0, 1 have users {0, 1}, {1}; users 0, 1, 2 have items {0}, {0, 1}, {}.
  NodeLists of_items, of_users;
  of_items.ptr = {0, 2, 3};
  of_items.item = {0, 1, 1};
  of_items.weight = {.5f, .5f, 1};
  of_users.ptr = {0, 1, 3, 3};
  of_users.item = {0, 0, 1};
  of_users.weight = {1, .5f, .5f};
  ConvPlanner plan({2, 3});
  const std::vector<std::vector<const NodeLists*>> two(2, {&of_items, &of_users});
  plan.Plan(std::vector<std::vector<uint32_t>>{{1}, {0}}, two, {});
  EXPECT_THAT(plan.level(1, 0), ElementsAre(0, 1));  // item 0 is user 0's neighbor
  EXPECT_THAT(plan.level(1, 1), ElementsAre(0, 1));
  EXPECT_THAT(plan.layer(1, 1).src, ElementsAre(0));
  EXPECT_THAT(plan.layer(1, 0).src, ElementsAre(1));
}

TEST(Neighborhoods, FanoutsAreSubsetsWithoutRepeats) {
  std::vector<int64_t> ptr = {0, 0, 3, 40};
  std::vector<uint32_t> to;
  for (uint32_t i = 0; i < 40; ++i) to.push_back(100 + i);
  const NodeLists all = SampleFanout(ptr, to, 0, 1, 0);
  EXPECT_EQ(all.item, to);
  const NodeLists some = SampleFanout(ptr, to, 5, 1, 0);
  EXPECT_THAT(some.ptr, ElementsAre(0, 0, 3, 8));
  for (size_t i = 4; i < 8; ++i) EXPECT_LT(some.item[i - 1], some.item[i]);
  EXPECT_FLOAT_EQ(some.weight[7], .2f);
  EXPECT_EQ(SampleFanout(ptr, to, 5, 1, 0).item, some.item);
  EXPECT_NE(SampleFanout(ptr, to, 5, 1, 1).item, some.item);
}

}  // namespace
}  // namespace undula::models
