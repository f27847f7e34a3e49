#include "api/graph_vectors.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/vectors.h"

namespace undula::api {
namespace {

absl::StatusOr<kgstore::Vectors> Read(const Database::Impl& impl, const std::string& name) {
  const std::lock_guard lock(impl.model_access);
  if (impl.models == nullptr) return NotFoundError("the database holds no vectors");
  return kgstore::ReadVectors(*impl.store, *impl.models, name);
}

// One row for each id below n.
void Spread(const kgstore::Vectors& vectors, uint32_t n, std::vector<float>* rows,
            std::vector<uint8_t>* has) {
  const int64_t d = vectors.dim;
  rows->assign(static_cast<size_t>(int64_t{n} * d), 0.0f);
  has->assign(n, 0);
  for (size_t i = 0; i < vectors.ids.size(); ++i) {
    const uint32_t id = vectors.ids[i];
    if (id >= n) continue;
    (*has)[id] = 1;
    std::copy_n(vectors.values.begin() + static_cast<int64_t>(i) * d, d,
                rows->begin() + int64_t{id} * d);
  }
}

absl::Status AddRelations(const Database::Impl& impl, const std::string& name,
                          const Snapshot& snapshot, models::GraphVectors* out) {
  const std::string of_relations = name + ".relations";
  auto relations = Read(impl, of_relations);
  if (relations.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(relations.status());
  if (relations->space != kgstore::VectorSpace::kRelations) {
    return InvalidArgumentError("the vectors '", of_relations, "' are of ",
                                kgstore::SpaceName(relations->space), ", not of relations");
  }
  if (relations->ids.size() != snapshot.n_relations) {
    return FailedPreconditionError("'", of_relations, "' has vectors of ", relations->ids.size(),
                                   " of ", snapshot.n_relations,
                                   " relations; make them again (undula embed)");
  }
  out->relation_dim = relations->dim;
  out->relation = std::move(relations->values);
  return absl::OkStatus();
}

}  // namespace

models::VectorReader MakeVectorReader(const Database::Impl& impl,
                                      std::shared_ptr<const Snapshot> snapshot) {
  return [&impl, snapshot](const std::string& name)
             -> absl::StatusOr<std::shared_ptr<const models::GraphVectors>> {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::Vectors vectors, Read(impl, name));
    auto out = std::make_shared<models::GraphVectors>();
    out->dim = vectors.dim;
    out->description = Concat("vectors '", name, "'");
    if (vectors.space == kgstore::VectorSpace::kEntities) {
      Spread(vectors, snapshot->n_entities, &out->entity, &out->has_entity);
    } else if (vectors.space == kgstore::VectorSpace::kItems) {
      Spread(vectors, snapshot->n_items, &out->item, &out->has_item);
    } else {
      return InvalidArgumentError("the vectors '", name, "' are of ",
                                  kgstore::SpaceName(vectors.space), ", not of entities or items");
    }
    UNDULA_RETURN_IF_ERROR(AddRelations(impl, name, *snapshot, out.get()));
    return std::shared_ptr<const models::GraphVectors>(std::move(out));
  };
}

}  // namespace undula::api
