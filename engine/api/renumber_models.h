// How stored models are brought along when a database is renumbered.
#ifndef UNDULA_API_RENUMBER_MODELS_H_
#define UNDULA_API_RENUMBER_MODELS_H_

#include <string>

#include "kgstore/renumber.h"

namespace undula::api {

// By what each family declares (models/entity_ids.h). A model of a family that this program does
// not know cannot be brought along.
class RenumberModels final : public kgstore::ModelRenumberer {
 public:
  explicit RenumberModels(bool drop_unknown) : drop_unknown_(drop_unknown) {}

  absl::StatusOr<uint32_t> Entities(const std::string& name, const TensorMap& model) const override;
  absl::Status Renumber(const std::string& name, const kgstore::Renumbering& ids,
                        TensorMap* model) const override;
  bool drop_unknown() const override { return drop_unknown_; }

 private:
  bool drop_unknown_;
};

}  // namespace undula::api

#endif  // UNDULA_API_RENUMBER_MODELS_H_
