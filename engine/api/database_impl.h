// What stands behind the public classes.
#ifndef UNDULA_API_DATABASE_IMPL_H_
#define UNDULA_API_DATABASE_IMPL_H_

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/model_sink.h"
#include "base/parallel.h"
#include "base/snapshot.h"
#include "base/tensor_map.h"
#include "kgstore/database.h"
#include "models/model.h"
#include "queries/catalog.h"
#include "queries/connections/connection_reasons.h"
#include "queries/context.h"
#include "queries/pattern/source.h"
#include "queries/retrieve.h"
#include "undula/database.h"

namespace undula {

struct Database::Impl {
  std::string path;
  DatabaseOptions options;
  std::shared_ptr<kgstore::Database> store;
  std::shared_ptr<queries::pattern::SharedReads> reads =
      std::make_shared<queries::pattern::SharedReads>();
  std::unique_ptr<ModelSink> models;  // null where the database is read-only and has none
  mutable std::mutex writing;         // one writing call at a time; others wait
  mutable std::mutex model_access;    // ModelSink's reads are short; kept simple

  void Log(Severity severity, std::string_view message) const {
    if (options.log) options.log(severity, message);
  }
  TaskArena& arena() const { return store->arena(); }
};

struct Recommender::Impl {
  std::string name;
  std::string tag;
  const models::ModelSpec* spec = nullptr;
  std::unique_ptr<TaskArena> workers;
  std::shared_ptr<const Snapshot> snapshot;
  std::unique_ptr<queries::Catalog> catalog;
  std::unique_ptr<models::Scorer> scorer;
  queries::Context context;
  std::unique_ptr<queries::ConnectionSource> connections;
  std::unique_ptr<queries::IndexSource> index;
  ModelAge age;
  double positive_threshold = 0;  // of the training: which interactions count as a history

  // Whom to score for when the caller names a user.
  struct Resolved {
    UserId user;                  // in the database
    std::vector<ItemId> history;  // not empty: a user the model does not know, folded in
    models::UserQuery query() const {
      return history.empty() ? models::UserQuery{user, {}}
                             : models::UserQuery{kNone<UserId>, history};
    }
  };
  absl::StatusOr<Resolved> ResolveUser(std::string_view name) const;
  // NotFound also for items that were added after the model's training.
  absl::StatusOr<ItemId> ResolveItem(std::string_view name) const;
};

namespace api {

// The stored model of this name; with an empty name the only one there is. NotFound lists the
// names.
absl::StatusOr<std::string> ResolveModelName(const ModelSink& sink, std::string_view name);

// A model restored from what was stored, ready to score on `snapshot`. FailedPrecondition where it
// belongs to another id space.
absl::StatusOr<std::unique_ptr<models::Model>> RestoreModel(
    const TensorMap& stored, std::string_view name, std::shared_ptr<const Snapshot> snapshot);

// The index stored with the model, for `recommender`, which has its scorer; a damaged one is named
// in the log and made anew when it is needed.
absl::Status LoadIndex(const Database::Impl& impl, const TensorMap& stored,
                       Recommender::Impl* recommender);

// Writes FILE (a NumPy array, float32 [names, dim]) and FILE.names. InvalidArgument: a name with a
// line break.
absl::Status WriteNamedVectors(const std::vector<std::string>& names, int64_t dim,
                               std::span<const float> values, const std::string& file);

// Options of a section as they are stored with a model: "model.dim" -> "16".
OptionMap Section(const std::map<std::string, std::string>& metadata, std::string_view section);

}  // namespace api
}  // namespace undula

#endif  // UNDULA_API_DATABASE_IMPL_H_
