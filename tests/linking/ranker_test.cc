// Candidates, evidence, decisions, training and evaluation on a small film world.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/parallel.h"
#include "linking/candidates.h"
#include "linking/decide.h"
#include "linking/evaluate.h"
#include "tests/linking/small_universe.h"

namespace undula::linking {
namespace {

constexpr uint32_t kDirector = 0, kCityOf = 1;

class RankerTest : public testing::Test {
 protected:
  RankerTest() {
    for (int i = 0; i < 60; ++i) {
      const std::string n = "Picture Number " + std::string(1, static_cast<char>('A' + i % 26)) +
                            std::string(1, static_cast<char>('A' + i / 26));
      const EntityId film = world_.Add(n), director = world_.Add("Maker " + n);
      world_.Connect(film, kDirector, director);
      films_.push_back(film);
      AddItem(n);
    }
    paris_film_ = world_.Add("Paris (film)");
    world_.Connect(paris_film_, kDirector, films_[1]);
    paris_city_ = world_.Add("Paris");
    for (int i = 0; i < 20; ++i)
      world_.Connect(films_[static_cast<size_t>(i)], kCityOf, paris_city_);
    fly_1958_ = world_.Add("The Fly (1958 film)");
    fly_1986_ = world_.Add("The Fly (1986 film)");
    world_.Connect(fly_1958_, kDirector, films_[3]);
    world_.Connect(fly_1986_, kDirector, films_[3]);
    twin_ = world_.Add("Hamlet");
    world_.Connect(twin_, kDirector, films_[5]);
  }

  size_t AddItem(const std::string& title) {
    CatalogItem item;
    item.id = ItemId{static_cast<uint32_t>(items_.size())};
    item.title = title;
    items_.push_back(item);
    return items_.size() - 1;
  }

  const std::vector<ItemCandidates>& Find(int threads = 1) {
    if (universe_ == nullptr) universe_ = &world_.Build();
    TaskArena arena(threads);
    auto found = FindCandidates(*universe_, items_, {}, arena, nullptr);
    EXPECT_TRUE(found.ok()) << found.status();
    candidates_ = *std::move(found);
    return candidates_;
  }
  Decisions DecideAll(DecideOptions options = {}) {
    return Decide(ShippedModel(), Find(), options);
  }

  SmallUniverse world_;
  const Universe* universe_ = nullptr;
  std::vector<EntityId> films_;
  std::vector<CatalogItem> items_;
  std::vector<ItemCandidates> candidates_;
  EntityId paris_film_, paris_city_, fly_1958_, fly_1986_, twin_;
};

EntityId Chosen(const Decision& decision) {
  return decision.outcome == Outcome::kLinked ? decision.ranked[decision.chosen].entity
                                              : kNone<EntityId>;
}

TEST_F(RankerTest, TypesYearsAndSpellingsDecide) {
  const size_t paris = AddItem("Paris"), fly = AddItem("Fly, The (1986)");
  const size_t near = AddItem("Picture Numbre AB (1990)"), missing = AddItem("Nowhere To Be Found");
  const Decisions decisions = DecideAll({.precision = 0.9});
  for (size_t i = 0; i < films_.size(); ++i) EXPECT_EQ(Chosen(decisions.items[i]), films_[i]);
  EXPECT_EQ(decisions.items[paris].ranked[0].entity, paris_film_);
  EXPECT_EQ(decisions.items[fly].ranked[0].entity, fly_1986_);
  ASSERT_FALSE(decisions.items[near].ranked.empty());
  EXPECT_EQ(HowFound(decisions.items[near].ranked[0].evidence), FoundBy::kApproximate);
  EXPECT_EQ(decisions.items[missing].outcome, Outcome::kNoCandidate);
  for (const Decision& decision : decisions.items) {
    for (size_t r = 1; r < decision.ranked.size(); ++r) {
      EXPECT_GE(decision.ranked[r - 1].logit, decision.ranked[r].logit);
    }
  }
}

TEST_F(RankerTest, BadTitlesHaveClearOutcomes) {
  const size_t empty = AddItem(""), marks = AddItem(" ?! "), invalid = AddItem("a\xFF\xFEz");
  const size_t huge = AddItem(std::string(1 << 20, 'x'));
  const size_t hebrew = AddItem("שָׁלוֹם"), combining = AddItem("Ha\u0301mlet");
  const size_t twin = AddItem("Hamlet"), other_twin = AddItem("Hamlet");
  const Decisions decisions = DecideAll();
  EXPECT_EQ(decisions.items[empty].outcome, Outcome::kNoTitle);
  EXPECT_EQ(decisions.items[marks].outcome, Outcome::kNoTitle);
  EXPECT_EQ(decisions.items[invalid].outcome, Outcome::kBadTitle);
  EXPECT_EQ(decisions.items[huge].outcome, Outcome::kBadTitle);
  EXPECT_EQ(decisions.items[hebrew].outcome, Outcome::kNoCandidate);
  ASSERT_FALSE(decisions.items[combining].ranked.empty());
  EXPECT_EQ(decisions.items[combining].ranked[0].entity, twin_);
  // Equal titles get equal decisions.
  EXPECT_EQ(decisions.items[twin].outcome, decisions.items[other_twin].outcome);
  EXPECT_EQ(decisions.items[twin].ranked[0].confidence,
            decisions.items[other_twin].ranked[0].confidence);
}

TEST_F(RankerTest, OneToOneGivesAnEntityToOneItem) {
  const size_t first = AddItem("Hamlet"), second = AddItem("Hamlet!");
  DecideOptions options{.precision = 0, .least_confidence = 0};
  EXPECT_EQ(Chosen(DecideAll(options).items[first]), twin_);
  EXPECT_EQ(Chosen(DecideAll(options).items[second]), twin_);
  options.one_to_one = true;
  const Decisions decisions = DecideAll(options);
  EXPECT_EQ((Chosen(decisions.items[first]) == twin_) + (Chosen(decisions.items[second]) == twin_),
            1);
  EXPECT_TRUE(decisions.items[first].outcome == Outcome::kTaken ||
              decisions.items[second].outcome == Outcome::kTaken);
}

TEST_F(RankerTest, ThresholdsFollowTheExpectedPrecision) {
  AddItem("Paris");
  AddItem("Fly, The");
  AddItem("Hamlet");
  for (const double precision : {0.5, 0.9, 0.99, 1.0}) {
    const Decisions decisions = DecideAll({.precision = precision});
    double sum = 0, n = 0;
    for (const Decision& decision : decisions.items) {
      if (decision.outcome != Outcome::kLinked) continue;
      sum += decision.ranked[0].confidence;
      ++n;
      EXPECT_GE(decision.ranked[0].confidence, 0.5);
    }
    EXPECT_GE(sum, precision * n);
  }
}

TEST_F(RankerTest, ResultsDoNotDependOnThreads) {
  for (int i = 0; i < 1000; ++i) AddItem("Picture Nummber " + std::to_string(i % 60) + " A");
  const std::vector<ItemCandidates> one = Find(1), four = Find(4);
  ASSERT_EQ(one.size(), four.size());
  for (size_t i = 0; i < one.size(); ++i) {
    ASSERT_EQ(one[i].candidates.size(), four[i].candidates.size());
    for (size_t c = 0; c < one[i].candidates.size(); ++c) {
      EXPECT_EQ(one[i].candidates[c].entity, four[i].candidates[c].entity);
      EXPECT_EQ(one[i].candidates[c].evidence, four[i].candidates[c].evidence);
    }
  }
}

TEST_F(RankerTest, TrainedWeightsAreMeasured) {
  const size_t paris = AddItem("Paris"), absent = AddItem("Hamlet");
  std::vector<Gold> gold(films_.begin(), films_.end());
  gold.resize(items_.size());
  gold[paris] = paris_film_;
  gold[absent] = kNone<EntityId>;  // the file names an entity that the graph lacks
  const auto model = TrainLinkModel(Find(), gold);
  ASSERT_TRUE(model.ok()) << model.status();
  const Decisions decisions = Decide(*model, candidates_, {.precision = 0.9});
  const LinkEvaluation all = EvaluateDecisions(*universe_, decisions, gold, {});
  EXPECT_EQ(all.all.items, static_cast<int64_t>(films_.size()) + 2);
  EXPECT_EQ(all.all.present, static_cast<int64_t>(films_.size()) + 1);
  EXPECT_GE(all.all.right, static_cast<int64_t>(films_.size()));
  int64_t binned = 0, errors = 0;
  for (const LinkEvaluation::Bin& bin : all.reliability) binned += bin.items;
  for (const int64_t n : all.errors) errors += n;
  EXPECT_EQ(binned, all.all.items);
  EXPECT_EQ(errors, static_cast<int64_t>(all.cases.size()));
  std::vector<uint8_t> skip(items_.size());
  skip[paris] = 1;
  EXPECT_EQ(EvaluateDecisions(*universe_, decisions, gold, skip).all.items, all.all.items - 1);

  const auto crossed = CrossDecide(candidates_, gold, 5, 1, {.precision = 0.9});
  ASSERT_TRUE(crossed.ok()) << crossed.status();
  EXPECT_GE(EvaluateDecisions(*universe_, *crossed, gold, {}).all.right, 50);

  gold.assign(gold.size(), std::nullopt);
  EXPECT_EQ(TrainLinkModel(candidates_, gold).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(LinkModelFile, ReadsWhatItWrites) {
  const auto read = ParseModel(FormatModel(ShippedModel()), "m");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(FormatModel(*read), FormatModel(ShippedModel()));
  EXPECT_EQ(ParseModel("", "m").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseModel("x\n", "m").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseModel("undula-link-model 99\n", "m").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(ParseModel("undula-link-model 1\nbias\tx\n", "m").status().message()),
              testing::HasSubstr("m:2"));
}

TEST(FitLogistic, FindsThePlantedWeights) {
  // Labels that follow exactly from x > 0 would have no finite optimum: the penalty keeps it
  // finite.
  std::vector<float> rows;
  std::vector<uint8_t> labels;
  for (int i = -50; i <= 50; ++i) {
    rows.insert(rows.end(), {1.0f, static_cast<float>(i) / 10});
    labels.push_back(i > 0);
  }
  const std::vector<double> prior = {0, 0};
  const std::vector<double> separable = FitLogistic(rows, labels, prior, 1);
  EXPECT_GT(separable[1], 1);
  EXPECT_LT(separable[1], 100);
  // At the optimum the gradient is 0.
  double gradient = -separable[1];
  for (size_t r = 0; r < labels.size(); ++r) {
    const double x = static_cast<double>(rows[2 * r + 1]);
    gradient += (labels[r] - 1 / (1 + std::exp(-separable[0] - separable[1] * x))) * x;
  }
  EXPECT_NEAR(gradient, 0, 1e-3);
}

}  // namespace
}  // namespace undula::linking
