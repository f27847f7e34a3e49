#include "api/graph_vectors.h"

#include <algorithm>

#include "base/status.h"
#include "kgstore/vectors.h"

namespace undula::api {
namespace {

absl::StatusOr<kgstore::Vectors> Read(const Database::Impl& impl, const std::string& name,
                                      kgstore::VectorSpace space) {
  const std::lock_guard lock(impl.model_access);
  if (impl.models == nullptr) return NotFoundError("the database holds no vectors");
  UNDULA_ASSIGN_OR_RETURN(kgstore::Vectors vectors,
                          kgstore::ReadVectors(*impl.store, *impl.models, name));
  if (vectors.space == space) return vectors;
  return InvalidArgumentError("the vectors '", name, "' are of ", kgstore::SpaceName(vectors.space),
                              ", not of ", kgstore::SpaceName(space));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const models::GraphVectors>> ReadGraphVectors(
    const Database::Impl& impl, const OptionMap& model, const Snapshot& snapshot) {
  const auto it = model.find("entity_vectors");
  if (it == model.end() || it->second.empty()) return nullptr;
  const std::string& name = it->second;
  UNDULA_ASSIGN_OR_RETURN(const kgstore::Vectors entities,
                          Read(impl, name, kgstore::VectorSpace::kEntities));
  UNDULA_ASSIGN_OR_RETURN(const kgstore::Vectors relations,
                          Read(impl, name + ".relations", kgstore::VectorSpace::kRelations));
  if (entities.dim != relations.dim) {
    return InvalidArgumentError("the vectors '", name, "' have length ", entities.dim, ", '", name,
                                ".relations' ", relations.dim,
                                "; a memory adds them, so they must be equal");
  }
  if (relations.ids.size() != snapshot.n_relations) {
    return FailedPreconditionError("'", name, ".relations' has vectors of ", relations.ids.size(),
                                   " of ", snapshot.n_relations,
                                   " relations; make them again (undula embed)");
  }
  auto out = std::make_shared<models::GraphVectors>();
  const int64_t d = entities.dim;
  out->dim = d;
  out->description = Concat("vectors '", name, "'");
  out->relation = relations.values;
  out->entity.assign(static_cast<size_t>(int64_t{snapshot.n_entities} * d), 0.0f);
  out->has_entity.assign(snapshot.n_entities, 0);
  for (size_t i = 0; i < entities.ids.size(); ++i) {
    const uint32_t id = entities.ids[i];
    if (id >= snapshot.n_entities) continue;
    out->has_entity[id] = 1;
    std::copy_n(entities.values.begin() + static_cast<int64_t>(i) * d, d,
                out->entity.begin() + int64_t{id} * d);
  }
  return std::shared_ptr<const models::GraphVectors>(std::move(out));
}

}  // namespace undula::api
