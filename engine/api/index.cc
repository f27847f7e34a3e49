// Nearest-neighbor search: building and loading the index of a stored model, and the queries.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>

#include "api/database_impl.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "models/pinnersage/around.h"
#include "models/retrieval/item_index.h"
#include "queries/retrieve.h"

namespace undula {

absl::StatusOr<IndexReport> Database::BuildIndex(std::string_view name, const OptionMap& given,
                                                 Progress* progress) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  models::IndexOptions options;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::IndexOptionTable(), &options, given));
  if (impl_->store->read_only()) {
    return FailedPreconditionError(impl_->path, " is open read-only; open it for writing to index");
  }
  const std::lock_guard writing(impl_->writing);
  TensorMap stored;
  IndexReport report;
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_ASSIGN_OR_RETURN(report.model, api::ResolveModelName(*impl_->models, name));
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(report.model));
  }
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(*impl_->store));
  UNDULA_ASSIGN_OR_RETURN(
      const std::unique_ptr<models::Model> model,
      api::RestoreModel(stored, report.model, std::make_shared<const Snapshot>(std::move(taken))));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> scorer,
                          model->MakeScorer(impl_->arena()));
  UNDULA_ASSIGN_OR_RETURN(models::IndexVectors vectors,
                          models::VectorsOf(*scorer, model->spec().title));
  models::IndexFacts facts;
  UNDULA_ASSIGN_OR_RETURN(
      const std::unique_ptr<models::ItemIndex> index,
      models::BuildIndex(std::move(vectors), options, impl_->arena(), progress, &facts));
  models::SaveIndex(*index, options, facts, &stored);
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_RETURN_IF_ERROR(impl_->models->Put(report.model, stored));
  }
  report.kind = index->kind();
  report.items = index->items();
  report.dim = index->dim();
  report.width = facts.width;
  report.bytes = index->bytes();
  report.recall = facts.recall;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  return report;
}

namespace api {

absl::Status LoadIndex(const Database::Impl& impl, const TensorMap& stored,
                       Recommender::Impl* recommender) {
  std::unique_ptr<models::ItemIndex> index;
  std::optional<models::IndexOptions> build;
  if (models::HasIndex(stored)) {
    UNDULA_ASSIGN_OR_RETURN(models::IndexVectors vectors,
                            models::VectorsOf(*recommender->scorer, recommender->spec->title));
    auto loaded = models::LoadIndex(std::move(vectors), stored);
    if (loaded.ok()) {
      index = std::move(*loaded);
    } else {
      build = models::StoredIndexOptions(stored);
      impl.Log(Severity::kWarning,
               Concat("model '", recommender->name, "': ", Message(loaded.status()),
                      "; it is built anew for this process, `undula index` stores a new one"));
    }
  }
  recommender->index = std::make_unique<queries::IndexSource>(
      recommender->context, std::move(index), std::move(build), impl.options.device);
  recommender->context.index = recommender->index.get();
  return absl::OkStatus();
}

}  // namespace api

absl::StatusOr<std::vector<Recommendation>> Recommender::Similar(std::string_view item, int64_t k,
                                                                 const ItemFilter& filter) const {
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->catalog->FindItem(item));
  return queries::Similar(impl_->context, id, k, filter);
}

absl::StatusOr<std::vector<Recommendation>> Recommender::Retrieve(
    std::string_view user, std::span<const std::string> history, int64_t k,
    const ItemFilter& filter, const OptionMap& given) const {
  constexpr double kSecondsADay = 86400;
  models::AroundOptions options;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::AroundOptionTable(), &options, given));
  if (user.empty() == history.empty()) {
    return InvalidArgumentError("give a user or a history of items, one of the two");
  }
  UserId who = kNone<UserId>;
  std::vector<models::Action> actions;
  double now = 0;
  if (!user.empty()) {
    UNDULA_ASSIGN_OR_RETURN(who, impl_->catalog->FindUser(user));
    const InteractionCsr<ItemId>& log = impl_->snapshot->by_user;
    for (int64_t i = log.ptr[Index(who)]; i < log.ptr[Index(who) + 1]; ++i) {
      if (log.weight[i] < impl_->positive_threshold) continue;
      actions.push_back({log.other[i], static_cast<double>(log.time[i]) / kSecondsADay});
      now = std::max(now, actions.back().time);
    }
  }
  for (const std::string& item : history) {
    UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->catalog->FindItem(item));
    actions.push_back({id, 0});
  }
  return queries::Retrieve(impl_->context, who, actions, now, k, filter, options);
}

}  // namespace undula
