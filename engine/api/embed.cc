// Knowledge-graph embeddings: trained on the graph's triples, stored as vectors.
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/model_checksum.h"
#include "api/training_run.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/vectors.h"
#include "models/kge/kge.h"
#include "models/kge/link_prediction.h"
#include "models/kge/link_training.h"
#include "models/kge/triples.h"

namespace undula {
namespace {

struct Options {
  models::KgeOptions model;
  models::TrainOptions train;
  models::TripleOptions triples;
};

absl::StatusOr<Options> Merge(const EmbedOptions& given) {
  UNDULA_ASSIGN_OR_RETURN(
      api::Sections merged,
      api::MergeSections(given.options_file, {{"model", &given.model_options},
                                              {"train", &given.train_options},
                                              {"triples", &given.triple_options}}));
  Options out;
  // What suits triples: many rows a step, the evaluation only now and then.
  out.train.epochs = 100;
  out.train.batch_size = 4096;
  out.train.eval_every = 10;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::KgeOptionTable(), &out.model, merged["model"]));
  UNDULA_RETURN_IF_ERROR(models::CheckKgeOptions(out.model));
  UNDULA_RETURN_IF_ERROR(SetOptions(models::TrainOptionTable(), &out.train, merged["train"]));
  UNDULA_RETURN_IF_ERROR(SetOptions(models::TripleOptionTable(), &out.triples, merged["triples"]));
  return out;
}

EvaluationRow Row(const char* part, const models::LinkMetrics& m) {
  EvaluationRow row;
  row.model = "link prediction, filtered";
  row.part = part;
  const auto add = [&](const char* name, double value) {
    row.metrics.push_back({name, value, value, value});
  };
  add("queries", static_cast<double>(m.queries));
  add("mrr", m.mrr);
  add("hits@1", m.hits1);
  add("hits@3", m.hits3);
  add("hits@10", m.hits10);
  add("mean_rank", m.mean_rank);
  return row;
}

kgstore::Vectors AllRows(kgstore::VectorSpace space, int64_t dim, std::vector<float> values,
                         std::string source) {
  kgstore::Vectors out{.space = space, .dim = dim, .source = std::move(source)};
  out.ids.resize(values.size() / static_cast<size_t>(dim));
  std::iota(out.ids.begin(), out.ids.end(), 0u);
  out.values = std::move(values);
  return out;
}

}  // namespace

absl::StatusOr<EmbedReport> Database::Embed(const EmbedOptions& given, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const Options options, Merge(given));
  EmbedReport report;
  report.name = given.name.empty() ? options.model.form : given.name;
  report.relations_name = report.name + ".relations";
  UNDULA_RETURN_IF_ERROR(api::CheckModelName(report.relations_name));
  if (impl_->store->read_only()) {
    return FailedPreconditionError(impl_->path, " is open read-only; open it for writing to train");
  }
  const std::lock_guard writing(impl_->writing);
  {
    // Before the training, not after it.
    const std::lock_guard lock(impl_->model_access);
    UNDULA_RETURN_IF_ERROR(kgstore::CheckVectorsName(*impl_->models, report.name));
    UNDULA_RETURN_IF_ERROR(kgstore::CheckVectorsName(*impl_->models, report.relations_name));
  }
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(*impl_->store));
  const auto snapshot = std::make_shared<const Snapshot>(std::move(taken));
  if (snapshot->out.edges() == 0) {
    return FailedPreconditionError(
        "the database holds no triples between entities; import a graph first (undula import)");
  }
  UNDULA_ASSIGN_OR_RETURN(
      const models::TripleSplit split,
      models::MakeTripleSplit(snapshot->out, snapshot->n_relations, options.triples.valid_share,
                              options.triples.test_share,
                              static_cast<uint64_t>(options.triples.seed)));
  report.protocol = split.description;
  impl_->Log(Severity::kInfo, split.description);
  api::AddSection("model", GetOptions(models::KgeOptionTable(), &options.model), &report.options);
  api::AddSection("train", GetOptions(models::TrainOptionTable(), &options.train), &report.options);
  api::AddSection("triples", GetOptions(models::TripleOptionTable(), &options.triples),
                  &report.options);
  api::Hash content;
  content.Add(
      Concat("embed ", snapshot->id_space, " ", snapshot->out.edges(), " ", split.description));
  for (const auto& [key, value] : report.options) content.Add(Concat(key, "=", value, "\n"));
  UNDULA_ASSIGN_OR_RETURN(const api::Run run,
                          api::MakeRun(*impl_, report.name, content.Hex(), given, progress));
  models::Kge model(options.model, DType::kF32);
  UNDULA_ASSIGN_OR_RETURN(
      const models::TrainReport trained,
      models::TrainOnTriples(&model, snapshot, split, options.triples, options.train, run.context));
  api::FillReport(trained, run, &report);
  const auto evaluate = [&](const char* part,
                            const std::vector<models::Triple>& triples) -> absl::Status {
    if (triples.empty()) return absl::OkStatus();
    UNDULA_ASSIGN_OR_RETURN(const models::LinkMetrics metrics,
                            models::EvaluateLinks(model, triples, snapshot->out, snapshot->in,
                                                  impl_->arena(), progress));
    report.rows.push_back(Row(part, metrics));
    return absl::OkStatus();
  };
  UNDULA_RETURN_IF_ERROR(evaluate("valid", split.valid));
  UNDULA_RETURN_IF_ERROR(evaluate("test", split.test));

  const std::string source = Concat("undula embed, form ", options.model.form, ", trained ",
                                    api::UtcNow(), ", ", report.best_metric);
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_RETURN_IF_ERROR(
        kgstore::PutVectors(*impl_->store, *impl_->models, report.name,
                            AllRows(kgstore::VectorSpace::kEntities, options.model.dim,
                                    model.EntityVectors(), source)));
    UNDULA_RETURN_IF_ERROR(
        kgstore::PutVectors(*impl_->store, *impl_->models, report.relations_name,
                            AllRows(kgstore::VectorSpace::kRelations, model.relation_dim(),
                                    model.RelationVectors(), source)));
  }
  api::RemoveCheckpoints(*impl_, run);
  return report;
}

}  // namespace undula
