// From the attention a model used to reasons a person can read. Every edge shown is an edge of the
// stored graph, every weight is the forward pass's own (models/scorer.h).
#ifndef UNDULA_QUERIES_EXPLAIN_H_
#define UNDULA_QUERIES_EXPLAIN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "models/scorer.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// All slots of all hops for (query, item), by descending weight; `options.slots` per hop, 0 = all;
// and the connections. Unimplemented where the model has no slots and no connections are asked for.
absl::StatusOr<Explanation> Explain(const Context& context, const models::UserQuery& query,
                                    ItemId item, const ExplainOptions& options);

// The `count` best reasons over all hops: first those whose path ends at an entity that the item
// itself touches, then by weight; at most one reason per last edge.
absl::StatusOr<std::vector<Reason>> BestReasons(const Context& context,
                                                const models::UserQuery& query, ItemId item,
                                                int count);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_EXPLAIN_H_
