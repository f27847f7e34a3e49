// Stored vectors of the graph for a model that asks for them.
#ifndef UNDULA_API_GRAPH_VECTORS_H_
#define UNDULA_API_GRAPH_VECTORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/database_impl.h"
#include "base/options.h"
#include "models/data/training_data.h"

namespace undula::api {

// The vectors stored as NAME (of entities) and NAME.relations, where `model` names them by its
// option entity_vectors; null where it does not. NotFound; InvalidArgument where one of the two is
// of another space or length; FailedPrecondition where a relation has none.
absl::StatusOr<std::shared_ptr<const models::GraphVectors>> ReadGraphVectors(
    const Database::Impl& impl, const OptionMap& model, const Snapshot& snapshot);

}  // namespace undula::api

#endif  // UNDULA_API_GRAPH_VECTORS_H_
