// The search for options: what a ranges file may say, what is drawn, and the halving itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "models/registry.h"
#include "models/train/trainer.h"
#include "models/tune/tuner.h"
#include "tests/base/temp_dir.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using testing::HasSubstr;

constexpr char kRanges[] =
    "[tune]\ntrials = 7\nepochs = 4\neta = 2\n"
    "[train]\nbatch_size = 64\n"
    "[bpr_mf]\ndim = [4, 8, 16]\nlearning_rate = { min = 1e-3, max = 0.1, log = true }\n"
    "init-scale = 0.05\n";

std::string ParseError(const std::string& text) {
  const auto space = ParseTuneSpace(text, "r.toml");
  return space.ok() ? "no error" : space.status().ToString();
}

TEST(TuneSpace, ErrorsNameThePlace) {
  EXPECT_THAT(ParseError("[tune]\ntrials = 3\n"), HasSubstr("no section names a model"));
  EXPECT_THAT(ParseError("[riplenet]\ndim = 4\n"),
              HasSubstr("r.toml:1:2: there is no model 'riplenet', did you mean 'ripplenet'?"));
  EXPECT_THAT(ParseError("[bpr_mf]\n\ndimm = [4]\n"), HasSubstr("r.toml:3:1: "));
  EXPECT_THAT(ParseError("[bpr_mf]\ndimm = [4]\n"), HasSubstr("did you mean"));
  EXPECT_THAT(ParseError("[bpr_mf]\ndim = [4, 0]\n"), HasSubstr("r.toml:2:1: "));
  EXPECT_THAT(ParseError("[bpr_mf]\ndim = []\n"), HasSubstr("the list is empty"));
  EXPECT_THAT(ParseError("[bpr_mf]\ndim = { min = 4 }\n"), HasSubstr("a range needs min and max"));
  EXPECT_THAT(ParseError("[bpr_mf]\ndim = { min = 9, max = 4 }\n"), HasSubstr("min must not be"));
  EXPECT_THAT(ParseError("[bpr_mf]\nl2 = { min = 0, max = 4, log = true }\n"),
              HasSubstr("above 0"));
  EXPECT_THAT(ParseError("[bpr_mf]\noptimizer = { min = 0, max = 4 }\n"), HasSubstr("no number"));
  EXPECT_THAT(ParseError("[bpr_mf]\nepochs = [3, 4]\n"), HasSubstr("put it under [tune]"));
  EXPECT_THAT(ParseError("[bpr_mf]\nseed = [3, 4]\n"), HasSubstr("put it under [train]"));
  EXPECT_THAT(ParseError("[most_popular]\n"), HasSubstr("nothing to tune"));
  EXPECT_THAT(ParseError("[tune]\ntrials = 0\n"), HasSubstr("r.toml:1:2: "));
  EXPECT_THAT(ParseError("[train]\nchunk = [1]\n"), HasSubstr("holds fixed values"));
  EXPECT_THAT(ParseError("trials = 3\n"), HasSubstr("outside of a section"));
  EXPECT_THAT(ParseError("[bpr_mf\n"), HasSubstr("r.toml:1:"));
}

TEST(TuneSpace, DrawsStayWithinTheRanges) {
  const TuneSpace space = *ParseTuneSpace(kRanges, "r.toml");
  ASSERT_EQ(space.families.size(), 1u);
  const TuneSetting first = DrawSetting(space, space.families[0], 0);
  EXPECT_EQ(first.model.at("dim"), "4");
  EXPECT_EQ(first.train.at("learning_rate"), "0.005");  // the default
  std::set<std::string> dims, rates;
  int below = 0;
  for (int64_t trial = 1; trial <= 200; ++trial) {
    const TuneSetting setting = DrawSetting(space, space.families[0], trial);
    EXPECT_EQ(setting.train, DrawSetting(space, space.families[0], trial).train);
    EXPECT_EQ(setting.model.at("init_scale"), "0.05");
    EXPECT_EQ(setting.train.at("batch_size"), "64");
    dims.insert(setting.model.at("dim"));
    rates.insert(setting.train.at("learning_rate"));
    const double rate = std::stod(setting.train.at("learning_rate"));
    EXPECT_GE(rate, 1e-3);
    EXPECT_LE(rate, 0.1);
    below += rate < 0.01;
  }
  EXPECT_THAT(dims, testing::ElementsAre("16", "4", "8"));
  EXPECT_GT(rates.size(), 150u);
  EXPECT_NEAR(below, 100, 30);  // half of the range's logarithm
}

TEST(TuneSpace, RungsHalve) {
  const auto rungs = TuneRungs({.trials = 16, .epochs = 27, .eta = 3});
  std::vector<std::pair<int64_t, int64_t>> got;
  for (const auto& [trials, epochs] : rungs) got.emplace_back(trials, epochs);
  const std::vector<std::pair<int64_t, int64_t>> want = {{16, 1}, {6, 3}, {2, 9}, {1, 27}};
  EXPECT_EQ(got, want);
  EXPECT_EQ(TotalEpochs({.trials = 16, .epochs = 27, .eta = 3}), 16 + 6 * 2 + 2 * 6 + 18);
  EXPECT_EQ(TuneRungs({.trials = 1, .epochs = 9}).size(), 1u);
  const auto few = TuneRungs({.trials = 100, .epochs = 2, .eta = 2});
  ASSERT_EQ(few.size(), 2u);
  EXPECT_EQ(few[0].trials, 100);
  EXPECT_EQ(few[1].trials, 50);
}

struct Search {
  Search() : snapshot(RandomLog(60, 40, 15, 3)) {
    split = *MakeSplit(*snapshot, SplitOptions{.protocol = "user"});
    split.test.clear();
    data = MakeTrainingData(snapshot, split.train, 1);
  }
  absl::StatusOr<std::vector<TuneTrial>> Run(const std::string& directory, int threads,
                                             const std::string& ranges = kRanges,
                                             Progress* progress = nullptr, int64_t cancel_at = 0) {
    TaskArena workers(threads);
    TuneContext context;
    context.workers = &workers;
    context.directory = directory;
    context.identity = ranges;
    context.progress = progress;
    done = 0;
    context.on_trial = [&](const TuneTrial&) {
      if (++done == cancel_at) progress->Cancel();
    };
    return Tune(*ParseTuneSpace(ranges, "r.toml"), data, split, context);
  }

  std::shared_ptr<Snapshot> snapshot;
  Split split;
  TrainingData data;
  int64_t done = 0;
};

void ExpectEqual(const std::vector<TuneTrial>& a, const std::vector<TuneTrial>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].trial, b[i].trial);
    EXPECT_EQ(a[i].epochs, b[i].epochs);
    EXPECT_EQ(a[i].best_epoch, b[i].best_epoch);
    EXPECT_EQ(a[i].value, b[i].value);
  }
}

TEST(Tune, TheSameForAnyThreadsAndAfterAnInterruption) {
  Search search;
  const TempDir dir;
  const auto whole = search.Run(dir.File("whole"), 1);
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_EQ(whole->size(), 7u);
  EXPECT_EQ(search.done, 7 + 4 + 2);
  EXPECT_EQ(whole->front().epochs, 4);
  for (const TuneTrial& trial : *whole) EXPECT_GE(trial.value, 0) << trial.trial;
  for (const int threads : {2, 4}) {
    const auto more = search.Run(dir.File("more" + std::to_string(threads)), threads);
    ASSERT_TRUE(more.ok()) << more.status();
    ExpectEqual(*whole, *more);
  }
  for (const int64_t cut : {1, 5, 8, 12}) {
    const std::string directory = dir.File("cut" + std::to_string(cut));
    Progress progress;
    const auto stopped = search.Run(directory, 2, kRanges, &progress, cut);
    EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled) << stopped.status();
    const auto resumed = search.Run(directory, 2);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_LT(search.done, 13);
    ExpectEqual(*whole, *resumed);
    ASSERT_TRUE(search.Run(directory, 1).ok());
    EXPECT_EQ(search.done, 0);  // all is there
  }
  const auto other = search.Run(dir.File("whole"), 1, std::string(kRanges) + "l2 = 0.01\n");
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(other.status().ToString(), HasSubstr("another search"));
}

TEST(Tune, TheBestIsWhatTrainGivesWithItsOptions) {
  Search search;
  const TempDir dir;
  const auto trials = search.Run(dir.File("search"), 2);
  ASSERT_TRUE(trials.ok()) << trials.status();
  const TuneTrial& best = trials->front();
  TrainOptions options;
  ASSERT_TRUE(SetOptions(TrainOptionTable(), &options, best.setting.train).ok());
  options.epochs = best.epochs;
  TaskArena workers(2);
  TrainContext context;
  context.workers = &workers;
  const auto model = *MakeModel("bpr_mf", best.setting.model);
  const auto report = Train(model.get(), search.data, search.split, options, context);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->best_value, best.value);
  EXPECT_EQ(report->best_epoch, best.best_epoch);
  for (const TuneTrial& trial : *trials) {
    if (trial.epochs == best.epochs) EXPECT_LE(trial.value, best.value);
  }
}

TEST(Tune, FailedSettingsComeLastAndTheTestPartIsRefused) {
  Search search;
  const TempDir dir;
  // Items without links: only the form without a graph can be trained.
  const std::string ranges =
      "[tune]\ntrials = 6\nepochs = 2\neta = 2\n[kgcn]\nkg = [false, true]\n";
  const auto trials = search.Run(dir.File("search"), 1, ranges);
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_TRUE(trials->front().error.empty());
  EXPECT_FALSE(trials->back().error.empty());
  EXPECT_TRUE(std::isnan(trials->back().value));
  EXPECT_THAT(trials->back().error, HasSubstr("is linked to an entity"));
  const auto all = search.Run(dir.File("all"), 1, "[kgcn]\nkg = true\n");
  EXPECT_THAT(all.status().ToString(), HasSubstr("all settings of kgcn failed; the first: kgcn: "));
  const auto none = search.Run(
      dir.File("none"), 1, "[tune]\ntrials = 2\n[train]\nmetric = \"none\"\n[bpr_mf]\ndim = 4\n");
  EXPECT_EQ(none.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(none.status().ToString(), HasSubstr("needs a metric"));
  search.split.test = search.split.valid;
  EXPECT_EQ(search.Run(dir.File("test"), 1).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::models
