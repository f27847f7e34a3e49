#include "queries/graph_pictures.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/circle_layout.hpp>
#include <boost/graph/graphviz.hpp>
#include <boost/graph/kamada_kawai_spring_layout.hpp>
#include <cmath>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>
#include <vector>

#include "base/status.h"

namespace undula::queries {
namespace {

constexpr int kMostVertices = 100;

struct Step {
  EntityId other;
  int64_t edges;  // of the other
  friend auto operator<=>(const Step& a, const Step& b) {
    return std::tuple(a.edges, a.other) <=> std::tuple(b.edges, b.other);
  }
};

// Distinct neighbors, those with the fewest edges first.
std::vector<Step> Neighbors(const Snapshot& snapshot, EntityId v) {
  std::vector<Step> out;
  for (const EdgeCsr* csr : {&snapshot.out, &snapshot.in}) {
    for (int64_t e = csr->ptr[Index(v)]; e < csr->ptr[Index(v) + 1]; ++e) {
      const EntityId other = csr->entity[e];
      if (other != v)
        out.push_back({other, snapshot.out.degree(other) + snapshot.in.degree(other)});
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end(),
                        [](const Step& a, const Step& b) { return a.other == b.other; }),
            out.end());
  return out;
}

// Places for the vertices of a connected graph, within the unit square.
void PlaceBySprings(Neighborhood* picture) {
  using Topology = boost::square_topology<>;
  using Point = Topology::point_type;
  using Graph =
      boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                            boost::property<boost::edge_weight_t, double>>;
  const size_t n = picture->vertices.size();
  if (n == 1) {
    picture->vertices[0].x = picture->vertices[0].y = 0.5;
    return;
  }
  Graph graph(n);
  std::set<std::pair<int, int>> joined;
  for (const Neighborhood::Edge& e : picture->edges) {
    const auto pair = std::minmax(e.head, e.tail);
    if (pair.first != pair.second && joined.insert(pair).second) {
      boost::add_edge(static_cast<size_t>(pair.first), static_cast<size_t>(pair.second), 1.0,
                      graph);
    }
  }
  std::vector<Point> points(n);
  const auto place =
      boost::make_iterator_property_map(points.begin(), boost::get(boost::vertex_index, graph));
  boost::circle_graph_layout(graph, place, 1.0);
  boost::kamada_kawai_spring_layout(graph, place, boost::get(boost::edge_weight, graph), Topology(),
                                    boost::side_length(1.0));
  double low[2] = {points[0][0], points[0][1]}, high[2] = {low[0], low[1]};
  for (const Point& p : points) {
    for (size_t d = 0; d < 2; ++d) {
      low[d] = std::min(low[d], p[d]);
      high[d] = std::max(high[d], p[d]);
    }
  }
  const auto at = [&](const Point& p, size_t d) {
    const double share = high[d] > low[d] ? (p[d] - low[d]) / (high[d] - low[d]) : 0.5;
    return std::isfinite(share) ? share : 0.5;
  };
  for (size_t i = 0; i < n; ++i) {
    picture->vertices[i].x = at(points[i], 0);
    picture->vertices[i].y = at(points[i], 1);
  }
}

// A string in quotes, as DOT reads it.
std::string Quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out + "\"";
}

struct DotVertex {
  std::string label;
  enum class Kind { kEntity, kHistory, kItem } kind = Kind::kEntity;
};
struct DotEdge {
  std::string label;
  double weight = 0;
  bool model = false;
};
using DotGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, DotVertex, DotEdge>;

class DotMaker {
 public:
  explicit DotMaker(const Explanation& explanation) {
    for (const auto& hop : explanation.hops) {
      for (const Reason& reason : hop) Add(reason);
    }
    for (const Reason& reason : explanation.connections) Add(reason);
    // The item itself where a path ends; else a vertex of its own.
    for (const Reason& reason : explanation.connections) {
      if (reason.kind != Reason::Kind::kConnection || reason.path.empty()) continue;
      target_ = EndOf(reason);
      graph_[target_].kind = DotVertex::Kind::kItem;
    }
    if (target_ == kNoVertex) {
      target_ = boost::add_vertex(DotVertex{explanation.title, DotVertex::Kind::kItem}, graph_);
    }
  }

  std::string Write() const {
    std::ostringstream out;
    const auto write_vertex = [&](std::ostream& to, size_t v) {
      to << "[label=" << Quote(graph_[v].label);
      if (graph_[v].kind == DotVertex::Kind::kHistory) to << ", shape=box";
      if (graph_[v].kind == DotVertex::Kind::kItem) to << ", shape=doublecircle";
      to << "]";
    };
    const auto write_edge = [&](std::ostream& to, const DotGraph::edge_descriptor& e) {
      to << "[label=" << Quote(graph_[e].label);
      if (graph_[e].model) {
        to << ", penwidth=" << 1 + 4 * graph_[e].weight;
      } else {
        to << ", style=dashed";
      }
      to << "]";
    };
    const auto write_graph = [](std::ostream& to) { to << "rankdir=LR;\n"; };
    boost::write_graphviz(out, graph_, write_vertex, write_edge, write_graph);
    return out.str();
  }

 private:
  static constexpr size_t kNoVertex = ~size_t{0};

  size_t VertexOf(const std::string& name, const std::string& label) {
    const auto [at, fresh] = places_.try_emplace(name, 0);
    if (fresh) at->second = boost::add_vertex(DotVertex{label, {}}, graph_);
    return at->second;
  }

  // Paths from the history: one that users lead to begins elsewhere.
  void Add(const Reason& reason) {
    if (reason.kind == Reason::Kind::kUsers) return;
    const bool model = reason.kind == Reason::Kind::kModel;
    for (const PathEdge& e : reason.path) {
      const size_t head = VertexOf(e.head, e.head_label), tail = VertexOf(e.tail, e.tail_label);
      // A model's weight is that of the last edge: those before only lead to it.
      const double weight = model && &e == &reason.path.back() ? reason.weight : 0;
      const auto [at, fresh] =
          edges_.try_emplace({head, e.relation, tail}, DotGraph::edge_descriptor());
      if (fresh)
        at->second = boost::add_edge(head, tail, DotEdge{e.relation_label, 0, false}, graph_).first;
      DotEdge& edge = graph_[at->second];
      edge.model |= model;
      edge.weight = std::max(edge.weight, weight);
    }
    if (!reason.path.empty() && !reason.seed_item.empty()) {
      graph_[StartOf(reason)].kind = DotVertex::Kind::kHistory;
    }
  }

  // Where a path starts: the end of its first edge that the second does not have.
  size_t StartOf(const Reason& reason) const {
    const PathEdge& first = reason.path[0];
    bool at_head = first.tail_label != reason.seed_title;
    if (reason.path.size() > 1) {
      const PathEdge& next = reason.path[1];
      at_head = first.head != next.head && first.head != next.tail;
    }
    return places_.at(at_head ? first.head : first.tail);
  }

  // The end of a path's last edge that it did not come from.
  size_t EndOf(const Reason& reason) const {
    const PathEdge& last = reason.path.back();
    bool at_tail = last.tail_label != reason.seed_title;
    if (reason.path.size() > 1) {
      const PathEdge& before = reason.path[reason.path.size() - 2];
      at_tail = last.head == before.head || last.head == before.tail;
    }
    return places_.at(at_tail ? last.tail : last.head);
  }

  DotGraph graph_;
  std::map<std::string, size_t> places_;
  std::map<std::tuple<size_t, std::string, size_t>, DotGraph::edge_descriptor> edges_;
  size_t target_ = kNoVertex;
};

absl::StatusOr<EntityId> FindEntity(const Catalog& catalog, std::string_view name) {
  for (uint32_t e = 0; e < catalog.entities.size(); ++e) {
    if (catalog.entities[e] == name) return EntityId{e};
  }
  const auto item = catalog.FindItem(name);
  if (!item.ok()) {
    return NotFoundError("no entity '", name, "', and ", std::string(item.status().message()));
  }
  const EntityId entity = catalog.item_entity[Index(*item)];
  if (entity == kNone<EntityId>) {
    return FailedPreconditionError("item '", name, "' is not linked to an entity: undula link");
  }
  return entity;
}

}  // namespace

absl::StatusOr<Neighborhood> Around(const Context& context, std::string_view item_or_entity,
                                    int most) {
  if (most < 1 || most > kMostVertices) {
    return InvalidArgumentError("a neighborhood has 1 to ", kMostVertices, " vertices, not ", most);
  }
  const Catalog& catalog = *context.catalog;
  const Snapshot& snapshot = *context.snapshot;
  UNDULA_ASSIGN_OR_RETURN(const EntityId center, FindEntity(catalog, item_or_entity));
  std::vector<EntityId> chosen = {center};
  std::map<EntityId, int> place = {{center, 0}};
  for (size_t i = 0; i < chosen.size() && place.size() < static_cast<size_t>(most); ++i) {
    for (const Step& step : Neighbors(snapshot, chosen[i])) {
      if (place.size() == static_cast<size_t>(most)) break;
      if (place.emplace(step.other, static_cast<int>(chosen.size())).second) {
        chosen.push_back(step.other);
      }
    }
  }
  Neighborhood out;
  for (const EntityId v : chosen) {
    out.vertices.push_back({std::string(catalog.entities[Index(v)]), catalog.EntityLabel(v)});
    for (int64_t e = snapshot.out.ptr[Index(v)]; e < snapshot.out.ptr[Index(v) + 1]; ++e) {
      const auto tail = place.find(snapshot.out.entity[e]);
      if (tail == place.end()) continue;
      const RelationId relation = snapshot.out.relation[e];
      out.edges.push_back(
          {place.at(v), tail->second, std::string(catalog.relation_labels[Index(relation)])});
    }
  }
  for (const Step& step : Neighbors(snapshot, center)) out.left_out += !place.contains(step.other);
  PlaceBySprings(&out);
  return out;
}

std::string ToDot(const Explanation& explanation) { return DotMaker(explanation).Write(); }

}  // namespace undula::queries
