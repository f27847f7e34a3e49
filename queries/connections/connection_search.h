// The k cheapest connections from a history to an item: simple paths of at most four steps over the
// graph, by their price in bits (connection_graph.h).
//
//   price = start + sum over steps (1/2 + relation) + sum over inner vertices log2(1 + degree)
//
// with the degree of the vertex for the relation that leaves it, on the way from the history to the
// item. The search meets in the middle: labels of up to two steps are spread from the item, then up
// to two steps are made from every start, the cheapest first. Vertices with more than `cap` edges
// are not expanded but may be where the two sides meet: in the middle of a path of four steps,
// anywhere in a shorter one. Without cap and budgets the answer is exact.
#ifndef UNDULA_QUERIES_CONNECTIONS_CONNECTION_SEARCH_H_
#define UNDULA_QUERIES_CONNECTIONS_CONNECTION_SEARCH_H_

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/ids.h"
#include "queries/connections/connection_graph.h"

namespace undula::queries {

inline constexpr int kMaxSteps = 4;   // that FindConnections makes
inline constexpr int kMostSteps = 6;  // that a path has room for (long_connections.h)

// A start of paths and what starting there costs, in eighths of a bit.
struct PathStart {
  EntityId entity = kNone<EntityId>;
  uint32_t cost = 0;
};

// vertex[0] is a start's entity, vertex[steps] the target; step i leads from vertex[i] by arc[i].
// Ordered by cost, then by length and ids: no two paths are equal.
struct ConnectionPath {
  uint32_t cost = 0;  // eighths of a bit
  uint32_t steps = 0;
  std::array<EntityId, kMostSteps + 1> vertex{};
  std::array<Arc, kMostSteps> arc{};
  uint32_t start = 0;  // of the starts

  double bits() const { return static_cast<double>(cost) / kEighths; }
  friend auto operator<=>(const ConnectionPath&, const ConnectionPath&) = default;
};

struct ConnectionLimits {
  static constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
  uint32_t paths = 10;
  uint32_t max_steps = kMaxSteps;
  uint32_t cap = 256;       // edges of a vertex that is still expanded
  uint32_t labels = 20000;  // spread from the target
  uint32_t probes = 20000;  // steps made from the starts' neighbors
};

struct Connections {
  std::vector<ConnectionPath> paths;  // ascending
  bool truncated = false;             // a budget (not the cap) ended the search early
};

// Thread-safe. Starts that are the target itself, or no entity, have no paths; of equal starts the
// cheapest counts. Where no budget cuts, the same answer for the starts in any order.
Connections FindConnections(const ConnectionGraph& graph, std::span<const PathStart> starts,
                            EntityId target, const ConnectionLimits& limits);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_CONNECTION_SEARCH_H_
