// Which epoch is kept: the metric on the validation part and the best value so far.
#ifndef UNDULA_MODELS_TRAIN_SELECTION_H_
#define UNDULA_MODELS_TRAIN_SELECTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "models/data/split.h"
#include "models/data/training_data.h"
#include "models/model.h"

namespace undula::models {

// What chooses the epoch of a training that is kept.
class Selection {
 public:
  virtual ~Selection() = default;
  // "auc", "ndcg@20", "mrr"; "none": the last epoch, Evaluate is not called.
  virtual const std::string& name() const = 0;
  virtual absl::StatusOr<double> Evaluate(const Model& model, TaskArena& workers,
                                          Progress* progress) const = 0;
  // True where `value` is better than `best`; NaN never is, anything else is better than NaN.
  virtual bool Better(double value, double best) const = 0;
};

// A metric of TrainOptions, resolved for a split. Higher is always better in `Key`.
class ValidationMetric {
 public:
  // metric: "auto", "auc", "logloss", "recall", "ndcg", "none". InvalidArgument where the
  // validation part cannot give it.
  static absl::StatusOr<ValidationMetric> Resolve(const std::string& metric, int64_t k,
                                                  BatchKind kind, const Split& split);

  bool none() const { return name_ == "none"; }
  // "auc", "ndcg@20", "none".
  const std::string& name() const { return name_; }
  absl::StatusOr<double> Evaluate(const Model& model, const TrainingData& data, const Split& split,
                                  TaskArena& workers, Progress* progress) const;
  // True where `value` is better than `best`; NaN never is.
  bool Better(double value, double best) const;

 private:
  std::string kind_, name_;
  int64_t k_ = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_SELECTION_H_
