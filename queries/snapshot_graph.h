// A snapshot's knowledge graph as Boost.Graph sees graphs: a BidirectionalGraph and
// VertexListGraph, so that its algorithms run over the CSR as it is, without a copy.
//
//   const Snapshot snapshot = *kgstore::TakeSnapshot(database);
//   const SnapshotGraph graph(snapshot);
//   std::vector<int> distance(num_vertices(graph));
//   boost::breadth_first_search(graph, Index(start), boost::visitor(...));
//
// Vertices are entity ids as numbers, an edge is a triple; edges of a vertex come in the order of
// (relation, other end). What an edge costs is the caller's: a property map over Edge, such as
// boost::make_function_property_map<SnapshotGraph::Edge>(...). Algorithms that keep maps over all
// vertices cost their number: for a few reasons of one item the searches in queries/connections are
// a thousand times faster.
#ifndef UNDULA_QUERIES_SNAPSHOT_GRAPH_H_
#define UNDULA_QUERIES_SNAPSHOT_GRAPH_H_

#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "base/ids.h"
#include "base/snapshot.h"

namespace undula::queries {

// Refers to the snapshot, which must outlive it. Thread-safe.
class SnapshotGraph {
 public:
  struct Edge {
    uint32_t head = 0, tail = 0;
    RelationId relation = kNone<RelationId>;
    friend bool operator==(const Edge&, const Edge&) = default;
  };

  class EdgeIterator {
   public:
    using iterator_category = std::input_iterator_tag;  // with several passes
    using value_type = Edge;
    using difference_type = int64_t;
    using pointer = const Edge*;
    using reference = Edge;

    EdgeIterator() = default;
    EdgeIterator(const EdgeCsr* csr, uint32_t row, bool by_tail, int64_t at)
        : csr_(csr), row_(row), by_tail_(by_tail), at_(at) {}
    Edge operator*() const {
      const uint32_t other = Index(csr_->entity[at_]);
      return by_tail_ ? Edge{other, row_, csr_->relation[at_]}
                      : Edge{row_, other, csr_->relation[at_]};
    }
    EdgeIterator& operator++() {
      ++at_;
      return *this;
    }
    EdgeIterator operator++(int) { return {csr_, row_, by_tail_, at_++}; }
    friend bool operator==(const EdgeIterator& a, const EdgeIterator& b) { return a.at_ == b.at_; }

   private:
    const EdgeCsr* csr_ = nullptr;
    uint32_t row_ = 0;
    bool by_tail_ = false;
    int64_t at_ = 0;
  };

  class VertexIterator {
   public:
    using iterator_category = std::input_iterator_tag;  // with several passes
    using value_type = uint32_t;
    using difference_type = int64_t;
    using pointer = const uint32_t*;
    using reference = uint32_t;

    VertexIterator() = default;
    explicit VertexIterator(uint32_t at) : at_(at) {}
    uint32_t operator*() const { return at_; }
    VertexIterator& operator++() {
      ++at_;
      return *this;
    }
    VertexIterator operator++(int) { return VertexIterator(at_++); }
    friend bool operator==(VertexIterator a, VertexIterator b) { return a.at_ == b.at_; }

   private:
    uint32_t at_ = 0;
  };

  // What boost::graph_traits asks for.
  struct traversal_category : virtual boost::bidirectional_graph_tag,
                              virtual boost::vertex_list_graph_tag {};
  using directed_category = boost::bidirectional_tag;
  using edge_parallel_category = boost::allow_parallel_edge_tag;
  using vertex_descriptor = uint32_t;
  using edge_descriptor = Edge;
  using vertices_size_type = uint32_t;
  using edges_size_type = size_t;
  using degree_size_type = size_t;
  using out_edge_iterator = EdgeIterator;
  using in_edge_iterator = EdgeIterator;
  using vertex_iterator = VertexIterator;
  using adjacency_iterator = void;
  using edge_iterator = void;
  static vertex_descriptor null_vertex() { return std::numeric_limits<uint32_t>::max(); }

  explicit SnapshotGraph(const Snapshot& snapshot) : snapshot_(&snapshot) {}
  const Snapshot& snapshot() const { return *snapshot_; }

 private:
  const Snapshot* snapshot_;
};

// What Boost.Graph asks a graph for; found by the graph's namespace.
inline uint32_t source(const SnapshotGraph::Edge& edge, const SnapshotGraph&) { return edge.head; }
inline uint32_t target(const SnapshotGraph::Edge& edge, const SnapshotGraph&) { return edge.tail; }

inline std::pair<SnapshotGraph::EdgeIterator, SnapshotGraph::EdgeIterator> out_edges(
    uint32_t v, const SnapshotGraph& graph) {
  const EdgeCsr& csr = graph.snapshot().out;
  return {{&csr, v, false, csr.ptr[v]}, {&csr, v, false, csr.ptr[v + 1]}};
}
inline std::pair<SnapshotGraph::EdgeIterator, SnapshotGraph::EdgeIterator> in_edges(
    uint32_t v, const SnapshotGraph& graph) {
  const EdgeCsr& csr = graph.snapshot().in;
  return {{&csr, v, true, csr.ptr[v]}, {&csr, v, true, csr.ptr[v + 1]}};
}
inline size_t out_degree(uint32_t v, const SnapshotGraph& graph) {
  return static_cast<size_t>(graph.snapshot().out.degree(EntityId{v}));
}
inline size_t in_degree(uint32_t v, const SnapshotGraph& graph) {
  return static_cast<size_t>(graph.snapshot().in.degree(EntityId{v}));
}
inline size_t degree(uint32_t v, const SnapshotGraph& graph) {
  return out_degree(v, graph) + in_degree(v, graph);
}
inline std::pair<SnapshotGraph::VertexIterator, SnapshotGraph::VertexIterator> vertices(
    const SnapshotGraph& graph) {
  return {SnapshotGraph::VertexIterator(0),
          SnapshotGraph::VertexIterator(graph.snapshot().n_entities)};
}
inline uint32_t num_vertices(const SnapshotGraph& graph) { return graph.snapshot().n_entities; }

inline boost::typed_identity_property_map<uint32_t> get(boost::vertex_index_t,
                                                        const SnapshotGraph&) {
  return {};
}
inline uint32_t get(boost::vertex_index_t, const SnapshotGraph&, uint32_t v) { return v; }

}  // namespace undula::queries

namespace boost {

template <>
struct property_map<undula::queries::SnapshotGraph, vertex_index_t> {
  using type = typed_identity_property_map<uint32_t>;
  using const_type = type;
};

}  // namespace boost

#endif  // UNDULA_QUERIES_SNAPSHOT_GRAPH_H_
