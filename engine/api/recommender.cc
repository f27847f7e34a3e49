#include "undula/recommender.h"

#include <algorithm>
#include <utility>

#include "api/database_impl.h"
#include "api/model_age.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/read_view.h"
#include "kgstore/take_snapshot.h"
#include "models/data/split.h"
#include "queries/batch_score.h"
#include "queries/counterfactual.h"
#include "queries/explain.h"
#include "queries/explanation_quality.h"
#include "queries/graph_pictures.h"
#include "queries/load_catalog.h"
#include "queries/recommend.h"

namespace undula {
namespace api {

absl::StatusOr<std::string> ResolveModelName(const ModelSink& sink, std::string_view name) {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, sink.List());
  std::vector<std::string> trained;  // what is stored but not imported vectors
  std::string list;
  for (const std::string& n : names) {
    if (n == name) return n;
    UNDULA_ASSIGN_OR_RETURN(auto metadata, sink.Metadata(n));
    if (metadata["kind"] == "vectors") continue;
    trained.push_back(n);
    list += (list.empty() ? "" : ", ") + n;
  }
  if (trained.empty()) {
    return NotFoundError("the database holds no trained model; train one first (undula train)");
  }
  if (name.empty() && trained.size() == 1) return trained[0];
  if (name.empty()) return InvalidArgumentError("several models are stored, name one: ", list);
  return NotFoundError("no stored model '", name, "'; there are: ", list);
}

OptionMap Section(const std::map<std::string, std::string>& metadata, std::string_view section) {
  OptionMap out;
  const std::string prefix = Concat(section, ".");
  for (const auto& [key, value] : metadata) {
    if (key.rfind(prefix, 0) == 0) out[key.substr(prefix.size())] = value;
  }
  return out;
}

absl::StatusOr<std::unique_ptr<models::Model>> RestoreModel(
    const TensorMap& stored, std::string_view name, std::shared_ptr<const Snapshot> snapshot) {
  const auto get = [&](const char* key) {
    const auto it = stored.metadata.find(key);
    return it == stored.metadata.end() ? std::string() : it->second;
  };
  if (get("kind") == "vectors") {
    return InvalidArgumentError("'", name, "' holds imported vectors and is no trained model");
  }
  if (get("id_space") != std::to_string(snapshot->id_space)) {
    return FailedPreconditionError("model '", name, "' was trained on another id space (",
                                   get("id_space"), ", here ", snapshot->id_space,
                                   "); train it again on this database");
  }
  UNDULA_ASSIGN_OR_RETURN(const models::ModelSpec* spec, models::FindModel(get("family")));
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<models::Model> model,
                          spec->make(Section(stored.metadata, "model"), DType::kF32));
  UNDULA_RETURN_IF_ERROR(model->Load(stored, std::move(snapshot)));
  return model;
}

}  // namespace api

absl::StatusOr<std::unique_ptr<Recommender>> Database::LoadRecommender(
    std::string_view name) const {
  auto impl = std::make_unique<Recommender::Impl>();
  TensorMap stored;
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_ASSIGN_OR_RETURN(impl->name, api::ResolveModelName(*impl_->models, name));
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(impl->name));
  }
  impl->workers = std::make_unique<TaskArena>(impl_->options.threads);
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    UNDULA_ASSIGN_OR_RETURN(Snapshot snapshot, kgstore::TakeSnapshot(view, *impl->workers));
    impl->snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
    impl->age = api::AgeOf(stored.metadata, impl->snapshot->change, view.counts());
    static const std::string kLanguages[] = {"en", ""};
    UNDULA_ASSIGN_OR_RETURN(impl->catalog, queries::LoadCatalog(view, *impl->snapshot, kLanguages));
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> model,
                          api::RestoreModel(stored, impl->name, impl->snapshot));
  impl->spec = &model->spec();
  impl->tag = Concat(impl->name, "/", stored.metadata["family"], "/", stored.metadata["checksum"]);
  UNDULA_ASSIGN_OR_RETURN(impl->scorer, model->MakeScorer(*impl->workers));
  impl->context.catalog = impl->catalog.get();
  impl->context.snapshot = impl->snapshot.get();
  impl->context.scorer = impl->scorer.get();
  impl->context.spec = impl->spec;
  impl->context.workers = impl->workers.get();
  impl->context.model_tag = impl->tag;
  impl->context.store = impl_->store;
  impl->context.reads = impl_->reads;
  impl->connections = std::make_unique<queries::ConnectionSource>(impl->context);
  impl->context.connections = impl->connections.get();
  models::SplitOptions split;
  if (SetOptions(models::SplitOptionTable(), &split, api::Section(stored.metadata, "split")).ok()) {
    impl->positive_threshold = split.positive_threshold;
    impl->context.positive_threshold = split.positive_threshold;
  }
  return std::make_unique<Recommender>(std::move(impl));
}

Recommender::Recommender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recommender::~Recommender() = default;

absl::StatusOr<ItemId> Recommender::Impl::ResolveItem(std::string_view item) const {
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, catalog->FindItem(item));
  if (Index(id) < scorer->n_items()) return id;
  return NotFoundError("item '", item, "' was added after model '", name,
                       "' was trained; train it again");
}

absl::StatusOr<Recommender::Impl::Resolved> Recommender::Impl::ResolveUser(
    std::string_view user) const {
  UNDULA_ASSIGN_OR_RETURN(const UserId id, catalog->FindUser(user));
  Resolved out{id, {}};
  // The next item of a sequence depends on what has happened by now, not on what was trained on.
  if (scorer->KnowsUser(id) && !scorer->sequential()) return out;
  if (spec->capabilities.fold_in) {
    const InteractionCsr<ItemId>& log = snapshot->by_user;
    for (int64_t i = log.ptr[Index(id)]; i < log.ptr[Index(id) + 1]; ++i) {
      if (log.weight[i] >= positive_threshold && Index(log.other[i]) < scorer->n_items()) {
        out.history.push_back(log.other[i]);
      }
    }
    if (!out.history.empty()) return out;
  }
  return NotFoundError("model '", name, "' does not know user '", user,
                       "': no positive interaction when it was trained; ",
                       spec->capabilities.fold_in ? "give a history of items" : "train it again");
}

namespace {

absl::StatusOr<std::vector<ItemId>> FindItems(const Recommender::Impl& impl,
                                              std::span<const std::string> names) {
  std::vector<ItemId> items;
  for (const std::string& name : names) {
    UNDULA_ASSIGN_OR_RETURN(items.emplace_back(), impl.ResolveItem(name));
  }
  return items;
}

absl::StatusOr<std::vector<ItemId>> FindHistory(const Recommender::Impl& impl,
                                                std::span<const std::string> names) {
  if (names.empty()) return InvalidArgumentError("the history is empty; give at least one item");
  return FindItems(impl, names);
}

}  // namespace

absl::StatusOr<std::vector<Recommendation>> Recommender::Recommend(
    std::string_view user, const RecommendOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const Impl::Resolved who, impl_->ResolveUser(user));
  return queries::Recommend(impl_->context, who.query(), options, who.user);
}

absl::StatusOr<std::vector<Recommendation>> Recommender::RecommendForHistory(
    std::span<const std::string> items, const RecommendOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ItemId> history, FindHistory(*impl_, items));
  return queries::Recommend(impl_->context, {kNone<UserId>, history}, options);
}

absl::StatusOr<std::vector<Recommendation>> Recommender::Similar(std::string_view item,
                                                                 int64_t k) const {
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->ResolveItem(item));
  return queries::Similar(impl_->context, id, k);
}

absl::StatusOr<Explanation> Recommender::Explain(std::string_view user, std::string_view item,
                                                 const ExplainOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const Impl::Resolved who, impl_->ResolveUser(user));
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->ResolveItem(item));
  return queries::Explain(impl_->context, who.query(), id, options);
}

absl::StatusOr<Explanation> Recommender::ExplainForHistory(std::span<const std::string> history,
                                                           std::string_view item,
                                                           const ExplainOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ItemId> ids, FindHistory(*impl_, history));
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->ResolveItem(item));
  return queries::Explain(impl_->context, {kNone<UserId>, ids}, id, options);
}

absl::StatusOr<Counterfactual> Recommender::FindCounterfactual(
    std::string_view user, std::string_view item, const CounterfactualOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const UserId who, impl_->catalog->FindUser(user));
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->ResolveItem(item));
  return queries::FindCounterfactual(impl_->context, {who, {}}, id, options);
}

absl::StatusOr<Neighborhood> Recommender::Around(std::string_view item_or_entity, int most) const {
  return queries::Around(impl_->context, item_or_entity, most);
}

std::string GraphViz(const Explanation& explanation) { return queries::ToDot(explanation); }

absl::StatusOr<std::vector<ExplanationQuality>> Recommender::MeasureExplanations(
    const ExplanationQualityOptions& options, Progress* progress) const {
  std::vector<const queries::Context*> others;
  for (const Recommender* other : options.others) others.push_back(&other->impl_->context);
  return queries::MeasureExplanations(impl_->context, options, others, progress);
}

absl::StatusOr<std::vector<double>> Recommender::Score(std::string_view user,
                                                       std::span<const std::string> items) const {
  UNDULA_ASSIGN_OR_RETURN(const Impl::Resolved who, impl_->ResolveUser(user));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ItemId> ids, FindItems(*impl_, items));
  std::vector<float> scores(ids.size());
  propagation::Arena scratch;
  UNDULA_RETURN_IF_ERROR(impl_->scorer->ScoreItems(who.query(), ids, scores, scratch));
  return std::vector<double>(scores.begin(), scores.end());
}

absl::StatusOr<ScoreBatchReport> Recommender::ScoreBatch(const ScoreBatchOptions& options,
                                                         Progress* progress) const {
  return queries::ScoreBatch(impl_->context, options, progress);
}

std::string_view Recommender::model_name() const { return impl_->name; }
std::string_view Recommender::model_family() const { return impl_->spec->name; }
int64_t Recommender::users() const { return impl_->scorer->n_users(); }
int64_t Recommender::items() const { return impl_->scorer->n_items(); }
const ModelAge& Recommender::age() const { return impl_->age; }

}  // namespace undula
