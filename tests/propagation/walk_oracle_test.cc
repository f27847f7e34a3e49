// Every walk_* oracle: exact expected visits, lists of the top, and the mean visits of drawn walks
// within 5 standard errors.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "propagation/sample/exact_visits.h"
#include "propagation/sample/random_walk.h"
#include "tests/conformance/oracle_file.h"
#include "tests/propagation/walk_graph_fixture.h"

namespace undula::propagation {
namespace {

class WalkOracle : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto oracle = ReadOracle(GetParam());
    ASSERT_TRUE(oracle.ok()) << oracle.status();
    oracle_ = *std::move(oracle);
    n_ = static_cast<uint32_t>(oracle_.number("n_items"));
    std::vector<std::vector<uint32_t>> contexts(static_cast<size_t>(oracle_.number("n_contexts")));
    const std::vector<uint32_t> pairs = oracle_.inputs.at("interactions").ids();
    for (size_t i = 0; i < pairs.size(); i += 2) contexts[pairs[i]].push_back(pairs[i + 1]);
    graph_.emplace(MakeWalkGraph(contexts, n_));
  }

  std::vector<double> Visits(int64_t traversals) {
    std::vector<double> all(size_t{n_} * n_);
    VisitRows rows(*graph_, {.traversals = traversals, .stop = stop()});
    for (uint32_t q = 0; q < n_; ++q) {
      for (const ItemVisits& v : rows.Of(q)) all[q * n_ + v.item] = v.visits;
    }
    return all;
  }
  double stop() const { return oracle_.number("stop"); }
  int64_t steps() const { return static_cast<int64_t>(oracle_.number("max_steps")); }

  Oracle oracle_;
  uint32_t n_ = 0;
  std::optional<WalkGraph> graph_;
};

TEST_P(WalkOracle, ExpectedVisits) {
  EXPECT_LE(OutputError(Visits(1), oracle_.outputs.at("transition").data), 1e-8);
  EXPECT_LE(OutputError(Visits(steps()), oracle_.outputs.at("expected_visits").data), 1e-8);
  std::vector<double> limit = Visits(200);
  EXPECT_LE(OutputError(limit, oracle_.outputs.at("visits_infinite").data), 1e-8);
  // Personalised PageRank: stop I + stop (1 - stop) V.
  for (double& v : limit) v *= stop() * (1 - stop());
  for (uint32_t q = 0; q < n_; ++q) limit[q * n_ + q] += stop();
  EXPECT_LE(OutputError(limit, oracle_.outputs.at("ppr").data), 1e-8);
}

TEST_P(WalkOracle, Lists) {
  const auto top = static_cast<int64_t>(oracle_.number("top"));
  const auto lists = ExactLists(*graph_, AllItems(*graph_), {.traversals = steps(), .stop = stop()},
                                top, false, nullptr);
  std::vector<double> items, weights;
  for (uint32_t q = 0; q < n_; ++q) {
    for (int64_t k = 0; k < top; ++k) {
      const bool taken = k < lists.ptr[q + 1] - lists.ptr[q];
      items.push_back(taken ? lists.items_of(q)[k] : -1.0);
      weights.push_back(taken ? static_cast<double>(lists.weights_of(q)[k]) : 0.0);
    }
  }
  EXPECT_EQ(items, oracle_.outputs.at("top_items").data);
  EXPECT_LE(OutputError(weights, oracle_.outputs.at("top_weights").data), 1e-6);
}

TEST_P(WalkOracle, DrawnWalksWithinFiveStandardErrors) {
  constexpr int64_t kRounds = 20, kWalks = 10000;
  const std::vector<double>& exact = oracle_.outputs.at("expected_visits").data;
  double per_walk = 0;
  for (int64_t t = 0; t < steps(); ++t) per_walk += std::pow(1 - stop(), t);
  std::vector<double> mean(exact.size()), square(exact.size());
  for (int64_t round = 0; round < kRounds; ++round) {
    const WalkOptions options{
        .walks = kWalks, .traversals = steps(), .stop = stop(), .top = 100, .keep_self = true};
    const auto lists =
        WalkLists(*graph_, AllItems(*graph_), options, 11, static_cast<uint32_t>(round), nullptr);
    for (uint32_t q = 0; q < n_; ++q) {
      for (int64_t k = lists.ptr[q]; k < lists.ptr[q + 1]; ++k) {
        mean[q * n_ + lists.item[k]] += static_cast<double>(lists.weight[k]) * per_walk / kRounds;
      }
    }
  }
  const double n = static_cast<double>(kRounds * kWalks);
  for (size_t i = 0; i < exact.size(); ++i) {
    // Visits of one walk: at most `steps`, so their variance is at most steps E.
    const double error = std::sqrt(static_cast<double>(steps()) * exact[i] / n);
    EXPECT_LE(std::abs(mean[i] - exact[i]), 5 * error + 1e-12) << "entry " << i;
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WalkOracle);
INSTANTIATE_TEST_SUITE_P(Files, WalkOracle, testing::ValuesIn(ListOracles("walk_")),
                         [](const auto& info) { return OracleTestName(info.param); });

}  // namespace
}  // namespace undula::propagation
