#include <string>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/stored_split.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "models/data/training_data.h"
#include "models/eval/evaluator.h"
#include "models/registry.h"

namespace undula {
namespace {

constexpr const char* kBaselines[] = {"most_popular", "item_log_odds"};

Metric Plain(std::string name, double value) { return {std::move(name), value, value, value}; }
Metric WithInterval(std::string name, const models::Interval& i) {
  return {std::move(name), i.value, i.low, i.high};
}

EvaluationRow CtrRow(const models::CtrResult& r) {
  EvaluationRow row;
  row.part = "all";
  row.users = r.users;
  row.metrics = {WithInterval("auc", r.auc),
                 Plain("acc", r.at_threshold.accuracy),
                 Plain("f1", r.at_threshold.f1),
                 Plain("acc@0.5", r.at_half.accuracy),
                 Plain("f1@0.5", r.at_half.f1),
                 Plain("gauc", r.gauc),
                 Plain("log_loss", r.log_loss),
                 Plain("rows", static_cast<double>(r.rows)),
                 Plain("dropped_users", static_cast<double>(r.unscored_users)),
                 Plain("auc_with_dropped", r.auc_with_unscored)};
  return row;
}

std::vector<EvaluationRow> RankingRows(const models::RankingResult& r) {
  std::vector<EvaluationRow> rows(1);
  rows[0].part = "all";
  rows[0].users = r.users;
  for (const models::RankingAt& at : r.at) {
    const std::string k = "@" + std::to_string(at.k);
    rows[0].metrics.push_back(WithInterval("recall" + k, at.recall));
    rows[0].metrics.push_back(WithInterval("ndcg" + k, at.ndcg));
    rows[0].metrics.push_back(Plain("precision" + k, at.mean.precision));
    rows[0].metrics.push_back(Plain("hit" + k, at.mean.hit));
    rows[0].metrics.push_back(Plain("mrr" + k, at.mean.mrr));
    rows[0].metrics.push_back(Plain("map" + k, at.mean.map));
    rows[0].metrics.push_back(Plain("coverage" + k, at.lists.coverage));
    rows[0].metrics.push_back(Plain("gini" + k, at.lists.gini));
    rows[0].metrics.push_back(Plain("novelty" + k, at.lists.novelty));
  }
  const std::string last = r.at.empty() ? "" : "@" + std::to_string(r.at.back().k);
  for (const models::RankingBand& band : r.bands) {
    EvaluationRow row;
    row.part = band.name;
    row.users = band.users;
    row.metrics = {Plain("recall" + last, band.recall), Plain("ndcg" + last, band.ndcg)};
    rows.push_back(std::move(row));
  }
  return rows;
}

// What all rows of one report are made with.
struct Job {
  const models::TrainingData& data;
  const models::Split& split;
  models::EvalOptions options;
  bool ctr;
  TaskArena& workers;
  Progress* progress;
};

absl::Status AddRows(const Job& job, const models::Scorer& scorer, std::string_view name,
                     EvaluationReport* report) {
  std::vector<EvaluationRow> rows;
  if (job.ctr) {
    UNDULA_ASSIGN_OR_RETURN(
        const models::CtrResult result,
        models::EvaluateCtr(scorer, job.split, job.options, job.workers, job.progress));
    rows.push_back(CtrRow(result));
  } else {
    UNDULA_ASSIGN_OR_RETURN(const models::RankingResult result,
                            models::EvaluateRanking(scorer, job.data, job.split, job.options,
                                                    job.workers, job.progress));
    rows = RankingRows(result);
  }
  for (EvaluationRow& row : rows) {
    row.model = std::string(name);
    report->rows.push_back(std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EvaluationReport> Database::Evaluate(const EvaluateOptions& options,
                                                    Progress* progress) const {
  if (options.protocol != "ranking" && options.protocol != "ctr") {
    return InvalidArgumentError("protocol '", options.protocol, "' is neither ranking nor ctr");
  }
  if (options.part != "test" && options.part != "valid") {
    return InvalidArgumentError("part '", options.part, "' is neither test nor valid");
  }
  TensorMap stored;
  std::string name;
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_ASSIGN_OR_RETURN(name, api::ResolveModelName(*impl_->models, options.name));
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(name));
  }
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(*impl_->store));
  const auto snapshot = std::make_shared<const Snapshot>(std::move(taken));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> model,
                          api::RestoreModel(stored, name, snapshot));
  UNDULA_ASSIGN_OR_RETURN(const models::Split split, api::LoadSplit(stored, *snapshot));
  const models::TrainingData data = models::MakeTrainingData(snapshot, split.train, 1);

  Job job{data, split, {}, options.protocol == "ctr", impl_->arena(), progress};
  job.options.part = options.part == "test" ? models::EvalPart::kTest : models::EvalPart::kValid;
  job.options.bands = options.bands;
  job.options.at.assign(options.at.begin(), options.at.end());
  EvaluationReport report;
  report.protocol = Concat(options.part, " part, ",
                           job.ctr ? "click-through protocol" : "ranking of the full catalogue",
                           "; split: ", split.description);
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> scorer,
                          model->MakeScorer(impl_->arena()));
  UNDULA_RETURN_IF_ERROR(AddRows(job, *scorer, name, &report));
  if (!options.baselines) return report;
  for (const char* baseline : kBaselines) {
    if (model->spec().name == baseline) continue;
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> b,
                            models::MakeModel(baseline, {}));
    UNDULA_RETURN_IF_ERROR(b->Build(data, impl_->arena()));
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> s, b->MakeScorer(impl_->arena()));
    UNDULA_RETURN_IF_ERROR(AddRows(job, *s, baseline, &report));
  }
  return report;
}

}  // namespace undula
