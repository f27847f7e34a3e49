// The one trainer: epochs, batches, negatives, selection on the validation part, early stopping,
// checkpoints. Same seed, same bits for any number of threads and after a kill and resume. The test
// part is never read here (models/eval does, once).
#ifndef UNDULA_MODELS_TRAIN_TRAINER_H_
#define UNDULA_MODELS_TRAIN_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/tensor_map.h"
#include "models/data/batch_source.h"
#include "models/data/split.h"
#include "models/data/training_data.h"
#include "models/model.h"
#include "models/train/selection.h"
#include "models/train/train_state.h"
#include "propagation/exec.h"

namespace undula::models {

struct TrainOptions {
  int64_t epochs = 10;
  int64_t batch_size = 1024;  // rows of the loss
  // Rows of one user that stand together in a batch (models/data/batcher.h). Models that build
  // per-user structures train several times faster with 8 to 32; 1 is a plain shuffle.
  int64_t chunk = 8;
  int64_t slices = 8;                   // parallel parts of a batch; part of what defines the bits
  std::string optimizer = "lazy_adam";  // propagation/optim/optimizer.h
  double learning_rate = 0.005;
  // The learning rate rises linearly from 0 over this many epochs, and falls to `decay` of itself
  // with every epoch after them, continuously.
  double warmup_epochs = 0, decay = 1;
  double weight_decay = 0;
  double momentum = 0;                // sgd
  bool per_row_steps = false;         // lazy_adam
  std::string negatives = "uniform";  // that the trainer draws: "uniform", "popularity"
  // Pointwise models: in place of the split's rows of label 0, this many negatives for each
  // positive, drawn anew in every epoch; 0: the rows of the split.
  int64_t fresh_negatives = 0;
  // What chooses the epoch that is kept, on the validation part: "auc", "logloss", "recall" or
  // "ndcg" (full ranking at metric_k), "none" (the last epoch); "auto" is auc for pointwise models
  // where the validation part has both labels, else ndcg, else none.
  std::string metric = "auto";
  int64_t metric_k = 20;
  int64_t eval_every = 1;         // epochs
  int64_t patience = 0;           // evaluations without a better one before stopping; 0: never
  int64_t checkpoint_epochs = 1;  // a checkpoint every n epochs; 0: none between epochs
  int64_t checkpoint_steps = 0;   // and every n steps; 0: none within epochs
  // Batches made ahead by a thread of their own (train/read_ahead.h) where the workers are several
  // threads; 0: none. The results are the same.
  int64_t read_ahead = 2;
  // With TrainContext::from_rows: the share of those rows that each epoch sees, drawn anew. Rows
  // that are not among them are in every epoch.
  double replay = 1;
  // With TrainContext::from: rows of users and items that the model to start from does not have
  // are "fitted" to its rows of those they met (train/new_rows.h), or stay as "drawn".
  std::string new_rows = "drawn";
  // With TrainContext::from: what that model has learned begins at this share of its values, which
  // takes back some of the confidence that training again and again brings (Ash and Adams, NeurIPS
  // 2020, "shrink"; they add noise). 1: bit for bit as stored.
  double shrink = 1;
  // Above 0 the model, in every evaluation and at the end, is the running mean of the parameters
  // after each epoch (train/running_mean.h), of which this share stays with every further epoch.
  // Steps go on from the parameters themselves. 0: those are the model.
  double average = 0;
  // On a GPU: steps as CUDA graphs, one program for each shape bucket; the results are the same.
  bool graphs = false;
  // Stored vectors that tables with rows of their length start from (train/start_vectors.h), and
  // whether those rows stay as they are (on the CPU, without weight decay).
  std::string init_vectors;
  bool freeze_vectors = false;
  bool keep_optimizer = false;  // the report has the optimizer's state, for a later warm start
  int64_t seed = 1;             // of batches and negatives; TrainingData.seed is that of models
};

const OptionTable& TrainOptionTable();

struct TrainContext {
  TaskArena* workers = nullptr;  // required
  // Where the steps run; null: the CPU with `workers`.
  propagation::Exec* exec = nullptr;
  Progress* progress = nullptr;      // steps; may be null
  std::string checkpoint_directory;  // empty: no checkpoints
  std::string run = "run";           // names the checkpoint files
  bool resume = false;               // go on from the newest checkpoint, if there is one
  // A stored model of the same family, options and id space, to start from (train/warm_start.h);
  // null: from the family's initialisation. `from_tag` names its content: a checkpoint of a run
  // that started elsewhere does not fit.
  const TensorMap* from = nullptr;
  std::string from_tag;
  std::span<const LabeledPair> from_rows;  // what that model was trained on
  // One JSON object per epoch, without a newline: event, epoch, steps, rows, loss, metric, value,
  // best, seconds, rows_per_second, peak_mib. May be empty.
  std::function<void(std::string_view json)> on_epoch;
};

struct TrainReport {
  int64_t epochs = 0;  // finished ones, over all resumes
  int64_t steps = 0, samples = 0;
  double last_loss = 0;    // mean over the rows of the last epoch
  std::string metric;      // "ndcg@20"; "none"
  int64_t best_epoch = 0;  // the epoch whose parameters the model has now
  double best_value = 0;   // of the metric, NaN for none
  bool stopped_early = false;
  bool resumed = false;
  double seconds = 0, cpu_seconds = 0;  // of this call; cpu of the whole process
  int64_t step_memory = 0;              // bytes of the step arenas
  // WarmStartReport::Describe() or StartVectors::Describe(); empty for a new start.
  std::string start;
  // Under "optim/", as it was at the end of the epoch that is kept; with keep_optimizer only.
  TensorMap optimizer;
};

// Builds and trains `model`, which must be new (made by its spec), and leaves the parameters of the
// best epoch in it. Models of BatchKind::kNone are only built, `from` is not looked at.
//
// Errors: InvalidArgument for an option out of range or a metric that the split cannot give;
// FailedPrecondition for a model to start from that does not fit, data that cannot be trained on, a
// loss that is not finite (names epoch and step), or a checkpoint of other data or options (names
// what differs). Cancelled and DeadlineExceeded come from context.progress; a checkpoint is written
// first, and the message names it.
absl::StatusOr<TrainReport> Train(Model* model, const TrainingData& data, const Split& split,
                                  const TrainOptions& options, const TrainContext& context);

// What a training runs on; all must outlive the call.
struct TrainTask {
  BatchSource* batches = nullptr;
  const Selection* selection = nullptr;
  Fingerprint data;
  const Snapshot* snapshot = nullptr;  // that the model was built on
  // Training positives by user; null where the data are not of users and items.
  const InteractionCsr<ItemId>* positives = nullptr;
  std::shared_ptr<const GraphVectors> vectors;  // of options.init_vectors; null: none
};

// The same for models whose data are not rows of users and items (kge/link_training.h). `model` is
// built already.
absl::StatusOr<TrainReport> TrainOn(Model* model, const TrainTask& task,
                                    const TrainOptions& options, const TrainContext& context);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_TRAINER_H_
