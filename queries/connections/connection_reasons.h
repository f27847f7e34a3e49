// Connection reasons: what of the graph connects a user's history with an item, whether or not the
// model used it. The paths of connection_search.h, those that differ in their start alone taken
// together ("you liked A, B and C, which have the director X"), and of these a few that differ.
#ifndef UNDULA_QUERIES_CONNECTIONS_CONNECTION_REASONS_H_
#define UNDULA_QUERIES_CONNECTIONS_CONNECTION_REASONS_H_

#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "models/scorer.h"
#include "queries/connections/connection_graph.h"
#include "queries/connections/connection_search.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// The graph as connections see it, made when it is first asked for. Thread-safe.
class ConnectionSource {
 public:
  explicit ConnectionSource(const Context& context) : context_(context) {}
  const ConnectionGraph& graph() const;

 private:
  const Context& context_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const ConnectionGraph> graph_;
};

// A connection with the triples of all its paths, as stored.
struct ConnectionReason {
  Reason reason;
  std::vector<models::AttentionSlot> edges;
};

// What of a history counts: the positive interactions, the latest first.
std::vector<ItemId> LatestPositives(const Context& context, const models::UserQuery& query);

// The `count` best reasons, best first. Where nothing of the graph connects the item, as where it
// or the whole history has no link, what users liked both it and something of the history
// (user_reasons.h); where there are none, how many users liked it; nothing where nobody did. Of the
// history count the latest 50 positives, each step back in time costing a tenth of a bit (half as
// likely after ten). Paths have at most `steps` edges, 1 to kMostSteps; above kMaxSteps those of
// long_connections.h.
std::vector<ConnectionReason> ConnectionReasons(const Context& context,
                                                const models::UserQuery& query, ItemId item,
                                                int count, int steps = kMaxSteps);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_CONNECTION_REASONS_H_
