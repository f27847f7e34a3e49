#include "undula/database.h"

#include <algorithm>
#include <utility>

#include "api/database_impl.h"
#include "base/status.h"
#include "kgstore/model_store.h"
#include "kgstore/stats.h"
#include "propagation/simd/request.h"

namespace undula {

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const DatabaseOptions& options) {
  if (options.threads < 0) {
    return InvalidArgumentError("threads is ", options.threads, "; 0 means all cores");
  }
  UNDULA_RETURN_IF_ERROR(propagation::simd::CheckRequest());
  kgstore::OpenOptions open;
  open.mode = options.create && !options.read_only ? kgstore::OpenMode::kOpenOrCreate
                                                   : kgstore::OpenMode::kOpen;
  open.read_only = options.read_only;
  open.threads = options.threads;
  open.wait_seconds = options.wait_seconds;
  open.compact_dictionary = options.compact_dictionary;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->options = options;
  UNDULA_ASSIGN_OR_RETURN(impl->store, kgstore::Database::Open(path, open));
  UNDULA_ASSIGN_OR_RETURN(impl->models, kgstore::OpenModelStore(*impl->store));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

absl::StatusOr<DatabaseStats> Database::Stats() const {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::DatabaseStats in, kgstore::ReadStats(*impl_->store));
  DatabaseStats out;
  out.entities = in.counts.entities;
  out.relations = in.counts.relations;
  out.literals = in.counts.literals;
  out.triples = static_cast<int64_t>(in.counts.triples);
  out.attributes = static_cast<int64_t>(in.counts.attributes);
  out.labels = static_cast<int64_t>(in.counts.labels);
  out.users = in.counts.users;
  out.items = in.counts.items;
  out.interactions = static_cast<int64_t>(in.counts.interactions);
  out.links = static_cast<int64_t>(in.counts.links);
  out.items_linked = static_cast<int64_t>(in.counts.linked_items);
  out.quads = static_cast<int64_t>(in.counts.quads);
  out.social = static_cast<int64_t>(in.counts.social);
  out.file_bytes = static_cast<int64_t>(in.file_bytes);
  out.generation = in.generation;
  out.format_version = in.format_version;
  out.compact_dictionary = in.compact_dictionary;
  for (const kgstore::RelationStats& r : in.relations) {
    out.by_relation.push_back(
        {r.name, static_cast<int64_t>(r.triples), static_cast<int64_t>(r.attributes)});
  }
  std::stable_sort(out.by_relation.begin(), out.by_relation.end(),
                   [](const RelationStats& a, const RelationStats& b) {
                     return a.triples + a.attributes > b.triples + b.attributes;
                   });
  for (const kgstore::TableStats& t : in.tables) {
    out.tables.emplace_back(t.name, static_cast<int64_t>(t.bytes));
  }
  for (const kgstore::ModelInfo& m : in.models) out.models.push_back(m.name);
  return out;
}

absl::StatusOr<std::vector<StoredModel>> Database::Models() const {
  const std::lock_guard lock(impl_->model_access);
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, impl_->models->List());
  std::vector<StoredModel> out;
  for (const std::string& name : names) {
    UNDULA_ASSIGN_OR_RETURN(auto metadata, impl_->models->Metadata(name));
    out.push_back({name, metadata["family"], std::move(metadata)});
  }
  return out;
}

absl::Status Database::RemoveModel(std::string_view name) {
  const std::lock_guard writing(impl_->writing);
  const std::lock_guard lock(impl_->model_access);
  if (name.empty()) return InvalidArgumentError("remove: name the model");
  UNDULA_RETURN_IF_ERROR(api::ResolveModelName(*impl_->models, name).status());
  return impl_->models->Remove(name);
}

}  // namespace undula
