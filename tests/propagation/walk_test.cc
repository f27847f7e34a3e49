#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/parallel.h"
#include "propagation/sample/exact_visits.h"
#include "propagation/sample/random_walk.h"
#include "tests/propagation/walk_graph_fixture.h"

namespace undula::propagation {
namespace {

using testing::ElementsAre;

std::vector<double> Row(VisitRows& rows, uint32_t item, uint32_t n_items) {
  std::vector<double> out(n_items);
  for (const ItemVisits& v : rows.Of(item)) out[v.item] = v.visits;
  return out;
}

void ExpectNear(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "entry " << i;
}

// Mean visits of `walks` walks from an item, from the weights of a list that cuts nothing off.
std::vector<double> MeanVisits(const WalkGraph& graph, uint32_t item, int64_t walks, double stop,
                               int64_t traversals) {
  const int64_t rounds = walks / 10000;
  std::vector<double> mean(graph.n_items());
  for (int64_t round = 0; round < rounds; ++round) {
    const WalkOptions options{
        .walks = 10000, .traversals = traversals, .stop = stop, .top = 1000, .keep_self = true};
    const auto lists = WalkLists(graph, std::vector<uint32_t>{item}, options, 5,
                                 static_cast<uint32_t>(round), nullptr);
    double expected = 0;  // visits of a walk
    for (int64_t t = 0; t < traversals; ++t) expected += std::pow(1 - stop, t);
    for (size_t k = 0; k < lists.item.size(); ++k) {
      mean[lists.item[k]] += static_cast<double>(lists.weight[k]) * expected / rounds;
    }
  }
  return mean;
}

TEST(ExactVisits, AreThoseOfTheSpecification) {
  const WalkGraph graph = SmallWalkGraph();
  VisitRows rows(graph, {.traversals = 3, .stop = 0.5});
  ExpectNear(Row(rows, 0, 4), {.728009, .849344, .121335, .051312}, 1e-6);
  ExpectNear(Row(rows, 1, 4), {.283115, .768958, .485843, .212084}, 1e-6);
  VisitRows limit(graph, {.traversals = 100, .stop = 0.5});
  std::vector<double> row = Row(limit, 0, 4);
  for (double& v : row) v *= 0.5;  // rows sum to 1 / stop
  ExpectNear(row, {.386598, .479381, .092784, .041237}, 1e-6);
}

TEST(ExactVisits, ListsOfTheSpecification) {
  const WalkGraph graph = SmallWalkGraph();
  const std::vector<uint32_t> seeds = {0, 1, 2, 3};
  const auto two = ExactLists(graph, seeds, {}, 2, false, nullptr);
  EXPECT_THAT(two.items_of(0), ElementsAre(1, 2));
  EXPECT_THAT(two.weights_of(0), ElementsAre(0.875f, 0.125f));
  const auto three = ExactLists(graph, seeds, {}, 3, false, nullptr);
  const std::vector<std::vector<uint32_t>> items = {{1, 2, 3}, {2, 0, 3}, {1, 3, 0}, {1, 2, 0}};
  const std::vector<std::vector<double>> weights = {{.831068, .118724, .050208},
                                                    {.495232, .288586, .216183},
                                                    {.673596, .270330, .056075},
                                                    {.5, .459677, .040323}};
  for (int64_t r = 0; r < 4; ++r) {
    EXPECT_THAT(three.items_of(r), testing::ElementsAreArray(items[r]));
    ExpectNear({three.weights_of(r).begin(), three.weights_of(r).end()}, weights[r], 1e-6);
  }
}

TEST(ExactVisits, PruningThatKeepsEverythingChangesNothing) {
  const WalkGraph graph = RandomWalkGraph(40, 30, true);
  VisitRows all(graph, {.traversals = 4, .stop = 0.3});
  VisitRows kept(graph, {.traversals = 4, .stop = 0.3, .keep = 40});
  VisitRows pruned(graph, {.traversals = 4, .stop = 0.3, .keep = 8});
  for (uint32_t q = 0; q < 40; ++q) {
    const std::vector<double> row = Row(all, q, 40);
    EXPECT_EQ(Row(kept, q, 40), row);
    double sum = 0, less = 0;
    for (const double v : row) sum += v;
    for (const double v : Row(pruned, q, 40)) less += v;
    EXPECT_LE(less, sum + 1e-12);
    if (q + 1 < 40 && sum > 0) {
      EXPECT_NEAR(sum, 1 + .7 + .49 + .343, 1e-9);
    }
  }
  EXPECT_TRUE(all.Of(39).empty());  // no interaction
}

TEST(WalkLists, VisitsApproachTheExpectedOnes) {
  for (const bool weighted : {false, true}) {
    const WalkGraph graph = RandomWalkGraph(12, 9, weighted);
    constexpr int64_t kWalks = 400000;
    VisitRows rows(graph, {.traversals = 3, .stop = 0.4});
    for (const uint32_t q : {0u, 3u}) {
      const std::vector<double> exact = Row(rows, q, 12);
      const std::vector<double> mean = MeanVisits(graph, q, kWalks, 0.4, 3);
      double total = 0;
      for (const double v : exact) total += v;
      if (total == 0) continue;
      for (uint32_t i = 0; i < 12; ++i) {
        // A walk visits an item 0 to 3 times: the variance is at most 3 E.
        const double error = std::sqrt(3 * exact[i] / kWalks);
        EXPECT_LE(std::abs(mean[i] - exact[i]), 5 * error + 1e-12) << q << " to " << i;
      }
    }
  }
}

TEST(WalkLists, AliasTablesFollowTheWeights) {
  // One context of three items with weights 1, 2, 5, and one edge back from each.
  const WalkGraph graph = MakeWalkGraph({{0, 1, 2}}, 3, {1, 2, 5});
  VisitRows rows(graph, {.traversals = 1});
  ExpectNear(Row(rows, 0, 3), {1.0 / 8, 2.0 / 8, 5.0 / 8}, 1e-9);
}

TEST(WalkLists, AreOrderedAndSumToOne) {
  const WalkGraph graph = RandomWalkGraph(200, 150, false);
  const auto seeds = AllItems(graph);
  const WalkOptions options{.walks = 50, .top = 7};
  const auto lists = WalkLists(graph, seeds, options, 1, 0, nullptr);
  ASSERT_EQ(lists.rows(), 200);
  EXPECT_TRUE(lists.items_of(199).empty());
  for (int64_t r = 0; r < lists.rows(); ++r) {
    const auto items = lists.items_of(r);
    const auto weights = lists.weights_of(r);
    EXPECT_LE(items.size(), 7u);
    double sum = 0;
    for (size_t k = 0; k < items.size(); ++k) {
      EXPECT_NE(items[k], static_cast<uint32_t>(r));
      sum += static_cast<double>(weights[k]);
      if (k == 0) continue;
      EXPECT_TRUE(weights[k] < weights[k - 1] ||
                  (weights[k] == weights[k - 1] && items[k] > items[k - 1]));
    }
    if (!items.empty()) {
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

void ExpectSame(const ImportanceLists& a, const ImportanceLists& b) {
  EXPECT_EQ(a.ptr, b.ptr);
  EXPECT_EQ(a.item, b.item);
  EXPECT_EQ(a.weight, b.weight);
}

TEST(WalkLists, DoNotDependOnThreadsOrCompany) {
  for (const bool weighted : {false, true}) {
    const WalkGraph graph = RandomWalkGraph(300, 200, weighted);
    const auto seeds = AllItems(graph);
    for (const int64_t walks : {3, 100, 300}) {
      const WalkOptions options{.walks = walks, .top = 9};
      const auto one = WalkLists(graph, seeds, options, 7, 2, nullptr);
      TaskArena workers(3);
      ExpectSame(WalkLists(graph, seeds, options, 7, 2, &workers), one);
      const auto alone = WalkLists(graph, std::vector<uint32_t>{17}, options, 7, 2, nullptr);
      EXPECT_TRUE(std::ranges::equal(alone.items_of(0), one.items_of(17)));
      EXPECT_TRUE(std::ranges::equal(alone.weights_of(0), one.weights_of(17)));
      const auto other = WalkLists(graph, seeds, options, 7, 3, nullptr);
      EXPECT_NE(other.item, one.item);
    }
  }
}

TEST(WalkLists, SelfAndSingleItemContexts) {
  const WalkGraph graph = MakeWalkGraph({{0}, {1, 1}, {}}, 3);
  const std::vector<uint32_t> seeds = {0, 1, 2};
  const auto without = WalkLists(graph, seeds, {.walks = 5}, 1, 0, nullptr);
  EXPECT_TRUE(without.item.empty());
  const auto with = WalkLists(graph, seeds, {.walks = 5, .keep_self = true}, 1, 0, nullptr);
  EXPECT_THAT(with.item, ElementsAre(0, 1));
  EXPECT_THAT(with.weight, ElementsAre(1.0f, 1.0f));
}

TEST(WalkOptions, AreChecked) {
  EXPECT_TRUE(CheckWalkOptions({}).ok());
  EXPECT_FALSE(CheckWalkOptions({.walks = 0}).ok());
  EXPECT_FALSE(CheckWalkOptions({.walks = kMostVisits, .traversals = 2}).ok());
  EXPECT_FALSE(CheckWalkOptions({.stop = std::nan("")}).ok());
  EXPECT_FALSE(CheckWalkOptions({.stop = 1.5}).ok());
  EXPECT_FALSE(CheckWalkOptions({.top = 0}).ok());
}

TEST(WalkGraph, BadInputIsNamed) {
  const std::vector<int64_t> ptr = {0, 2};
  const std::vector<uint32_t> items = {0, 5};
  const auto out_of_range = WalkGraph::Create(ptr, items, {}, 3);
  EXPECT_EQ(out_of_range.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(out_of_range.status().ToString().find("item 5 of interaction 1"), std::string::npos);
  const std::vector<float> weight = {1, -1};
  EXPECT_FALSE(WalkGraph::Create(ptr, items, weight, 6).ok());
  EXPECT_FALSE(WalkGraph::Create(ptr, items, std::vector<float>{1}, 6).ok());
  EXPECT_FALSE(WalkGraph::Create(std::vector<int64_t>{0, 3, 2}, items, {}, 6).ok());
  EXPECT_FALSE(WalkGraph::Create(std::vector<int64_t>{0, 1}, items, {}, 6).ok());
}

TEST(HardPools, ComeFromTheirBand) {
  EXPECT_EQ(ResolveBand({.relative = false}, 4000).high, 4000);
  const RankRange range = ResolveBand({.low_share = .1, .high_share = .5, .above = 3}, 100);
  EXPECT_EQ(range.low, 10);
  EXPECT_EQ(range.high, 50);
  EXPECT_EQ(ResolveBand({.low_share = .1, .high_share = .5, .above = 30}, 100).low, 31);

  const WalkGraph graph = RandomWalkGraph(120, 100, false);
  const PowerOptions power{.traversals = 2};
  const RankBand band{.low_share = .2, .high_share = .6, .above = 5};
  const HardPools pools = DrawHardPools(graph, power, band, 16, 9, nullptr);
  TaskArena workers(3);
  EXPECT_EQ(DrawHardPools(graph, power, band, 16, 9, &workers).item, pools.item);
  EXPECT_GE(pools.without, 1);  // the item without interactions
  VisitRows rows(graph, power);
  for (uint32_t q = 0; q < 120; ++q) {
    std::vector<ItemVisits> ranked;
    for (const ItemVisits& v : rows.Of(q)) {
      if (v.item != q) ranked.push_back(v);
    }
    std::sort(ranked.begin(), ranked.end(), [](const ItemVisits& a, const ItemVisits& b) {
      return a.visits != b.visits ? a.visits > b.visits : a.item < b.item;
    });
    const RankRange ranks = ResolveBand(band, static_cast<int64_t>(ranked.size()));
    for (int64_t k = 0; k < 16; ++k) {
      const uint32_t item = pools.item[q * 16 + k];
      if (ranks.high < ranks.low) {
        EXPECT_EQ(item, kNoIndex);
        continue;
      }
      const auto at = std::find_if(ranked.begin(), ranked.end(),
                                   [&](const ItemVisits& v) { return v.item == item; });
      const int64_t rank = at - ranked.begin() + 1;
      EXPECT_TRUE(ranks.low <= rank && rank <= ranks.high) << "rank " << rank;
    }
  }
}

}  // namespace
}  // namespace undula::propagation
