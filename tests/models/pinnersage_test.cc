#include "models/pinnersage/pinnersage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "models/pinnersage/ward.h"
#include "tests/shared_path.h"

namespace undula::models {
namespace {

using testing::ElementsAre;

std::vector<double> RandomPoints(int64_t n, int64_t dim, uint32_t seed) {
  std::vector<double> out;
  const Rng rng(seed, RngStream::kTest);
  for (int64_t i = 0; i < n * dim; ++i) out.push_back(static_cast<double>(rng.Uniform(i)));
  return out;
}

// The definition: merge the closest two until one is left.
std::vector<double> GreedyHeights(const std::vector<double>& points, int64_t dim,
                                  std::vector<double> size) {
  std::vector<std::vector<double>> centroid;
  for (size_t i = 0; i < size.size(); ++i) {
    centroid.emplace_back(points.begin() + i * dim, points.begin() + (i + 1) * dim);
  }
  std::vector<double> heights;
  while (centroid.size() > 1) {
    double best = INFINITY;
    size_t a = 0, b = 0;
    for (size_t i = 0; i < centroid.size(); ++i) {
      for (size_t j = i + 1; j < centroid.size(); ++j) {
        double d = 0;
        for (int64_t c = 0; c < dim; ++c) d += std::pow(centroid[i][c] - centroid[j][c], 2);
        d *= 2 * size[i] * size[j] / (size[i] + size[j]);
        if (d < best) {
          best = d;
          a = i;
          b = j;
        }
      }
    }
    heights.push_back(best);
    for (int64_t c = 0; c < dim; ++c) {
      centroid[a][c] = (size[a] * centroid[a][c] + size[b] * centroid[b][c]) / (size[a] + size[b]);
    }
    size[a] += size[b];
    centroid.erase(centroid.begin() + static_cast<int64_t>(b));
    size.erase(size.begin() + static_cast<int64_t>(b));
  }
  std::sort(heights.begin(), heights.end());
  return heights;
}

TEST(Ward, HeightsAreThoseOfTheGreedyMethod) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    const std::vector<double> points = RandomPoints(70, 5, seed);
    std::vector<uint32_t> counts;
    for (uint32_t i = 0; i < 70; ++i) counts.push_back(1 + i % 3);
    for (const bool counted : {false, true}) {
      const auto merges = WardLinkage<double>(
          points, 5, counted ? std::span<const uint32_t>(counts) : std::span<const uint32_t>());
      std::vector<double> size(70, 1.0);
      if (counted) size.assign(counts.begin(), counts.end());
      const std::vector<double> want = GreedyHeights(points, 5, size);
      ASSERT_EQ(merges.size(), want.size());
      for (size_t k = 0; k < want.size(); ++k) EXPECT_NEAR(merges[k].height, want[k], 1e-9);
    }
  }
}

TEST(Ward, SmallCases) {
  EXPECT_TRUE(WardLinkage<float>({}, 3, {}).empty());
  EXPECT_TRUE(WardLinkage<float>(std::vector<float>{1, 2, 3}, 3, {}).empty());
  EXPECT_THAT(CutLinkage({}, 1, 9), ElementsAre(0));
  // All at one place, then far ones.
  const std::vector<float> points = {0, 0, 5, 0, 5};
  const auto merges = WardLinkage<float>(points, 1, {});
  EXPECT_THAT(CutLinkage(merges, 5, 0), ElementsAre(0, 0, 1, 0, 1));
  EXPECT_THAT(CutLinkage(merges, 5, 1e9), ElementsAre(0, 0, 0, 0, 0));
}

// Copies as a count give the same clusters as copies as points.
TEST(PinnerSage, RepeatedActionsAreCounts) {
  const std::vector<double> points = RandomPoints(12, 4, 8);
  std::vector<uint32_t> counts;
  std::vector<double> copies;
  std::vector<uint32_t> of_copy;
  for (uint32_t i = 0; i < 12; ++i) {
    counts.push_back(1 + i % 3);
    for (uint32_t k = 0; k < counts[i]; ++k) {
      copies.insert(copies.end(), points.begin() + i * 4, points.begin() + (i + 1) * 4);
      of_copy.push_back(i);
    }
  }
  const auto merges = WardLinkage<double>(points, 4, counts);
  const auto all = WardLinkage<double>(copies, 4, {});
  for (const double alpha : {.1, .5, 1., 3.}) {
    const auto label = CutLinkage(merges, 12, alpha);
    const auto copy_label = CutLinkage(all, of_copy.size(), alpha);
    for (size_t c = 0; c < of_copy.size(); ++c) EXPECT_EQ(copy_label[c], label[of_copy[c]]);
  }
}

TEST(PinnerSage, ClustersOfActions) {
  // Two groups on a line; item 2 was acted on twice.
  const std::vector<float> vectors = {0, .1f, .2f, 9, 9.2f};
  const ItemVectors items{vectors, 1};
  const std::vector<Action> actions = {{ItemId{3}, 10}, {ItemId{2}, 0},  {ItemId{0}, 5},
                                       {ItemId{1}, 8},  {ItemId{2}, 10}, {ItemId{4}, 99}};
  const auto clusters = ClusterActions(actions, items, 10, {.alpha = 1, .lambda = 0.1});
  ASSERT_EQ(clusters.size(), 2u);
  EXPECT_THAT(clusters[0].items, ElementsAre(ItemId{0}, ItemId{1}, ItemId{2}));
  EXPECT_EQ(clusters[0].medoid, ItemId{1});  // the centroid is .125
  EXPECT_EQ(clusters[0].actions, 4);
  EXPECT_EQ(clusters[0].last_time, 10);
  EXPECT_NEAR(clusters[0].importance, std::exp(-1.) + 1 + std::exp(-.5) + std::exp(-.2), 1e-12);
  EXPECT_NEAR(clusters[1].importance, 2, 1e-12);  // what is after now counts as now
  EXPECT_EQ(clusters[1].medoid, ItemId{3});       // both are as near: the smaller one
  EXPECT_TRUE(ClusterActions({}, items, 0, {}).empty());
}

TEST(PinnerSage, UpdateAddsADay) {
  const std::vector<float> vectors = {0, .1f, .2f, 9, 9.2f};
  const ItemVectors items{vectors, 1};
  const PinnerSageOptions options{.alpha = 1, .lambda = 0.1};
  const std::vector<Action> before = {{ItemId{0}, 1}, {ItemId{1}, 2}};
  auto clusters = ClusterActions(before, items, 2, options);
  ASSERT_EQ(clusters.size(), 1u);
  const std::vector<Action> more = {{ItemId{2}, 3}, {ItemId{4}, 3}, {ItemId{1}, 3}};
  UpdateClusters(more, items, 2, 3, options, &clusters);
  ASSERT_EQ(clusters.size(), 2u);
  std::vector<Action> all = before;
  all.insert(all.end(), more.begin(), more.end());
  const auto again = ClusterActions(all, items, 3, options);
  for (size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(clusters[k].items, again[k].items);
    EXPECT_EQ(clusters[k].medoid, again[k].medoid);
    EXPECT_NEAR(clusters[k].importance, again[k].importance, 1e-12);
  }
}

TEST(PinnerSage, ClustersAreChosenByImportance) {
  std::vector<InterestCluster> clusters(4);
  for (uint32_t k = 0; k < 4; ++k) {
    clusters[k].medoid = ItemId{k};
    clusters[k].importance = k == 3 ? 0 : 1 + k;
  }
  EXPECT_EQ(ChooseClusters(clusters, 3, 1, 5, 9), ChooseClusters(clusters, 3, 1, 5, 9));
  std::vector<double> first(4);
  constexpr uint32_t kDays = 20000;
  for (uint32_t day = 0; day < kDays; ++day) {
    const auto chosen = ChooseClusters(clusters, 3, 1, 5, day);
    ASSERT_EQ(std::set<size_t>(chosen.begin(), chosen.end()).size(), 3u);
    first[chosen[0]] += 1.0 / kDays;
  }
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(first[k], (1 + k) / 6.0, .02);
  EXPECT_EQ(first[3], 0);
  EXPECT_EQ(ChooseClusters(clusters, 9, 1, 5, 9).size(), 4u);
}

class PinnerSageOracle : public testing::TestWithParam<const char*> {};

TEST_P(PinnerSageOracle, ReproducesTheFile) {
  const std::string path = SharedPath(std::string("oracles/") + GetParam() + ".json");
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << "no oracle " << path << "; set UNDULA_SHARED";
  const auto oracle = nlohmann::json::parse(in);
  const auto points = oracle["inputs"]["points"]["data"].get<std::vector<double>>();
  const int64_t dim = oracle["inputs"]["points"]["shape"][1];
  const auto times = oracle["inputs"]["times"]["data"].get<std::vector<double>>();
  const double now = oracle["config"]["now"];
  const auto merges = WardLinkage<double>(points, dim, {});
  const auto heights = oracle["outputs"]["merge_heights"]["data"].get<std::vector<double>>();
  ASSERT_EQ(merges.size(), heights.size());
  std::vector<std::vector<uint32_t>> cluster_of(times.size());
  for (uint32_t p = 0; p < times.size(); ++p) cluster_of[p] = {p};
  for (size_t k = 0; k < merges.size(); ++k) {
    EXPECT_NEAR(merges[k].height, heights[k], 1e-8 * std::max(1.0, heights[k]));
    std::vector<uint32_t> members = cluster_of[merges[k].a];
    const auto& other = cluster_of[merges[k].b];
    members.insert(members.end(), other.begin(), other.end());
    std::sort(members.begin(), members.end());
    for (const uint32_t p : members) cluster_of[p] = members;
    EXPECT_EQ(members, oracle["outputs"]["merge_members"][k].get<std::vector<uint32_t>>());
  }
  std::vector<float> vectors(points.begin(), points.end());
  std::vector<Action> actions;
  for (uint32_t p = 0; p < times.size(); ++p) actions.push_back({ItemId{p}, times[p]});
  for (const auto& cut : oracle["outputs"]["cuts"]) {
    const double alpha = cut["alpha"];
    const auto labels = cut["labels"]["data"].get<std::vector<uint32_t>>();
    EXPECT_EQ(CutLinkage(merges, times.size(), alpha), labels);
    const auto medoids = cut["medoids"]["data"].get<std::vector<uint32_t>>();
    const auto importance = cut["importance"]["data"].get<std::vector<double>>();
    const auto lambdas = oracle["config"]["lambdas"].get<std::vector<double>>();
    for (size_t l = 0; l < lambdas.size(); ++l) {
      const auto clusters =
          ClusterActions(actions, {vectors, dim}, now, {.alpha = alpha, .lambda = lambdas[l]});
      ASSERT_EQ(clusters.size(), medoids.size());
      for (const InterestCluster& cluster : clusters) {
        const uint32_t label = labels[Index(cluster.items[0])];
        EXPECT_EQ(Index(cluster.medoid), medoids[label]);
        EXPECT_NEAR(cluster.importance, importance[label * lambdas.size() + l], 1e-8 * 13);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, PinnerSageOracle,
                         testing::Values("pinnersage_plane", "pinnersage_unit"));

}  // namespace
}  // namespace undula::models
