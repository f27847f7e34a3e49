#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

std::vector<float> ItemScoresOf(const Scorer& scorer) {
  std::vector<float> scores(scorer.n_items());
  propagation::Arena arena;
  EXPECT_TRUE(scorer.Score(UserQuery{UserId{0}, {}}, {0, scorer.n_items()}, scores, arena).ok());
  return scores;
}

struct Built {
  std::unique_ptr<Model> model;
  std::unique_ptr<Scorer> scorer;
};
Built Build(std::string_view name, const TrainingData& data, const OptionMap& options = {}) {
  TaskArena workers(1);
  Built out;
  out.model = *MakeModel(name, options);
  EXPECT_TRUE(out.model->Build(data, workers).ok());
  out.scorer = *out.model->MakeScorer(workers);
  return out;
}

// Item 0: 2 positives, 0 negatives; item 1: 1 and 2; item 2: 0 and 1; item 3: nothing.
TrainingData Rows(bool negatives) {
  const auto snapshot = MakeLog(3, 4, {{0, 0}, {1, 0}, {2, 1}});
  std::vector<LabeledPair> rows = {
      {UserId{0}, ItemId{0}, 1}, {UserId{1}, ItemId{0}, 1}, {UserId{2}, ItemId{1}, 1}};
  if (negatives) {
    rows.push_back({UserId{0}, ItemId{1}, 0});
    rows.push_back({UserId{1}, ItemId{1}, 0});
    rows.push_back({UserId{2}, ItemId{2}, 0});
  }
  return MakeTrainingData(snapshot, rows, 1);
}

TEST(MostPopular, CountsTrainingPositives) {
  const Built built = Build("most_popular", Rows(true));
  EXPECT_EQ(ItemScoresOf(*built.scorer), (std::vector<float>{2, 1, 0, 0}));
}

TEST(ItemLogOdds, FromRowsAndFromPopularity) {
  const Built rows = Build("item_log_odds", Rows(true), {{"smoothing", "0.5"}});
  const auto a = ItemScoresOf(*rows.scorer);
  EXPECT_FLOAT_EQ(a[0], std::log(2.5f / 0.5f));
  EXPECT_FLOAT_EQ(a[1], std::log(1.5f / 2.5f));
  EXPECT_FLOAT_EQ(a[2], std::log(0.5f / 1.5f));
  EXPECT_FLOAT_EQ(a[3], 0);
  // Without negative rows: 3 trained users.
  const Built none = Build("item_log_odds", Rows(false));
  const auto b = ItemScoresOf(*none.scorer);
  EXPECT_FLOAT_EQ(b[0], std::log(3.0f / 2.0f));
  EXPECT_FLOAT_EQ(b[2], std::log(1.0f / 4.0f));
  EXPECT_NE(none.model->Describe(), "");
}

TEST(ItemScores, UnknownUsersItemsAndTensors) {
  const Built built = Build("most_popular", Rows(true));
  propagation::Arena arena;
  std::vector<float> one(1);
  const ItemId items[] = {ItemId{4}};
  EXPECT_EQ(built.scorer->ScoreItems({UserId{0}, {}}, items, one, arena).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(built.scorer->Score({UserId{3}, {}}, {0, 1}, one, arena).code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(built.scorer->Score({kNone<UserId>, {}}, {0, 1}, one, arena).ok());
  EXPECT_EQ(built.scorer->Explain({UserId{0}, {}}, ItemId{0}).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ((*MakeModel("most_popular", {}))->Load({}, nullptr).code(),
            absl::StatusCode::kNotFound);
}

TEST(Registry, NamesTheNearestModel) {
  const auto missing = FindModel("most-populr");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.status().ToString().find("did you mean 'most_popular'"), std::string::npos)
      << missing.status();
  EXPECT_TRUE(
      std::is_sorted(AllModels().begin(), AllModels().end(),
                     [](const ModelSpec* a, const ModelSpec* b) { return a->name < b->name; }));
  for (const ModelSpec* spec : AllModels()) EXPECT_EQ(*FindModel(spec->name), spec);
}

TEST(Evaluator, RankingExcludesWhatIsSeen) {
  // Popularity order 0 (4 users), 1 (3), 2 (2), 3 (1). User 4 trained on 0, valid 1, test 2.
  const auto snapshot = MakeLog(6, 5, {});
  Split split;
  const auto add = [](std::vector<LabeledPair>* part, uint32_t u, uint32_t i) {
    part->push_back({UserId{u}, ItemId{i}, 1});
  };
  for (uint32_t u = 0; u < 4; ++u) {
    for (uint32_t i = 0; i < 4 - u; ++i) add(&split.train, u, i);
  }
  add(&split.train, 4, 0);
  add(&split.valid, 4, 1);
  add(&split.test, 4, 2);
  add(&split.test, 3, 4);  // the last of user 3's ranking: 1, 2, 3, 4
  const TrainingData data = MakeTrainingData(snapshot, split.train, 1);
  const Built built = Build("most_popular", data);
  TaskArena workers(2);
  const EvalOptions options{.at = {1, 4}, .bands = true, .bootstrap = 50};
  const auto result = EvaluateRanking(*built.scorer, data, split, options, workers, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->users, 2);
  EXPECT_EQ(result->user, (std::vector<uint32_t>{3, 4}));
  EXPECT_EQ(result->at[0].mean.recall, 0.5);  // user 4's first is item 2: 0 and 1 are seen
  EXPECT_EQ(result->at[1].mean.recall, 1.0);
  EXPECT_EQ(result->at[1].mean.mrr, (1.0 + 0.25) / 2);
  EXPECT_EQ(result->at[0].lists.coverage, 2.0 / 5);
  // Head is item 0, middle item 1: both positives are of the tail.
  ASSERT_EQ(result->bands.size(), 2u);
  EXPECT_EQ(result->bands[0].name, "popularity: tail");
  EXPECT_EQ(result->bands[0].positives, 2);
  EXPECT_EQ(result->bands[0].recall, 1.0);
  EXPECT_EQ(result->bands[1].name, "history: 1-5");
  EXPECT_EQ(result->bands[1].users, 2);

  EvalOptions valid = options;
  valid.part = EvalPart::kValid;
  const auto on_valid = EvaluateRanking(*built.scorer, data, split, valid, workers, nullptr);
  ASSERT_TRUE(on_valid.ok());
  EXPECT_EQ(on_valid->at[0].mean.recall, 1.0);  // of user 4: only item 0 is seen

  const auto difference = PairedDifference(*result, *result, &RankingResult::user_ndcg, 100, 1);
  ASSERT_TRUE(difference.ok());
  EXPECT_EQ(difference->value, 0);
  EXPECT_EQ(difference->high, 0);
  EXPECT_EQ(
      PairedDifference(*result, RankingResult{}, &RankingResult::user_ndcg, 9, 1).status().code(),
      absl::StatusCode::kFailedPrecondition);
}

TEST(Evaluator, CtrCountsUnscoredUsersAndChoosesTheThresholdOnValidation) {
  const auto snapshot = RandomLog(150, 40, 20, 2);
  Split split = *MakeSplit(*snapshot, SplitOptions{.protocol = "ctr"});
  // User 0 has no training row.
  std::erase_if(split.train, [](const LabeledPair& r) { return Index(r.user) == 0; });
  split.test.push_back({UserId{0}, ItemId{0}, 1});
  split.test.push_back({UserId{0}, ItemId{39}, 0});
  const TrainingData data = MakeTrainingData(snapshot, split.train, 1);
  const Built bpr = Build("bpr_mf", data);
  TaskArena workers(2), one(1);
  const EvalOptions options{.bootstrap = 20};
  const auto result = EvaluateCtr(*bpr.scorer, split, options, workers, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(result->unscored_rows, 2);
  EXPECT_GE(result->unscored_users, 1);
  EXPECT_EQ(result->rows + result->unscored_rows, static_cast<int64_t>(split.test.size()));
  EXPECT_NE(result->auc_with_unscored, result->auc.value);

  const Built odds = Build("item_log_odds", data);
  const auto a = EvaluateCtr(*odds.scorer, split, options, workers, nullptr);
  const auto b = EvaluateCtr(*odds.scorer, split, options, one, nullptr);
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->auc.value, b->auc.value);
  EXPECT_EQ(a->auc.low, b->auc.low);
  EXPECT_EQ(a->unscored_rows, result->unscored_rows);  // the same rows for every model
  EXPECT_GT(a->auc.value, 0.6);                        // the log prefers low ids
  EXPECT_TRUE(std::isfinite(a->threshold));
  const auto paired = PairedAucDifference(*result, *a, 20, 1);
  ASSERT_TRUE(paired.ok()) << paired.status();
  EXPECT_DOUBLE_EQ(paired->value, result->auc.value - a->auc.value);
  EXPECT_LT(paired->low, paired->high);
  EXPECT_EQ(PairedAucDifference(*a, CtrResult{}, 9, 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_GT(a->at_threshold.accuracy, 0.5);

  split.test.clear();
  EXPECT_EQ(EvaluateCtr(*odds.scorer, split, options, one, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EvaluateRanking(*odds.scorer, data, split, options, one, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace undula::models
