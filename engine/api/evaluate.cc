#include <algorithm>
#include <span>
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
constexpr const char* kSequenceBaselines[] = {"most_popular", "markov", "session_knn"};

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
  if (!r.at.empty()) {
    rows[0].deciles = r.at.back().lists.deciles;
    rows[0].lorenz = r.at.back().lists.lorenz;
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

struct Result {
  models::CtrResult ctr;
  models::RankingResult ranking;
};

absl::StatusOr<Result> AddRows(const Job& job, const models::Scorer& scorer, std::string_view name,
                               EvaluationReport* report) {
  Result result;
  std::vector<EvaluationRow> rows;
  if (job.ctr) {
    UNDULA_ASSIGN_OR_RETURN(
        result.ctr, models::EvaluateCtr(scorer, job.split, job.options, job.workers, job.progress));
    rows.push_back(CtrRow(result.ctr));
  } else {
    UNDULA_ASSIGN_OR_RETURN(result.ranking,
                            models::EvaluateRanking(scorer, job.data, job.split, job.options,
                                                    job.workers, job.progress));
    rows = RankingRows(result.ranking);
  }
  for (EvaluationRow& row : rows) {
    row.model = std::string(name);
    report->rows.push_back(std::move(row));
  }
  return result;
}

bool Same(std::span<const models::LabeledPair> a, std::span<const models::LabeledPair> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.user == y.user && x.item == y.item && x.label == y.label;
  });
}

absl::StatusOr<EvaluationRow> Difference(const Job& job, const Result& a, const Result& b) {
  const int64_t bootstrap = job.options.bootstrap;
  const uint64_t seed = job.options.seed;
  EvaluationRow row;
  row.part = "all";
  if (job.ctr) {
    row.users = std::min(a.ctr.users, b.ctr.users);
    UNDULA_ASSIGN_OR_RETURN(const models::Interval auc,
                            models::PairedAucDifference(a.ctr, b.ctr, bootstrap, seed));
    row.metrics = {WithInterval("auc", auc)};
    return row;
  }
  const std::string k = "@" + std::to_string(job.options.at.back());
  row.users = std::min(a.ranking.users, b.ranking.users);
  using Ranking = models::RankingResult;
  UNDULA_ASSIGN_OR_RETURN(
      const models::Interval recall,
      models::PairedDifference(a.ranking, b.ranking, &Ranking::user_recall, bootstrap, seed));
  UNDULA_ASSIGN_OR_RETURN(
      const models::Interval ndcg,
      models::PairedDifference(a.ranking, b.ranking, &Ranking::user_ndcg, bootstrap, seed));
  row.metrics = {WithInterval("recall" + k, recall), WithInterval("ndcg" + k, ndcg)};
  return row;
}

}  // namespace

absl::StatusOr<EvaluationReport> Database::Evaluate(const EvaluateOptions& options,
                                                    Progress* progress) const {
  if (options.protocol != "ranking" && options.protocol != "ctr" && options.protocol != "ksr") {
    return InvalidArgumentError("protocol '", options.protocol, "' is none of ranking, ctr, ksr");
  }
  if (options.part != "test" && options.part != "valid") {
    return InvalidArgumentError("part '", options.part, "' is neither test nor valid");
  }
  TensorMap stored, other;
  std::string name;
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_ASSIGN_OR_RETURN(name, api::ResolveModelName(*impl_->models, options.name));
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(name));
    if (!options.against.empty()) {
      UNDULA_ASSIGN_OR_RETURN(const std::string against,
                              api::ResolveModelName(*impl_->models, options.against));
      UNDULA_ASSIGN_OR_RETURN(other, impl_->models->Get(against));
    }
  }
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(*impl_->store));
  const auto snapshot = std::make_shared<const Snapshot>(std::move(taken));
  UNDULA_ASSIGN_OR_RETURN(const models::Split split, api::LoadSplit(stored, *snapshot));
  const models::TrainingData data = models::MakeTrainingData(snapshot, split.train, 1);

  models::EvalOptions eval;
  eval.part = options.part == "test" ? models::EvalPart::kTest : models::EvalPart::kValid;
  eval.bands = options.bands;
  if (options.protocol == "ksr") eval.candidates = models::Candidates::kKsr;
  eval.at.assign(options.at.begin(), options.at.end());
  const Job job{data, split, std::move(eval), options.protocol == "ctr", impl_->arena(), progress};
  EvaluationReport report;
  report.protocol =
      Concat(options.part, " part, ",
             job.ctr                     ? "click-through protocol"
             : options.protocol == "ksr" ? "ranking among 50 uniform and 50 popular items (KSR)"
                                         : "ranking of the full catalogue",
             "; split: ", split.description);
  const auto add_stored = [&](const TensorMap& map,
                              const std::string& as) -> absl::StatusOr<Result> {
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> model,
                            api::RestoreModel(map, as, snapshot));
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> scorer,
                            model->MakeScorer(impl_->arena()));
    return AddRows(job, *scorer, as, &report);
  };
  UNDULA_ASSIGN_OR_RETURN(const Result result, add_stored(stored, name));
  if (!options.against.empty()) {
    UNDULA_ASSIGN_OR_RETURN(const models::Split its, api::LoadSplit(other, *snapshot));
    if (!Same(split.train, its.train) || !Same(split.valid, its.valid) ||
        !Same(split.test, its.test)) {
      return FailedPreconditionError(
          "models ", name, " and ", options.against, " were trained with different splits (",
          split.description, " | ", its.description, "); train both with the same split options");
    }
    UNDULA_ASSIGN_OR_RETURN(const Result against, add_stored(other, options.against));
    UNDULA_ASSIGN_OR_RETURN(EvaluationRow row, Difference(job, result, against));
    row.model = Concat(name, " - ", options.against);
    report.rows.push_back(std::move(row));
  }
  if (!options.baselines) return report;
  const std::string family = stored.metadata["family"];
  UNDULA_ASSIGN_OR_RETURN(const models::ModelSpec* spec, models::FindModel(family));
  const auto baselines = spec->capabilities.sequential
                             ? std::span<const char* const>(kSequenceBaselines)
                             : std::span<const char* const>(kBaselines);
  for (const char* baseline : baselines) {
    if (family == baseline) continue;
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> b,
                            models::MakeModel(baseline, {}));
    UNDULA_RETURN_IF_ERROR(b->Build(data, impl_->arena()));
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> s, b->MakeScorer(impl_->arena()));
    UNDULA_ASSIGN_OR_RETURN(const Result against, AddRows(job, *s, baseline, &report));
    if (!options.differences) continue;
    UNDULA_ASSIGN_OR_RETURN(EvaluationRow row, Difference(job, result, against));
    row.model = Concat(name, " - ", baseline);
    report.rows.push_back(std::move(row));
  }
  return report;
}

}  // namespace undula
