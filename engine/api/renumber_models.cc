#include "api/renumber_models.h"

#include "api/model_checksum.h"
#include "base/status.h"
#include "models/registry.h"

namespace undula::api {
namespace {

absl::StatusOr<const models::ModelSpec*> SpecOf(const std::string& name, const TensorMap& model) {
  const auto it = model.metadata.find("family");
  const std::string family = it == model.metadata.end() ? std::string() : it->second;
  const auto spec = models::FindModel(family);
  if (spec.ok()) return spec;
  return FailedPreconditionError("model '", name, "' is of the family '", family,
                                 "', which this program does not know: it cannot be renumbered; "
                                 "remove it, or have such models left out (--drop-models)");
}

}  // namespace

absl::StatusOr<uint32_t> RenumberModels::Entities(const std::string& name,
                                                  const TensorMap& model) const {
  UNDULA_ASSIGN_OR_RETURN(const models::ModelSpec* spec, SpecOf(name, model));
  const auto entities = models::StoredEntities(*spec, model);
  if (entities.ok()) return entities;
  return FailedPreconditionError("model '", name,
                                 "' cannot be renumbered: ", Message(entities.status()),
                                 "; train it again, or remove it");
}

absl::Status RenumberModels::Renumber(const std::string& name, const kgstore::Renumbering& ids,
                                      TensorMap* model) const {
  UNDULA_ASSIGN_OR_RETURN(const models::ModelSpec* spec, SpecOf(name, *model));
  const absl::Status status = models::RenumberEntities(*spec, ids.entity, ids.id_space, model);
  if (!status.ok()) {
    return FailedPreconditionError("model '", name, "' cannot be renumbered: ", Message(status),
                                   "; train it again, or remove it");
  }
  model->metadata["checksum"] = ModelChecksum(*model);
  return absl::OkStatus();
}

}  // namespace undula::api
