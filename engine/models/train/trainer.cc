#include "models/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>

#include "base/status.h"
#include "models/data/batcher.h"
#include "models/device_sampling.h"
#include "models/train/checkpoint.h"
#include "models/train/epoch_line.h"
#include "models/train/read_ahead.h"
#include "models/train/running_mean.h"
#include "models/train/selection.h"
#include "models/train/start_vectors.h"
#include "models/train/step.h"
#include "models/train/train_state.h"
#include "models/train/warm_start.h"
#include "propagation/optim/optimizer.h"

namespace undula::models {
namespace {

using propagation::Exec;
using propagation::Optimizer;
using propagation::OptimizerOptions;
using propagation::ParameterSet;

// In checkpoints, before the names of best_optimizer_.
constexpr std::string_view kBestOptimizer = "best_state/";
// And before those of mean_.
constexpr std::string_view kMean = "mean/";

// Adds the tensors whose names begin with `prefix`, without it.
void TakeUnder(std::string_view prefix, const TensorMap& from, TensorMap* out) {
  for (const auto& [name, tensor] : from.tensors) {
    if (name.starts_with(prefix)) out->tensors[name.substr(prefix.size())] = tensor;
  }
}

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
  }
  double cpu_seconds() const { return static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC; }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

// A metric on the validation part of a split.
class SplitSelection final : public Selection {
 public:
  SplitSelection(ValidationMetric metric, const TrainingData& data, const Split& split)
      : metric_(std::move(metric)), data_(data), split_(split) {}
  const std::string& name() const override { return metric_.name(); }
  absl::StatusOr<double> Evaluate(const Model& model, TaskArena& workers,
                                  Progress* progress) const override {
    return metric_.Evaluate(model, data_, split_, workers, progress);
  }
  bool Better(double value, double best) const override { return metric_.Better(value, best); }

 private:
  ValidationMetric metric_;
  const TrainingData& data_;
  const Split& split_;
};

class Trainer {
 public:
  Trainer(Model* model, const TrainTask& task, const TrainOptions& options,
          const TrainContext& context, const Clock& clock)
      : model_(model),
        task_(task),
        options_(options),
        context_(context),
        clock_(clock),
        cpu_(context.workers),
        exec_(context.exec != nullptr ? context.exec : &cpu_) {}

  absl::StatusOr<TrainReport> Run() {
    UNDULA_RETURN_IF_ERROR(Start());
    const absl::Status trained = RunEpochs();
    // However training ends, scorers find the parameters on the host.
    const absl::Status moved = model_->parameters()->MoveTo(nullptr);
    UNDULA_RETURN_IF_ERROR(trained);
    UNDULA_RETURN_IF_ERROR(moved);
    if (state_.best_epoch > 0) {
      UNDULA_RETURN_IF_ERROR(model_->parameters()->Load("", best_));
    } else if (!mean_.tensors.empty()) {
      UNDULA_RETURN_IF_ERROR(model_->parameters()->Load("", mean_));
    }
    return Report();
  }

 private:
  absl::Status Start() {
    UNDULA_ASSIGN_OR_RETURN(
        optimizer_, Optimizer::Create(OptimizerOptions{.kind = options_.optimizer,
                                                       .learning_rate = options_.learning_rate,
                                                       .weight_decay = options_.weight_decay,
                                                       .momentum = options_.momentum,
                                                       .per_row_steps = options_.per_row_steps},
                                      model_->parameters()));
    step_.emplace(model_, exec_, options_.slices);
    if (options_.read_ahead > 0 && context_.workers->threads() > 1) {
      ahead_.emplace(task_.batches, dynamic_cast<BatchPlans*>(model_), options_.read_ahead);
    }
    model_->parameters()->ZeroGradients();
    identity_ = RunIdentity(*model_, task_.data, GetOptions(TrainOptionTable(), &options_));
    if (context_.from != nullptr) {
      UNDULA_ASSIGN_OR_RETURN(
          const WarmStartReport warm,
          WarmStart(*context_.from, *task_.snapshot, model_, optimizer_.get(),
                    options_.new_rows == "fitted" ? task_.positives : nullptr, options_.shrink));
      start_ = warm.Describe();
      identity_["from"] = context_.from_tag;
    }
    UNDULA_RETURN_IF_ERROR(StartFromVectors());
    if (context_.checkpoint_directory.empty()) return absl::OkStatus();
    UNDULA_ASSIGN_OR_RETURN(CheckpointStore store,
                            CheckpointStore::Open(context_.checkpoint_directory, context_.run));
    store_.emplace(std::move(store));
    return context_.resume ? Resume() : store_->RemoveAll();
  }

  absl::Status StartFromVectors() {
    if (options_.init_vectors.empty()) {
      if (!options_.freeze_vectors) return absl::OkStatus();
      return InvalidArgumentError("train.freeze_vectors belongs to train.init_vectors; name some");
    }
    if (context_.from != nullptr || task_.vectors == nullptr) {
      return InvalidArgumentError("train.init_vectors ", options_.init_vectors,
                                  context_.from != nullptr
                                      ? ": the training starts from a stored model; leave one out"
                                      : " is not for this training");
    }
    if (options_.freeze_vectors && (exec_->on_gpu() || options_.weight_decay != 0)) {
      return InvalidArgumentError(
          "train.freeze_vectors: ",
          exec_->on_gpu() ? "rows are kept as they are on the cpu only; set the device to cpu"
                          : "weight decay moves every row; set train.weight_decay = 0");
    }
    UNDULA_ASSIGN_OR_RETURN(vectors_, StartVectors::Apply(*task_.vectors, *task_.snapshot, model_));
    start_ = vectors_.Describe();
    return absl::OkStatus();
  }

  absl::Status Resume() {
    absl::StatusOr<TensorMap> checkpoint = store_->LoadNewest();
    if (checkpoint.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
    UNDULA_RETURN_IF_ERROR(checkpoint.status());
    UNDULA_RETURN_IF_ERROR(CheckIdentity(identity_, *checkpoint, context_.run));
    UNDULA_RETURN_IF_ERROR(state_.Load(*checkpoint));
    if (options_.average > 0 && state_.finished_epochs > 0) {
      // Checks names and shapes.
      UNDULA_RETURN_IF_ERROR(model_->parameters()->Load(std::string(kMean), *checkpoint));
    }
    UNDULA_RETURN_IF_ERROR(model_->parameters()->Load("param/", *checkpoint));
    UNDULA_RETURN_IF_ERROR(optimizer_->Load("optim/", *checkpoint));
    if (state_.best_epoch > 0) {
      for (const auto& parameter : model_->parameters()->all()) {
        const NamedTensor* t = checkpoint->Find("best/" + parameter->name);
        if (t == nullptr)
          return NotFoundError("the checkpoint has no tensor best/", parameter->name);
        best_.tensors[parameter->name] = *t;
      }
      TakeUnder(kBestOptimizer, *checkpoint, &best_optimizer_);
    }
    TakeUnder(kMean, *checkpoint, &mean_);
    resumed_ = true;
    return absl::OkStatus();
  }

  absl::Status SaveCheckpoint() {
    if (!store_.has_value()) return absl::OkStatus();
    UNDULA_RETURN_IF_ERROR(CollectLosses());
    TensorMap map;
    map.metadata = identity_;
    state_.Save(&map);
    model_->parameters()->Save("param/", &map);
    optimizer_->Save("optim/", &map);
    for (const auto& [name, tensor] : best_.tensors) map.tensors["best/" + name] = tensor;
    for (const auto& [name, tensor] : best_optimizer_.tensors) {
      map.tensors[Concat(kBestOptimizer, name)] = tensor;
    }
    for (const auto& [name, tensor] : mean_.tensors) map.tensors[Concat(kMean, name)] = tensor;
    return store_->Save(state_.global_step, map);
  }

  // Adds to an interruption what is left behind.
  absl::Status Interrupted(const absl::Status& why) {
    if (!store_.has_value()) return why;
    UNDULA_RETURN_IF_ERROR(SaveCheckpoint());
    return Error(why.code(), Message(why), "; run '", context_.run, "' can be resumed from ",
                 context_.checkpoint_directory, " at epoch ", state_.epoch, ", step ", state_.step);
  }

  absl::Status RunEpochs() {
    for (; !state_.done && state_.epoch <= options_.epochs; ++state_.epoch) {
      UNDULA_RETURN_IF_ERROR(RunEpoch());
    }
    return absl::OkStatus();
  }

  absl::Status RunEpoch() {
    const Clock clock;
    UNDULA_RETURN_IF_ERROR(model_->parameters()->MoveTo(exec_));
    UNDULA_RETURN_IF_ERROR(model_->BeginEpoch(state_.epoch));
    const int64_t steps = task_.batches->StartEpoch(state_.epoch);
    if (ahead_.has_value()) ahead_->Start(state_.step, steps);
    const absl::Status ran = RunSteps(steps);
    if (ahead_.has_value()) ahead_->Stop();
    UNDULA_RETURN_IF_ERROR(ran);
    return EndEpoch(clock, steps);
  }

  absl::Status RunSteps(int64_t steps) {
    const std::string message = Concat("epoch ", state_.epoch, " of ", options_.epochs);
    while (state_.step < steps) {
      const absl::Status go_on =
          Progress::Report(context_.progress, (state_.epoch - 1) * steps + state_.step,
                           options_.epochs * steps, message);
      if (!go_on.ok()) return Interrupted(go_on);
      SetRate(steps);
      UNDULA_RETURN_IF_ERROR(RunStep());
      if (options_.checkpoint_steps > 0 && state_.step < steps &&
          state_.global_step % options_.checkpoint_steps == 0) {
        UNDULA_RETURN_IF_ERROR(SaveCheckpoint());
      }
    }
    return absl::OkStatus();
  }

  // The learning rate of the next step: a function of its place in the training, so that a resumed
  // one has the same.
  void SetRate(int64_t steps) {
    if (options_.warmup_epochs == 0 && options_.decay == 1) return;
    const double done = static_cast<double>(state_.epoch - 1) +
                        static_cast<double>(state_.step + 1) / static_cast<double>(steps);
    const double share = done < options_.warmup_epochs
                             ? done / options_.warmup_epochs
                             : std::pow(options_.decay, done - options_.warmup_epochs);
    optimizer_->set_learning_rate(options_.learning_rate * share);
  }

  absl::Status RunStep() {
    Batch batch;
    if (ahead_.has_value()) {
      UNDULA_ASSIGN_OR_RETURN(batch, ahead_->Next());
    } else {
      batch = task_.batches->Get(state_.step);
    }
    const auto update = [this] {
      if (options_.freeze_vectors) vectors_.Freeze();
      const absl::Status status = optimizer_->Step(context_.workers);
      model_->parameters()->ZeroGradients();
      return status;
    };
    const bool as_graph = options_.graphs && exec_->on_gpu();
    UNDULA_RETURN_IF_ERROR(as_graph ? step_->EnqueueAsGraph(batch, update) : step_->Enqueue(batch));
    pending_.push_back({batch.rows(), state_.step, state_.global_step});
    if (!exec_->on_gpu() || pending_.size() >= kStepsPerRead) {
      UNDULA_RETURN_IF_ERROR(CollectLosses());
    }
    if (!as_graph) UNDULA_RETURN_IF_ERROR(update());
    state_.epoch_rows += batch.rows();
    state_.samples += batch.rows();
    ++state_.step;
    ++state_.global_step;
    return absl::OkStatus();
  }

  // Losses are read back every few steps: on a GPU reading waits for all steps before.
  absl::Status CollectLosses() {
    UNDULA_ASSIGN_OR_RETURN(const std::span<const double> losses, step_->TakeLosses());
    for (size_t i = 0; i < losses.size(); ++i) {
      const double loss = losses[i];
      if (!std::isfinite(loss)) {
        return FailedPreconditionError(
            "the loss is ", std::isnan(loss) ? "NaN" : "infinite", " at epoch ", state_.epoch,
            ", step ", pending_[i].step, " (step ", pending_[i].global_step,
            " of the run) of model ", model_->spec().name, "; lower train.learning_rate (",
            options_.learning_rate, ") or raise the model's regularisation");
      }
      state_.loss_sum += loss * static_cast<double>(pending_[i].rows);
    }
    pending_.clear();
    return absl::OkStatus();
  }

  // The metric of the model as it is, which is kept if it is the best so far.
  absl::Status Evaluate(double* value, bool* better) {
    UNDULA_ASSIGN_OR_RETURN(
        *value, task_.selection->Evaluate(*model_, *context_.workers, context_.progress));
    *better = task_.selection->Better(*value, state_.best_value);
    if (!*better) {
      ++state_.since_best;
      return absl::OkStatus();
    }
    state_.best_value = *value;
    state_.best_epoch = state_.epoch;
    state_.since_best = 0;
    best_.tensors.clear();
    model_->parameters()->Save("", &best_);
    if (options_.keep_optimizer) optimizer_->Save(kOptimizerPrefix, &best_optimizer_);
    return absl::OkStatus();
  }

  absl::Status EndEpoch(const Clock& clock, int64_t steps) {
    UNDULA_RETURN_IF_ERROR(CollectLosses());
    const double train_seconds = clock.seconds();
    UNDULA_RETURN_IF_ERROR(model_->parameters()->MoveTo(nullptr));  // scorers read them
    double value = std::numeric_limits<double>::quiet_NaN();
    bool better = false;
    const bool last = state_.epoch == options_.epochs;
    const bool evaluate =
        task_.selection->name() != "none" && (state_.epoch % options_.eval_every == 0 || last);
    TensorMap parameters, mean;
    if (options_.average > 0) {
      model_->parameters()->Save("", &parameters);
      mean = mean_;
      AddToMean(options_.average, state_.epoch, parameters, &mean);
    }
    if (evaluate) {
      if (options_.average > 0) UNDULA_RETURN_IF_ERROR(model_->parameters()->Load("", mean));
      const absl::Status evaluated = Evaluate(&value, &better);
      if (options_.average > 0) UNDULA_RETURN_IF_ERROR(model_->parameters()->Load("", parameters));
      if (absl::IsCancelled(evaluated) || absl::IsDeadlineExceeded(evaluated)) {
        // A resume starts at this evaluation: state_.step is past the last step.
        return Interrupted(evaluated);
      }
      UNDULA_RETURN_IF_ERROR(evaluated);
    }
    mean_ = std::move(mean);
    state_.last_loss = state_.loss_sum / static_cast<double>(state_.epoch_rows);
    state_.finished_epochs = state_.epoch;
    if (context_.on_epoch) {
      context_.on_epoch(JsonOf({.epoch = state_.epoch,
                                .steps = steps,
                                .rows = state_.epoch_rows,
                                .loss = state_.last_loss,
                                .metric = task_.selection->name(),
                                .value = value,
                                .best = better,
                                .seconds = clock.seconds(),
                                .train_seconds = train_seconds,
                                .ahead = ahead_.has_value() ? &*ahead_ : nullptr}));
    }
    state_.done = evaluate && options_.patience > 0 && state_.since_best >= options_.patience;
    state_.step = 0;
    state_.loss_sum = 0;
    state_.epoch_rows = 0;
    if (options_.checkpoint_epochs > 0 &&
        (state_.epoch % options_.checkpoint_epochs == 0 || last || state_.done)) {
      // The checkpoint stands at the beginning of the next epoch.
      ++state_.epoch;
      const absl::Status saved = SaveCheckpoint();
      --state_.epoch;
      return saved;
    }
    return absl::OkStatus();
  }

  TrainReport Report() {
    TrainReport report;
    report.epochs = state_.finished_epochs;
    report.steps = state_.global_step;
    report.samples = state_.samples;
    report.last_loss = state_.last_loss;
    report.metric = task_.selection->name();
    report.best_epoch = state_.best_epoch > 0 ? state_.best_epoch : state_.finished_epochs;
    report.best_value = state_.best_value;
    report.stopped_early = state_.done;
    report.resumed = resumed_;
    report.seconds = clock_.seconds();
    report.cpu_seconds = clock_.cpu_seconds();
    report.step_memory = static_cast<int64_t>(step_->high_water());
    report.start = start_;
    if (state_.best_epoch > 0) {
      report.optimizer = std::move(best_optimizer_);
    } else if (options_.keep_optimizer) {
      optimizer_->Save(kOptimizerPrefix, &report.optimizer);
    }
    return report;
  }

  // Batches whose losses have not been read yet.
  struct PendingLoss {
    int64_t rows, step, global_step;
  };
  static constexpr size_t kStepsPerRead = 16;
  std::vector<PendingLoss> pending_;

  Model* model_;
  const TrainTask& task_;
  const TrainOptions& options_;
  const TrainContext& context_;
  const Clock clock_;  // since the beginning, the building of the model included
  Exec cpu_;
  Exec* exec_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<TrainingStep> step_;
  std::optional<ReadAhead> ahead_;
  std::optional<CheckpointStore> store_;
  std::map<std::string, std::string> identity_;
  TrainState state_;
  TensorMap best_;            // parameters of the best epoch
  TensorMap best_optimizer_;  // with keep_optimizer
  TensorMap mean_;            // with average, over the epochs that have ended
  std::string start_;
  StartVectors vectors_;
  bool resumed_ = false;
};

// A model that samples on the device does so while this is there.
class SampledOn {
 public:
  SampledOn(Model* model, propagation::Exec* exec) : model_(dynamic_cast<DeviceSampling*>(model)) {
    if (model_ != nullptr) model_->SampleOn(exec);
  }
  ~SampledOn() {
    if (model_ != nullptr) model_->SampleOn(nullptr);
  }
  SampledOn(const SampledOn&) = delete;
  SampledOn& operator=(const SampledOn&) = delete;

 private:
  DeviceSampling* model_;
};

}  // namespace

absl::StatusOr<TrainReport> Train(Model* model, const TrainingData& data, const Split& split,
                                  const TrainOptions& options, const TrainContext& context) {
  TrainOptions checked;
  UNDULA_RETURN_IF_ERROR(
      SetOptions(TrainOptionTable(), &checked, GetOptions(TrainOptionTable(), &options)));
  if (context.workers == nullptr) return InvalidArgumentError("TrainContext.workers is null");
  const Clock clock;
  if (model->spec().batch_kind == BatchKind::kNone) {
    UNDULA_RETURN_IF_ERROR(model->Build(data, *context.workers));
    TrainReport report;
    report.metric = "none";
    report.best_value = std::numeric_limits<double>::quiet_NaN();
    report.seconds = clock.seconds();
    report.cpu_seconds = clock.cpu_seconds();
    return report;
  }
  UNDULA_ASSIGN_OR_RETURN(
      ValidationMetric metric,
      ValidationMetric::Resolve(checked.metric, checked.metric_k, model->spec().batch_kind, split));
  const SampledOn sampled(model, context.exec);
  UNDULA_RETURN_IF_ERROR(model->Build(data, *context.workers));
  UNDULA_ASSIGN_OR_RETURN(
      Batcher batcher,
      Batcher::Create(model->spec().batch_kind, data,
                      BatcherOptions{.batch_size = checked.batch_size,
                                     .chunk = std::min(checked.chunk, checked.batch_size),
                                     .negatives = checked.negatives,
                                     .fresh_negatives = checked.fresh_negatives,
                                     .seen = context.from_rows,
                                     .replay = checked.replay,
                                     .seed = static_cast<uint64_t>(checked.seed)}));
  const SplitSelection selection(std::move(metric), data, split);
  TrainTask task{.batches = &batcher,
                 .selection = &selection,
                 .data = FingerprintOf(data),
                 .snapshot = data.snapshot.get(),
                 .positives = &data.positives};
  if (!checked.init_vectors.empty()) {
    UNDULA_ASSIGN_OR_RETURN(task.vectors, ReadVectors(data, checked.init_vectors));
  }
  return Trainer(model, task, checked, context, clock).Run();
}

absl::StatusOr<TrainReport> TrainOn(Model* model, const TrainTask& task,
                                    const TrainOptions& options, const TrainContext& context) {
  TrainOptions checked;
  UNDULA_RETURN_IF_ERROR(
      SetOptions(TrainOptionTable(), &checked, GetOptions(TrainOptionTable(), &options)));
  if (context.workers == nullptr) return InvalidArgumentError("TrainContext.workers is null");
  return Trainer(model, task, checked, context, Clock()).Run();
}

}  // namespace undula::models
