#include "models/train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/rng.h"
#include "base/status.h"
#include "models/registry.h"
#include "models/train/checkpoint.h"
#include "models/train/running_mean.h"
#include "models/train/step.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "tests/base/temp_dir.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

struct Data {
  explicit Data(uint32_t users = 60) {
    const auto snapshot = RandomLog(users, 40, 15, 3);
    split = *MakeSplit(*snapshot, SplitOptions{.protocol = "user"});
    data = MakeTrainingData(snapshot, split.train, 4);
  }
  Split split;
  TrainingData data;
};

TrainOptions SmallOptions() {
  return {.epochs = 4, .batch_size = 64, .chunk = 4, .learning_rate = 0.02, .seed = 8};
}

// Cancels at an exact step: at the n-th call of Prepare.
class Interrupted : public Model {
 public:
  Interrupted(std::unique_ptr<Model> model, Progress* progress, int64_t at)
      : model_(std::move(model)), progress_(progress), at_(at) {}
  const ModelSpec& spec() const override { return model_->spec(); }
  const void* options() const override { return model_->options(); }
  absl::Status Build(const TrainingData& data, TaskArena& workers) override {
    return model_->Build(data, workers);
  }
  propagation::ParameterSet* parameters() override { return model_->parameters(); }
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override {
    if (++steps_ == at_) progress_->Cancel();
    return model_->Prepare(tape, batch, shared);
  }
  propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                        std::span<const propagation::Var> leaves) const override {
    return model_->Loss(tape, batch, slice, leaves);
  }
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override {
    return model_->MakeScorer(workers);
  }
  void Save(TensorMap* out) const override { model_->Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override {
    return model_->Load(in, std::move(snapshot));
  }

 private:
  std::unique_ptr<Model> model_;
  Progress* progress_;
  int64_t at_, steps_ = 0;
};

// Everything a run leaves: parameters and report.
struct Outcome {
  absl::Status status;
  TrainReport report;
  TensorMap model;
  std::vector<std::string> lines;
};

Outcome TrainOnce(const Data& d, const TrainOptions& options, int threads,
                  TrainContext context = {}, const OptionMap& model_options = {{"dim", "8"}},
                  int64_t cancel_at = 0) {
  TaskArena workers(threads);
  context.workers = &workers;
  Outcome out;
  context.on_epoch = [&](std::string_view json) { out.lines.emplace_back(json); };
  std::unique_ptr<Model> model = *MakeModel("bpr_mf", model_options);
  if (cancel_at > 0) {
    model = std::make_unique<Interrupted>(std::move(model), context.progress, cancel_at);
  }
  const auto report = Train(model.get(), d.data, d.split, options, context);
  out.status = report.status();
  if (report.ok()) {
    out.report = *report;
    model->Save(&out.model);
  }
  return out;
}

void ExpectSameBits(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    ASSERT_NE(b.Find(name), nullptr) << name;
    EXPECT_TRUE(tensor.bytes == b.Find(name)->bytes) << name << " differs";
  }
}

TEST(Trainer, SameBitsForAnyNumberOfThreads) {
  const Data d;
  for (const char* optimizer : {"lazy_adam", "adam", "adagrad", "sgd"}) {
    TrainOptions options = SmallOptions();
    options.optimizer = optimizer;
    options.epochs = 2;
    const Outcome one = TrainOnce(d, options, 1);
    ASSERT_TRUE(one.status.ok()) << one.status;
    for (const int threads : {2, 4}) {
      const Outcome more = TrainOnce(d, options, threads);
      ExpectSameBits(one.model, more.model);
      EXPECT_EQ(one.report.last_loss, more.report.last_loss);
    }
    options.seed = 9;
    EXPECT_FALSE(TrainOnce(d, options, 1).model.Find("param/item")->bytes ==
                 one.model.Find("param/item")->bytes);
  }
}

TEST(Trainer, ResumesBitForBitFromAnyKillPoint) {
  const Data d;
  for (const char* optimizer : {"lazy_adam", "adagrad"}) {
    TrainOptions options = SmallOptions();
    options.optimizer = optimizer;
    options.checkpoint_steps = 3;
    options.keep_optimizer = true;
    options.warmup_epochs = 0.5;
    options.decay = 0.8;
    options.average = std::string_view(optimizer) == "lazy_adam" ? 0.5 : 0;
    const Outcome whole = TrainOnce(d, options, 2);
    ASSERT_TRUE(whole.status.ok()) << whole.status;
    ASSERT_FALSE(whole.report.optimizer.tensors.empty());
    const int64_t steps = whole.report.steps;
    ASSERT_GT(steps, 12);
    for (const int64_t kill :
         {int64_t{1}, int64_t{4}, steps / 2, steps / 2 + 1, steps - 1, steps}) {
      SCOPED_TRACE(Concat(optimizer, ", killed after step ", kill, " of ", steps));
      const TempDir dir;
      TrainContext context;
      context.checkpoint_directory = dir.path();
      context.run = "trial";
      context.resume = true;
      // The clean stop: cancelled, which writes a checkpoint.
      Progress progress;
      context.progress = &progress;
      const Outcome cut = TrainOnce(d, options, 1, context, {{"dim", "8"}}, kill);
      ASSERT_EQ(cut.status.code(), absl::StatusCode::kCancelled) << cut.status;
      EXPECT_NE(cut.status.ToString().find("run 'trial' can be resumed"), std::string::npos);
      // The kill: its last checkpoint is lost, the one before it serves.
      CheckpointStore store = *CheckpointStore::Open(dir.path(), "trial");
      const auto files = *store.List();
      ASSERT_LE(files.size(), 2u);
      ASSERT_GE(files.size(), 1u);
      if (files.size() == 2) {
        std::filesystem::remove(files.back());
      }
      context.progress = nullptr;
      const Outcome resumed = TrainOnce(d, options, 2, context);
      ASSERT_TRUE(resumed.status.ok()) << resumed.status;
      EXPECT_TRUE(resumed.report.resumed);
      ExpectSameBits(whole.model, resumed.model);
      ExpectSameBits(whole.report.optimizer, resumed.report.optimizer);
      EXPECT_EQ(whole.report.last_loss, resumed.report.last_loss);
      EXPECT_EQ(whole.report.best_epoch, resumed.report.best_epoch);
      EXPECT_EQ(whole.report.best_value, resumed.report.best_value);
      EXPECT_EQ(whole.report.samples, resumed.report.samples);
      // A finished run resumes to itself.
      const Outcome again = TrainOnce(d, options, 1, context);
      ASSERT_TRUE(again.status.ok()) << again.status;
      ExpectSameBits(whole.model, again.model);
      EXPECT_TRUE(again.lines.empty());
    }
  }
}

double LargestDifference(const TensorMap& a, const TensorMap& b) {
  const NamedTensor *x = a.Find("param/item"), *y = b.Find("param/item");
  double largest = 0;
  for (int64_t i = 0; i < x->size(); ++i) {
    largest = std::max(largest, std::abs(double{x->data<float>()[i]} - y->data<float>()[i]));
  }
  return largest;
}

TEST(Trainer, TheRateRisesAndFalls) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.metric = "none";
  const Outcome whole = TrainOnce(d, options, 1);
  options.learning_rate = 0;
  const Outcome start = TrainOnce(d, options, 1);
  options = SmallOptions();
  options.metric = "none";
  options.warmup_epochs = 1e6;  // 4 of a million epochs: next to nothing
  const Outcome cold = TrainOnce(d, options, 1);
  EXPECT_GT(LargestDifference(whole.model, start.model), 0.1);
  EXPECT_LT(LargestDifference(cold.model, start.model), 1e-5);
  EXPECT_GT(LargestDifference(cold.model, start.model), 0);
  // A warm-up of one epoch and a steep fall: what comes after the second epoch is nothing.
  options.warmup_epochs = 1;
  options.decay = 1e-6;
  const Outcome four = TrainOnce(d, options, 1);
  options.epochs = 2;
  const Outcome two = TrainOnce(d, options, 1);
  options.epochs = 1;
  const Outcome one = TrainOnce(d, options, 1);
  EXPECT_LT(LargestDifference(four.model, two.model), 1e-5);
  EXPECT_GT(LargestDifference(two.model, one.model), 1e-3);
  EXPECT_GT(LargestDifference(one.model, start.model), 0.01);
}

// A stored model's parameters only.
TensorMap ParametersOf(const TensorMap& model) {
  TensorMap out;
  for (const auto& [name, tensor] : model.tensors) {
    if (name.starts_with("param/")) out.tensors[name] = tensor;
  }
  return out;
}

TEST(Trainer, TheModelIsTheRunningMeanOfItsEpochs) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.epochs = 5;
  options.metric = "none";
  std::vector<TensorMap> means(1);  // of the first 0, 1, 2, ... epochs
  for (int64_t epochs = 1; epochs <= options.epochs; ++epochs) {
    TrainOptions shorter = options;
    shorter.epochs = epochs;
    means.push_back(means.back());
    AddToMean(0.5, epochs, ParametersOf(TrainOnce(d, shorter, 1).model), &means.back());
  }
  const Outcome plain = TrainOnce(d, options, 1);
  options.average = 0.5;
  const Outcome last = TrainOnce(d, options, 2);
  ASSERT_TRUE(last.status.ok()) << last.status;
  ExpectSameBits(ParametersOf(last.model), means.back());
  EXPECT_GT(LargestDifference(last.model, plain.model), 1e-3);
  EXPECT_EQ(last.report.last_loss, plain.report.last_loss);  // the steps are the same
  options.metric = "ndcg";
  options.eval_every = 2;
  const Outcome best = TrainOnce(d, options, 1);
  ASSERT_TRUE(best.status.ok()) << best.status;
  ExpectSameBits(ParametersOf(best.model), means[best.report.best_epoch]);
}

TEST(Trainer, BatchesAheadChangeNothing) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.read_ahead = 0;
  const Outcome without = TrainOnce(d, options, 2);
  EXPECT_EQ(without.lines[0].find("stalls"), std::string::npos);
  for (const int64_t most : {1, 2, 7}) {
    options.read_ahead = most;
    const Outcome with = TrainOnce(d, options, 2);
    ExpectSameBits(without.model, with.model);
    EXPECT_NE(with.lines[0].find("\"stalls\":"), std::string::npos);
  }
}

TEST(Trainer, DamagedAndForeignCheckpoints) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.checkpoint_steps = 3;
  const TempDir dir;
  TrainContext context;
  context.checkpoint_directory = dir.path();
  const Outcome whole = TrainOnce(d, options, 1, context);
  ASSERT_TRUE(whole.status.ok());
  context.resume = true;
  CheckpointStore store = *CheckpointStore::Open(dir.path(), "run");
  const auto files = *store.List();
  ASSERT_EQ(files.size(), 2u);
  std::ofstream(files[1], std::ios::binary) << "cut off";
  const Outcome resumed = TrainOnce(d, options, 1, context);
  ASSERT_TRUE(resumed.status.ok()) << resumed.status;
  ExpectSameBits(whole.model, resumed.model);

  options.learning_rate = 0.03;
  const Outcome other = TrainOnce(d, options, 1, context);
  EXPECT_EQ(other.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other.status.ToString().find("train.learning_rate was 0.02 and is 0.03"),
            std::string::npos)
      << other.status;
  EXPECT_EQ(TrainOnce(Data(61), SmallOptions(), 1, context).status.code(),
            absl::StatusCode::kFailedPrecondition);
  // Without resume the old checkpoints go.
  context.resume = false;
  EXPECT_TRUE(TrainOnce(d, options, 1, context).status.ok());
  EXPECT_LE(store.List()->size(), 2u);
  EXPECT_TRUE(store.RemoveAll().ok());
  EXPECT_EQ(store.LoadNewest().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CheckpointStore::Open(dir.path(), "a/b").status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const auto& file : files) std::ofstream(file, std::ios::binary) << "cut off";
  EXPECT_EQ(store.LoadNewest().status().code(), absl::StatusCode::kDataLoss);
}

TEST(Trainer, CheckpointWithoutTheWholeMean) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.average = 0.5;
  const TempDir dir;
  TrainContext context;
  context.checkpoint_directory = dir.path();
  ASSERT_TRUE(TrainOnce(d, options, 1, context).status.ok());
  context.resume = true;
  CheckpointStore store = *CheckpointStore::Open(dir.path(), "run");
  const TensorMap whole = *store.LoadNewest();
  ASSERT_NE(whole.Find("mean/item"), nullptr);
  TensorMap without = whole;
  without.tensors.erase("mean/item");
  ASSERT_TRUE(store.Save(1000, without).ok());
  absl::Status status = TrainOnce(d, options, 1, context).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.ToString().find("mean/item"), std::string::npos) << status;
  TensorMap cut = whole;
  cut.tensors["mean/item"].shape[0] -= 1;
  cut.tensors["mean/item"].bytes.resize(cut.tensors["mean/item"].size() * sizeof(float));
  ASSERT_TRUE(store.Save(1001, cut).ok());
  status = TrainOnce(d, options, 1, context).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.ToString().find("mean/item"), std::string::npos) << status;
}

TEST(Trainer, KeepsTheBestEpochAndStopsEarly) {
  const Data d(120);
  TrainOptions options = SmallOptions();
  options.epochs = 40;
  options.learning_rate = 0.2;  // overfits soon
  options.metric = "ndcg";
  options.metric_k = 5;
  options.patience = 3;
  const Outcome run = TrainOnce(d, options, 2);
  ASSERT_TRUE(run.status.ok()) << run.status;
  EXPECT_TRUE(run.report.stopped_early);
  EXPECT_EQ(run.report.epochs, run.report.best_epoch + 3);
  EXPECT_EQ(run.report.metric, "ndcg@5");
  ASSERT_EQ(static_cast<int64_t>(run.lines.size()), run.report.epochs);
  EXPECT_NE(run.lines[0].find("\"event\":\"epoch\",\"epoch\":1,"), std::string::npos);
  // The kept parameters are those of the best epoch: a run of that many epochs has them as its
  // last.
  TrainOptions shorter = options;
  shorter.epochs = run.report.best_epoch;
  ExpectSameBits(run.model, TrainOnce(d, shorter, 1).model);
}

TEST(Trainer, LossThatIsNotFinite) {
  const Data d;
  TrainOptions options = SmallOptions();
  options.optimizer = "sgd";
  options.learning_rate = 1000;
  options.epochs = 50;
  const Outcome run = TrainOnce(d, options, 1, {}, {{"dim", "8"}, {"l2", "10"}});
  EXPECT_EQ(run.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(run.status.ToString().find("lower train.learning_rate (1000)"), std::string::npos)
      << run.status;
  EXPECT_NE(run.status.ToString().find("of the run) of model bpr_mf"), std::string::npos)
      << run.status;
}

TEST(Trainer, Errors) {
  Data d;
  TrainOptions options = SmallOptions();
  options.optimizer = "adm";
  EXPECT_EQ(TrainOnce(d, options, 1).status.code(), absl::StatusCode::kInvalidArgument);
  options = SmallOptions();
  options.metric = "auc";
  EXPECT_TRUE(TrainOnce(d, options, 1).status.ok());  // the split has negatives in validation
  d.split.valid.clear();
  EXPECT_EQ(TrainOnce(d, options, 1).status.code(), absl::StatusCode::kInvalidArgument);
  options.metric = "auto";
  const Outcome none = TrainOnce(d, options, 1);
  ASSERT_TRUE(none.status.ok()) << none.status;
  EXPECT_EQ(none.report.metric, "none");
  EXPECT_EQ(none.report.best_epoch, options.epochs);
}

// A model whose Loss reads a table directly: the trainer must refuse it.
class Greedy : public Model {
 public:
  Greedy() { parameters_.Add("table", {50, 2}, true, {propagation::Init::Kind::kUniform, 1}, 1); }
  const ModelSpec& spec() const override { return **FindModel("bpr_mf"); }
  const void* options() const override { return nullptr; }
  absl::Status Build(const TrainingData&, TaskArena&) override { return absl::OkStatus(); }
  propagation::ParameterSet* parameters() override { return &parameters_; }
  propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                        std::span<const propagation::Var>) const override {
    const auto rows = batch.items.subspan(static_cast<size_t>(slice.row_begin),
                                          static_cast<size_t>(slice.row_end - slice.row_begin));
    const auto x = propagation::GatherRows(tape, parameters_.Find("table"), tape.Indices(rows));
    return propagation::WeightedSquaredNorm(tape, x, propagation::Tensor{}, 1);
  }
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena&) const override {
    return UnimplementedError("no scores");
  }
  void Save(TensorMap*) const override {}
  absl::Status Load(const TensorMap&, std::shared_ptr<const Snapshot>) override {
    return absl::OkStatus();
  }

 private:
  mutable propagation::ParameterSet parameters_;
};

TEST(TrainingStep, RefusesParametersInSlices) {
  Greedy model;
  propagation::Exec exec(nullptr);
  TrainingStep step(&model, &exec, 2);
  const std::vector<uint32_t> ids = {1, 2, 3, 4};
  const std::vector<int64_t> ptr = {0, 1, 2, 3, 4};
  Batch batch;
  batch.users = ids;
  batch.items = ids;
  batch.negatives = ids;
  batch.chunk_ptr = ptr;
  const auto loss = step.Run(batch);
  EXPECT_EQ(loss.status().code(), absl::StatusCode::kInternal);
  EXPECT_NE(loss.status().ToString().find("'table'"), std::string::npos) << loss.status();
}

}  // namespace
}  // namespace undula::models
