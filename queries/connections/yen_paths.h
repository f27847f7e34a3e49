// All simple paths between two vertices of a small graph in ascending order of their length: Yen,
// "Finding the K shortest loopless paths in a network", Management Science 17 (1971), over
// Boost.Graph's Dijkstra.
#ifndef UNDULA_QUERIES_CONNECTIONS_YEN_PATHS_H_
#define UNDULA_QUERIES_CONNECTIONS_YEN_PATHS_H_

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace undula::queries {

struct YenEdge {
  uint32_t cost = 0;
  uint32_t number = 0;
};
using YenGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, YenEdge>;

struct YenPath {
  uint32_t cost = 0;
  std::vector<YenGraph::edge_descriptor> edges;
};

class YenPaths {
 public:
  // The paths are simple also in that they have at most one of the vertices `same(v)` names alike.
  YenPaths(const YenGraph& graph, size_t from, size_t to, std::function<size_t(size_t)> same)
      : graph_(graph), from_(from), to_(to), same_(std::move(same)) {
    if (auto first = Shortest(from, {}, {})) candidates_.emplace(Key(*first), *first);
  }

  // The next path, or nothing.
  std::optional<YenPath> Next() {
    if (candidates_.empty()) return std::nullopt;
    const YenPath path = candidates_.begin()->second;
    candidates_.erase(candidates_.begin());
    found_.push_back(path);
    // Leave each found path at each of its vertices, by an edge that none found so far took there.
    std::set<size_t> passed;
    YenPath root;
    for (size_t i = 0; i < path.edges.size(); ++i) {
      const size_t spur = boost::source(path.edges[i], graph_);
      std::set<uint32_t> taken;
      for (const YenPath& other : found_) {
        if (other.edges.size() > i && SameRoot(other, path, i)) {
          taken.insert(graph_[other.edges[i]].number);
        }
      }
      std::set<size_t> closed = passed;
      closed.erase(same_(spur));
      if (auto rest = Shortest(spur, closed, taken)) {
        YenPath whole = root;
        whole.cost += rest->cost;
        whole.edges.insert(whole.edges.end(), rest->edges.begin(), rest->edges.end());
        candidates_.emplace(Key(whole), whole);
      }
      passed.insert(same_(spur));
      root.edges.push_back(path.edges[i]);
      root.cost += graph_[path.edges[i]].cost;
    }
    return path;
  }

 private:
  using Order = std::pair<uint32_t, std::vector<uint32_t>>;

  Order Key(const YenPath& path) const {
    Order key{path.cost, {}};
    for (const auto& edge : path.edges) key.second.push_back(graph_[edge].number);
    return key;
  }

  bool SameRoot(const YenPath& a, const YenPath& b, size_t length) const {
    for (size_t i = 0; i < length; ++i) {
      if (graph_[a.edges[i]].number != graph_[b.edges[i]].number) return false;
    }
    return true;
  }

  // From `start` to the end without the closed vertices and without these edges.
  std::optional<YenPath> Shortest(size_t start, const std::set<size_t>& closed,
                                  const std::set<uint32_t>& taken) const {
    const std::function<bool(YenGraph::edge_descriptor)> edge_open = [&](auto edge) {
      return taken.count(graph_[edge].number) == 0;
    };
    const std::function<bool(size_t)> vertex_open = [&](size_t v) {
      return closed.count(same_(v)) == 0 && (v == start || same_(v) != same_(start));
    };
    const boost::filtered_graph open(graph_, edge_open, vertex_open);
    const size_t n = boost::num_vertices(graph_);
    constexpr uint32_t kFar = std::numeric_limits<uint32_t>::max() / 2;
    std::vector<uint32_t> distance(n, kFar);
    std::vector<size_t> parent(n);
    boost::dijkstra_shortest_paths(open, start,
                                   boost::weight_map(boost::get(&YenEdge::cost, open))
                                       .distance_map(boost::make_iterator_property_map(
                                           distance.begin(), boost::get(boost::vertex_index, open)))
                                       .predecessor_map(boost::make_iterator_property_map(
                                           parent.begin(), boost::get(boost::vertex_index, open)))
                                       .distance_inf(kFar));
    if (distance[to_] >= kFar) return std::nullopt;
    YenPath path;
    path.cost = distance[to_];
    for (size_t at = to_; at != start; at = parent[at]) {
      // The cheapest of parallel edges.
      std::optional<YenGraph::edge_descriptor> best;
      for (auto [e, end] = boost::out_edges(parent[at], open); e != end; ++e) {
        if (boost::target(*e, open) != at) continue;
        if (!best.has_value() || std::pair(graph_[*e].cost, graph_[*e].number) <
                                     std::pair(graph_[*best].cost, graph_[*best].number)) {
          best = *e;
        }
      }
      path.edges.insert(path.edges.begin(), *best);
    }
    return path;
  }

  const YenGraph& graph_;
  const size_t from_, to_;
  const std::function<size_t(size_t)> same_;
  struct ByOrder {
    bool operator()(const std::pair<Order, YenPath>& a, const std::pair<Order, YenPath>& b) const {
      return a.first < b.first;
    }
  };
  std::set<std::pair<Order, YenPath>, ByOrder> candidates_;
  std::vector<YenPath> found_;
};

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_YEN_PATHS_H_
