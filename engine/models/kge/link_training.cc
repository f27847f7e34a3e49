#include "models/kge/link_training.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/status.h"
#include "models/kge/link_prediction.h"

namespace undula::models {
namespace {

class LinkSelection final : public Selection {
 public:
  LinkSelection(std::string name, const Snapshot& snapshot, const TripleSplit& split)
      : name_(std::move(name)), snapshot_(snapshot), split_(split) {}

  const std::string& name() const override { return name_; }
  absl::StatusOr<double> Evaluate(const Model& model, TaskArena& workers,
                                  Progress* progress) const override {
    UNDULA_ASSIGN_OR_RETURN(const LinkMetrics metrics,
                            EvaluateLinks(static_cast<const Kge&>(model), split_.valid,
                                          snapshot_.out, snapshot_.in, workers, progress));
    return metrics.mrr;
  }
  bool Better(double value, double best) const override {
    return !std::isnan(value) && (std::isnan(best) || value > best);
  }

 private:
  std::string name_;
  const Snapshot& snapshot_;
  const TripleSplit& split_;
};

}  // namespace

absl::StatusOr<TrainReport> TrainOnTriples(Kge* model, std::shared_ptr<const Snapshot> snapshot,
                                           const TripleSplit& split, const TripleOptions& triples,
                                           const TrainOptions& options,
                                           const TrainContext& context) {
  if (context.workers == nullptr) return InvalidArgumentError("TrainContext.workers is null");
  const TrainOptions plain;
  const OptionMap defaults = GetOptions(TrainOptionTable(), &plain);
  const OptionMap given = GetOptions(TrainOptionTable(), &options);
  for (const char* key : {"chunk", "negatives", "fresh_negatives", "metric_k", "replay"}) {
    if (given.at(key) != defaults.at(key)) {
      return InvalidArgumentError("train.", key,
                                  " belongs to rows of users and items; leave it out");
    }
  }
  if (options.metric != "auto" && options.metric != "none") {
    return InvalidArgumentError("train.metric ", options.metric,
                                " is none of triples; use auto (filtered MRR) or none");
  }
  if (split.train.edges() == 0) return FailedPreconditionError("there are no triples to train on");
  TrainingData data;
  data.snapshot = snapshot;
  data.seed = static_cast<uint64_t>(options.seed);
  UNDULA_RETURN_IF_ERROR(model->Build(data, *context.workers));
  TripleBatcher batcher(split.train, snapshot->n_relations,
                        TripleBatchOptions{.batch_size = options.batch_size,
                                           .corruption = triples.corruption,
                                           .filter_negatives = triples.filter_negatives,
                                           .seed = static_cast<uint64_t>(options.seed)});
  const bool selects = options.metric == "auto" && !split.valid.empty();
  const LinkSelection selection(selects ? "mrr" : "none", *snapshot, split);
  TrainTask task{.batches = &batcher,
                 .selection = &selection,
                 .data = FingerprintOf(data),
                 .snapshot = snapshot.get()};
  task.data.Add(triples.corruption == "bernoulli");
  task.data.Add(triples.filter_negatives);
  for (int64_t i = 0; i < split.train.edges(); ++i) {
    task.data.Add(uint64_t{Index(split.train.relation[i])} << 32 | Index(split.train.entity[i]));
  }
  return TrainOn(model, task, options, context);
}

}  // namespace undula::models
