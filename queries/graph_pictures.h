// Small graphs to be looked at, by Boost.Graph: the neighborhood of an entity with places for its
// vertices, and the paths of an explanation in the DOT language.
#ifndef UNDULA_QUERIES_GRAPH_PICTURES_H_
#define UNDULA_QUERIES_GRAPH_PICTURES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// The entity (or the one that the item links to) with the neighbors that have fewest edges, then
// theirs, at most `most` vertices and all edges between them. Placed by springs (Kamada, Kawai
// 1989) from a circle: the same on every run of one machine. NotFound names the nearest item;
// FailedPrecondition where the item has no link; InvalidArgument unless 1 <= most <= 100.
absl::StatusOr<Neighborhood> Around(const Context& context, std::string_view item_or_entity,
                                    int most);

// One vertex for each entity of the paths and one for the item; edges as stored, dashed where only
// a connection has them, as wide as the weight the model gives them.
std::string ToDot(const Explanation& explanation);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_GRAPH_PICTURES_H_
