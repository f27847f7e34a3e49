#include "models/registry.h"

#include "base/status.h"
#include "models/bpr_mf.h"
#include "models/convolution/conv_model.h"
#include "models/item_knn.h"
#include "models/item_log_odds.h"
#include "models/kgcn/kgcn.h"
#include "models/most_popular.h"
#include "models/ripplenet/ripplenet.h"
#include "models/sequence/markov.h"
#include "models/sequence/sequence_model.h"
#include "models/sequence/session_knn.h"

namespace undula::models {
namespace {

// Alphabetical.
const ModelSpec* const kModels[] = {
    &kBprMfSpec,       &kGraphSageSpec, &kGru4RecSpec,   &kItemKnnSpec,    &kItemLogOddsSpec,
    &kKgcnSpec,        &kKgnnLsSpec,    &kKgsrSpec,      &kKsrSpec,        &kMarkovSpec,
    &kMostPopularSpec, &kPinSageSpec,   &kRippleNetSpec, &kSessionKnnSpec, &kSrGnnSpec,
};

}  // namespace

std::span<const ModelSpec* const> AllModels() { return kModels; }

absl::StatusOr<const ModelSpec*> FindModel(std::string_view name) {
  std::vector<std::string_view> names;
  std::string list;
  for (const ModelSpec* spec : kModels) {
    if (spec->name == name) return spec;
    list += Concat(names.empty() ? "" : ", ", spec->name);
    names.push_back(spec->name);
  }
  const std::string nearest = NearestKey(name, names);
  return NotFoundError("there is no model '", name, "'",
                       nearest.empty() ? std::string() : Concat(", did you mean '", nearest, "'?"),
                       " (models: ", list, ")");
}

absl::StatusOr<std::unique_ptr<Model>> MakeModel(std::string_view name, const OptionMap& options,
                                                 DType dtype) {
  UNDULA_ASSIGN_OR_RETURN(const ModelSpec* spec, FindModel(name));
  return spec->make(options, dtype);
}

}  // namespace undula::models
