// The table of models; AllModels and FindModel are declared in models/model.h. Adding a model: one
// line in registry.cc.
#ifndef UNDULA_MODELS_REGISTRY_H_
#define UNDULA_MODELS_REGISTRY_H_

#include "models/model.h"  // IWYU pragma: export

namespace undula::models {

// FindModel and make in one call.
absl::StatusOr<std::unique_ptr<Model>> MakeModel(std::string_view name, const OptionMap& options,
                                                 DType dtype = DType::kF32);

}  // namespace undula::models

#endif  // UNDULA_MODELS_REGISTRY_H_
