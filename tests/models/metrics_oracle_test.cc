// Every metrics_* oracle, in full.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/eval/metrics.h"
#include "models/score/tile_scorer.h"
#include "tests/shared_path.h"

namespace undula::models {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-8;  // the oracles print 9 digits

template <class T>
std::vector<T> Array(const json& tensor) {
  std::vector<T> out;
  for (const json& value : tensor.at("data")) out.push_back(value.get<T>());
  return out;
}

std::vector<ItemId> Items(const json& tensor) {
  std::vector<ItemId> out;
  for (const uint32_t id : Array<uint32_t>(tensor)) out.push_back(ItemId{id});
  return out;
}

void ExpectNear(double value, double expected, const std::string& what) {
  EXPECT_LE(std::abs(value - expected), kTolerance * std::max(1.0, std::abs(expected)))
      << what << ": " << value << " instead of " << expected;
}

void CheckCtr(const json& oracle) {
  const json& in = oracle.at("inputs");
  const json& expected = oracle.at("outputs");
  const auto labels = Array<float>(in.at("labels"));
  const auto p = Array<double>(in.at("probabilities"));
  const auto users = Array<uint32_t>(in.at("users"));
  const ThresholdMetrics at = AtThreshold(labels, p, oracle.at("config").at("threshold"));
  const std::vector<std::pair<std::string, double>> values = {
      {"auc", Auc(labels, p)},
      {"accuracy", at.accuracy},
      {"f1", at.f1},
      {"precision", at.precision},
      {"recall", at.recall},
      {"logloss", LogLoss(labels, p)},
      {"average_precision", AveragePrecision(labels, p)},
      {"gauc", Gauc(labels, p, users)},
      {"rmse", RootMeanSquareError(labels, p)},
      {"mae", MeanAbsoluteError(labels, p)},
  };
  EXPECT_EQ(values.size(), expected.size()) << "the oracle has an output that is not checked";
  for (const auto& [name, value] : values) ExpectNear(value, expected.at(name), name);
}

// The scores of the oracle as a Scorer, so that the tile scorer makes the lists.
class TableScorer : public Scorer {
 public:
  TableScorer(std::vector<float> scores, uint32_t n_users, uint32_t n_items)
      : scores_(std::move(scores)), n_users_(n_users), n_items_(n_items) {}
  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena&) const override {
    for (uint32_t i = 0; i < range.size(); ++i) {
      out[i] = scores_[Index(query.user) * n_items_ + range.begin + i];
    }
    return absl::OkStatus();
  }
  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena&) const override {
    for (size_t i = 0; i < items.size(); ++i) {
      out[i] = scores_[Index(query.user) * n_items_ + Index(items[i])];
    }
    return absl::OkStatus();
  }
  uint32_t n_users() const override { return n_users_; }
  uint32_t n_items() const override { return n_items_; }
  bool KnowsUser(UserId user) const override { return Index(user) < n_users_; }

 private:
  std::vector<float> scores_;
  uint32_t n_users_, n_items_;
};

void CheckRanking(const json& oracle) {
  const json& in = oracle.at("inputs");
  const json& expected = oracle.at("outputs");
  const auto ks = oracle.at("config").at("K").get<std::vector<int64_t>>();
  const uint32_t n_users = oracle.at("config").at("n_users");
  const uint32_t n_items = oracle.at("config").at("n_items");
  const auto seen_ptr = Array<int64_t>(in.at("seen_ptr"));
  const auto seen = Items(in.at("seen_items"));
  const auto positive_ptr = Array<int64_t>(in.at("positive_ptr"));
  const auto positives = Items(in.at("positive_items"));
  const auto popularity = Array<uint32_t>(in.at("popularity"));
  const auto scores = Array<float>(in.at("scores"));
  const TableScorer scorer(scores, n_users, n_items);

  const auto row = [](const std::vector<int64_t>& ptr, const std::vector<ItemId>& v, int64_t u) {
    return std::span(v).subspan(static_cast<size_t>(ptr[u]),
                                static_cast<size_t>(ptr[u + 1] - ptr[u]));
  };
  RankJob job;
  job.n = n_users;
  job.query = [](int64_t u) { return UserQuery{UserId{static_cast<uint32_t>(u)}, {}}; };
  job.mask = [&](int64_t u) { return ItemMask{.excluded = row(seen_ptr, seen, u)}; };
  TaskArena workers(2);
  std::vector<std::vector<ItemId>> full(n_users);  // all candidates, ranked
  const TileOptions tiles{.k = n_items, .item_tile = 5, .user_tile = 3};
  const auto emit = [&](int64_t u, const RankedList& list) {
    for (const ScoredItem& item : list.items) full[u].push_back(item.item);
    return list.status;
  };
  ASSERT_TRUE(RankAll(scorer, job, tiles, workers, nullptr, emit).ok());

  const int64_t most = ks.back();
  const auto ranked = Array<int64_t>(expected.at("ranked_items"));
  for (uint32_t u = 0; u < n_users; ++u) {
    for (int64_t i = 0; i < most; ++i) {
      const int64_t want = ranked[u * most + i];
      const bool present = i < static_cast<int64_t>(full[u].size());
      EXPECT_EQ(present ? static_cast<int64_t>(Index(full[u][i])) : -1, want)
          << "user " << u << ", rank " << i + 1;
    }
  }

  const auto users = Array<uint32_t>(expected.at("users_with_positives"));
  using Member = double RankingMetrics::*;
  const std::vector<std::pair<std::string, Member>> members = {
      {"recall", &RankingMetrics::recall},
      {"precision", &RankingMetrics::precision},
      {"hit", &RankingMetrics::hit},
      {"mrr", &RankingMetrics::mrr},
      {"ndcg", &RankingMetrics::ndcg},
      {"ap", &RankingMetrics::map},
      {"ap_by_positives", &RankingMetrics::map_by_positives}};
  for (const auto& [name, member] : members) {
    const auto per_user = Array<double>(expected.at(name).at("per_user"));
    const auto mean = Array<double>(expected.at(name).at("mean_with_positives"));
    const auto mean_all = Array<double>(expected.at(name).at("mean_all"));
    for (size_t a = 0; a < ks.size(); ++a) {
      double sum = 0;
      for (size_t i = 0; i < users.size(); ++i) {
        const double value =
            RankAt(full[users[i]], row(positive_ptr, positives, users[i]), ks[a]).*member;
        ExpectNear(value, per_user[i * ks.size() + a], name);
        sum += value;
      }
      ExpectNear(sum / static_cast<double>(users.size()), mean[a], name + " mean");
      ExpectNear(sum / n_users, mean_all[a], name + " mean over all");
    }
  }

  const auto tie_averaged = Array<double>(expected.at("sklearn_ndcg_tie_averaged"));
  const auto full_ap = Array<double>(expected.at("average_precision_full_list"));
  for (size_t i = 0; i < users.size(); ++i) {
    const auto relevant_items = row(positive_ptr, positives, users[i]);
    std::vector<double> candidate_scores;
    std::vector<uint8_t> relevant;
    for (const ItemId item : full[users[i]]) {
      candidate_scores.push_back(static_cast<double>(scores[users[i] * n_items + Index(item)]));
      relevant.push_back(std::binary_search(relevant_items.begin(), relevant_items.end(), item));
    }
    for (size_t a = 0; a < ks.size(); ++a) {
      ExpectNear(NdcgTieAveraged(candidate_scores, relevant, ks[a]),
                 tie_averaged[i * ks.size() + a], "sklearn_ndcg_tie_averaged");
    }
    ExpectNear(RankAt(full[users[i]], relevant_items, n_items).map_by_positives, full_ap[i],
               "average_precision_full_list");
  }

  const std::vector<std::pair<std::string, double ListMetrics::*>> list_members = {
      {"coverage", &ListMetrics::coverage},
      {"gini", &ListMetrics::gini},
      {"entropy", &ListMetrics::entropy},
      {"novelty", &ListMetrics::novelty}};
  for (size_t a = 0; a < ks.size(); ++a) {
    ListCounter counter(n_items);
    for (const auto& list : full) {
      counter.Add(std::span(list).first(std::min<size_t>(list.size(), ks[a])));
    }
    const ListMetrics metrics = counter.Compute(popularity, n_users);
    for (const auto& [name, member] : list_members) {
      ExpectNear(metrics.*member, Array<double>(expected.at(name))[a], name);
    }
  }
  EXPECT_EQ(expected.size(), 2 + members.size() + 2 + list_members.size())
      << "the oracle has an output that is not checked";
}

TEST(MetricsOracle, EveryFile) {
  const std::string folder = SharedPath("oracles");
  if (folder.empty()) GTEST_SKIP() << "no oracles: set UNDULA_SHARED";
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("metrics_") || !name.ends_with(".json")) continue;
    SCOPED_TRACE(name);
    std::ifstream file(entry.path());
    const json oracle = json::parse(file);
    ++cases;
    if (oracle.at("inputs").contains("labels")) {
      CheckCtr(oracle);
    } else {
      CheckRanking(oracle);
    }
  }
  EXPECT_GE(cases, 2);
}

TEST(Metrics, TiesAndMissingClasses) {
  const std::vector<float> labels = {1, 0, 1, 0};
  EXPECT_DOUBLE_EQ(Auc(labels, std::vector<double>{1, 1, 1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(Auc(labels, std::vector<double>{2, 1, 2, 1}), 1.0);
  EXPECT_DOUBLE_EQ(Auc(labels, std::vector<double>{3, 2, 1, 0}), 0.75);
  // Weights count a row several times: the pair (row 2, row 1) is wrong.
  EXPECT_DOUBLE_EQ(Auc(labels, std::vector<double>{3, 2, 1, 0}, std::vector<uint32_t>{1, 2, 1, 0}),
                   0.5);
  EXPECT_TRUE(std::isnan(Auc(std::vector<float>{1, 1}, std::vector<double>{0, 1})));
  EXPECT_TRUE(std::isnan(Auc({}, {})));
  const ThresholdMetrics none = AtThreshold(std::vector<float>{0, 0}, std::vector<double>{0, 0}, 1);
  EXPECT_EQ(none.f1, 0);
  EXPECT_EQ(none.accuracy, 1);
}

TEST(Metrics, BestThresholdGivesHighestAccuracy) {
  const std::vector<float> labels = {1, 1, 0, 1, 0, 0};
  const std::vector<double> scores = {5, 4, 3, 2, 1, 0};
  const double best = BestThreshold(labels, scores);
  double highest = 0;
  for (const double t : {-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}) {
    highest = std::max(highest, AtThreshold(labels, scores, t).accuracy);
  }
  EXPECT_DOUBLE_EQ(AtThreshold(labels, scores, best).accuracy, highest);
  EXPECT_EQ(best, 4);  // the highest of the two that reach it
  EXPECT_TRUE(std::isinf(BestThreshold(std::vector<float>{0, 0}, std::vector<double>{1, 2})));
}

TEST(Metrics, BootstrapIsReproducibleAndCoversTheMean) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 4 == 0 ? 1.0 : 0.0);
  const Interval a = BootstrapMean(values, 500, 3), b = BootstrapMean(values, 500, 3);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_DOUBLE_EQ(a.value, 0.25);
  // The standard error is sqrt(.25 * .75 / 400) = .0217.
  EXPECT_NEAR(a.low, 0.25 - 1.96 * 0.0217, 0.008);
  EXPECT_NEAR(a.high, 0.25 + 1.96 * 0.0217, 0.008);
  std::vector<double> smooth;
  for (int i = 0; i < 400; ++i) smooth.push_back(std::sin(i));
  EXPECT_NE(BootstrapMean(smooth, 500, 4).low, BootstrapMean(smooth, 500, 3).low);
  const Interval point = BootstrapMean(values, 0, 3);
  EXPECT_EQ(point.low, point.value);

  std::vector<float> labels;
  std::vector<double> scores;
  std::vector<uint32_t> users;
  for (uint32_t i = 0; i < 300; ++i) {
    labels.push_back(i % 2 == 0 ? 1.0f : 0.0f);
    scores.push_back(static_cast<double>((i * 37) % 100) + (i % 2 == 0 ? 20 : 0));
    users.push_back(i / 6);
  }
  const Interval auc = BootstrapAuc(labels, scores, users, 300, 1);
  EXPECT_DOUBLE_EQ(auc.value, Auc(labels, scores));
  EXPECT_LT(auc.low, auc.value);
  EXPECT_GT(auc.high, auc.value);

  // A score that is better for every user by about the same: the paired interval is far narrower
  // than either score's own, and leaves out zero.
  std::vector<double> better = scores;
  for (size_t i = 0; i < better.size(); ++i) better[i] += labels[i] > 0 ? 5 : 0;
  const Interval paired = BootstrapAucDifference(labels, better, scores, users, 300, 1);
  EXPECT_DOUBLE_EQ(paired.value, Auc(labels, better) - Auc(labels, scores));
  EXPECT_GT(paired.low, 0);
  EXPECT_LT(paired.high - paired.low, (auc.high - auc.low) / 2);
  const Interval none = BootstrapAucDifference(labels, scores, scores, users, 50, 1);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 0);
}

}  // namespace
}  // namespace undula::models
