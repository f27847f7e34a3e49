#include "models/train/selection.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "models/eval/evaluator.h"

namespace undula::models {

absl::StatusOr<ValidationMetric> ValidationMetric::Resolve(const std::string& metric, int64_t k,
                                                           BatchKind kind, const Split& split) {
  const auto has = [&](bool positive) {
    return std::any_of(split.valid.begin(), split.valid.end(),
                       [&](const LabeledPair& row) { return (row.label > 0) == positive; });
  };
  const bool both = has(true) && has(false);
  ValidationMetric out;
  out.k_ = k;
  out.kind_ = metric;
  if (metric == "auto") {
    out.kind_ = kind == BatchKind::kPointwise && both ? "auc" : has(true) ? "ndcg" : "none";
  }
  if ((out.kind_ == "auc" || out.kind_ == "logloss") && !both) {
    return InvalidArgumentError("train.metric ", out.kind_,
                                " needs positive and negative rows in the validation part; use "
                                "split.negatives sampled, or train.metric ndcg");
  }
  if ((out.kind_ == "recall" || out.kind_ == "ndcg") && !has(true)) {
    return InvalidArgumentError("train.metric ", out.kind_,
                                " needs positives in the validation part; give it a share "
                                "(split.valid_share), or train.metric none");
  }
  const bool ranking = out.kind_ == "recall" || out.kind_ == "ndcg";
  out.name_ = ranking ? Concat(out.kind_, "@", k) : out.kind_;
  return out;
}

absl::StatusOr<double> ValidationMetric::Evaluate(const Model& model, const TrainingData& data,
                                                  const Split& split, TaskArena& workers,
                                                  Progress* progress) const {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Scorer> scorer, model.MakeScorer(workers));
  const EvalOptions options{.part = EvalPart::kValid, .at = {k_}, .bootstrap = 0};
  if (kind_ == "auc" || kind_ == "logloss") {
    UNDULA_ASSIGN_OR_RETURN(const CtrResult result,
                            EvaluateCtr(*scorer, split, options, workers, progress));
    return kind_ == "auc" ? result.auc.value : result.log_loss;
  }
  UNDULA_ASSIGN_OR_RETURN(const RankingResult result,
                          EvaluateRanking(*scorer, data, split, options, workers, progress));
  const RankingMetrics& mean = result.at.front().mean;
  return kind_ == "recall" ? mean.recall : mean.ndcg;
}

bool ValidationMetric::Better(double value, double best) const {
  if (std::isnan(value)) return false;
  if (std::isnan(best)) return true;
  return kind_ == "logloss" ? value < best : value > best;
}

}  // namespace undula::models
