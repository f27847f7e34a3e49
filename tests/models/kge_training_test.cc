// Training on triples: it learns, its bits depend on the seed only, a cancelled run goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/kge/link_prediction.h"
#include "models/kge/link_training.h"
#include "tests/base/temp_dir.h"
#include "tests/models/kge_fixture.h"

namespace undula::models {
namespace {

struct Form {
  const char* form;
  const char* loss;
  const char* normalize;
  double margin, learning_rate;
};

class KgeTraining : public testing::TestWithParam<Form> {
 protected:
  KgeOptions Options() const {
    KgeOptions o;
    o.form = GetParam().form;
    o.loss = GetParam().loss;
    o.normalize = GetParam().normalize;
    o.margin = GetParam().margin;
    o.dim = 16;
    return o;
  }
  static TrainOptions Training(double learning_rate, int64_t epochs) {
    TrainOptions options;
    options.epochs = epochs;
    options.batch_size = 50;
    options.learning_rate = learning_rate;
    options.seed = 5;
    return options;
  }
};

std::vector<double> AllValues(Kge* model) {
  std::vector<double> out;
  for (const auto& parameter : model->parameters()->all()) {
    const std::vector<double> values = Values(parameter->value);
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

TEST_P(KgeTraining, FindsHeldOutTriples) {
  const auto graph = ClassGraph(40, 5, 4);
  const auto split = MakeTripleSplit(graph->out, 4, 0.1, 0.1, 2);
  ASSERT_TRUE(split.ok());
  Kge model(Options(), DType::kF32);
  TaskArena workers(2);
  TrainContext context;
  context.workers = &workers;
  const auto report = TrainOnTriples(&model, graph, *split, {.corruption = "bernoulli"},
                                     Training(GetParam().learning_rate, 120), context);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->metric, "mrr");
  const auto test = EvaluateLinks(model, split->test, graph->out, graph->in, workers, nullptr);
  ASSERT_TRUE(test.ok());
  // A random order of 53 to 60 entities has a mean reciprocal rank of .08.
  EXPECT_GT(test->mrr, 0.5) << test->hits10;
}

TEST_P(KgeTraining, SameBitsForThreadsAndAfterACancelledRun) {
  const auto graph = RandomGraph(40, 4, 300, 3);
  const auto split = MakeTripleSplit(graph->out, 4, 0.1, 0, 2);
  ASSERT_TRUE(split.ok());
  const TrainOptions options = Training(GetParam().learning_rate, 4);
  std::vector<double> expected;
  for (const int threads : {1, 2, 4}) {
    Kge model(Options(), DType::kF32);
    TaskArena workers(threads);
    TrainContext context;
    context.workers = &workers;
    const auto report =
        TrainOnTriples(&model, graph, *split, {.corruption = "uniform"}, options, context);
    ASSERT_TRUE(report.ok()) << report.status();
    if (threads == 1) expected = AllValues(&model);
    EXPECT_EQ(AllValues(&model), expected) << threads << " threads";
  }
  TempDir folder;
  TaskArena workers(1);
  Progress progress([](int64_t, int64_t, std::string_view) {});
  int64_t epochs = 0;
  TrainContext context;
  context.workers = &workers;
  context.progress = &progress;
  context.checkpoint_directory = folder.path();
  context.resume = true;
  context.on_epoch = [&](std::string_view) {
    if (++epochs == 2) progress.Cancel();
  };
  {
    Kge model(Options(), DType::kF32);
    const auto report =
        TrainOnTriples(&model, graph, *split, {.corruption = "uniform"}, options, context);
    ASSERT_EQ(report.status().code(), absl::StatusCode::kCancelled);
  }
  context.progress = nullptr;
  Kge model(Options(), DType::kF32);
  const auto report =
      TrainOnTriples(&model, graph, *split, {.corruption = "uniform"}, options, context);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->resumed);
  EXPECT_EQ(AllValues(&model), expected);
  // Another corruption is another training.
  Kge other(Options(), DType::kF32);
  EXPECT_EQ(TrainOnTriples(&other, graph, *split, {.corruption = "bernoulli"}, options, context)
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(Forms, KgeTraining,
                         testing::Values(Form{"transe", "margin", "unit", 0.5, 0.02},
                                         Form{"transe", "logistic", "none", 4, 0.05},
                                         Form{"transh", "margin", "unit", 0.5, 0.02},
                                         Form{"transr", "margin", "unit", 0.5, 0.02},
                                         Form{"distmult", "logistic", "none", 0, 0.05}),
                         [](const auto& info) {
                           return std::string(info.param.form) + "_" + info.param.loss + "_" +
                                  info.param.normalize;
                         });

TEST(KgeOptionsTest, WhatDoesNotGoTogetherIsRefused) {
  const OptionMap bad[] = {{{"relation_dim", "8"}},
                           {{"form", "distmult"}, {"normalize", "projected"}},
                           {{"form", "rotate"}},
                           {{"dim", "0"}},
                           {{"dims", "8"}}};
  for (const OptionMap& options : bad) {
    EXPECT_EQ(kKgeSpec.make(options, DType::kF32).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(kKgeSpec.make({{"form", "transr"}, {"relation_dim", "8"}}, DType::kF32).ok());
}

TEST(KgeOptionsTest, OptionsOfRowsAreRefused) {
  const auto graph = ClassGraph(20, 2, 2);
  const auto split = MakeTripleSplit(graph->out, 2, 0.1, 0.1, 2);
  TaskArena workers(1);
  TrainContext context;
  context.workers = &workers;
  Kge model({}, DType::kF32);
  TrainOptions options;
  options.metric = "auc";
  EXPECT_EQ(TrainOnTriples(&model, graph, *split, {.corruption = "uniform"}, options, context)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.negatives = "popularity";
  EXPECT_EQ(TrainOnTriples(&model, graph, *split, {.corruption = "uniform"}, options, context)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::models
