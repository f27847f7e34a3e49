// Connections of more steps than the search in the middle makes (connection_search.h), for sparse
// graphs: the part of the graph that cheap paths lead through is cut out, at most 400 vertices, and
// Yen's algorithm lists the k cheapest simple paths of that small graph. Some ten milliseconds
// rather than tenths of one: on request only.
#ifndef UNDULA_QUERIES_CONNECTIONS_LONG_CONNECTIONS_H_
#define UNDULA_QUERIES_CONNECTIONS_LONG_CONNECTIONS_H_

#include <span>

#include "base/ids.h"
#include "queries/connections/connection_graph.h"
#include "queries/connections/connection_search.h"

namespace undula::queries {

// As FindConnections, for limits.max_steps up to kMostSteps: `labels` and `probes` bound the steps
// that are looked at from the target and from the starts, and vertices of more than `cap` edges are
// not walked on from on either side. Where neither these nor the 400 vertices cut (`truncated`),
// the answer is exact. Thread-safe.
Connections FindLongConnections(const ConnectionGraph& graph, std::span<const PathStart> starts,
                                EntityId target, const ConnectionLimits& limits);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_LONG_CONNECTIONS_H_
