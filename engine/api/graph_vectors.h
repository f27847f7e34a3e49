// Stored vectors for trainings that ask for them.
#ifndef UNDULA_API_GRAPH_VECTORS_H_
#define UNDULA_API_GRAPH_VECTORS_H_

#include <memory>

#include "api/database_impl.h"
#include "models/data/training_data.h"

namespace undula::api {

// Reads the vectors NAME, of entities or items, with those of relations where NAME.relations is
// stored too. `impl` must outlive it. NotFound; InvalidArgument where NAME is of another space;
// FailedPrecondition where a relation has no vector.
models::VectorReader MakeVectorReader(const Database::Impl& impl,
                                      std::shared_ptr<const Snapshot> snapshot);

}  // namespace undula::api

#endif  // UNDULA_API_GRAPH_VECTORS_H_
