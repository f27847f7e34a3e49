// The knowledge graph as connections see it: undirected steps, each with its price in bits.
//
// Leaving a vertex v over relation r in one direction costs log2(1 + n) bits, n being the number of
// v's neighbors over r in that direction: what is said by naming one of them. A director with 12
// films costs 3.7 bits, a genre with 50,000 costs 15.6, so that hubs price themselves out. Every
// step costs half a bit more, so that of two equal paths the shorter is cheaper, and what its
// relation costs. All prices are whole eighths of a bit: sums are exact and the same everywhere.
#ifndef UNDULA_QUERIES_CONNECTIONS_CONNECTION_GRAPH_H_
#define UNDULA_QUERIES_CONNECTIONS_CONNECTION_GRAPH_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "base/snapshot.h"

namespace undula::queries {

inline constexpr uint32_t kEighths = 8;   // of a bit
inline constexpr uint32_t kStepCost = 4;  // half a bit

// log2(1 + n) in eighths of a bit, n < 2^32: at most 255.
uint32_t LeavingCost(uint64_t n);

// A relation and the direction in which it is walked.
struct Arc {
  RelationId relation = kNone<RelationId>;
  bool inverse = false;  // from the triple's tail to its head

  friend auto operator<=>(const Arc&, const Arc&) = default;
};

// What relations cost beside the step itself.
struct RelationCosts {
  std::vector<uint16_t> eighths;  // by relation; empty: nothing
  std::vector<bool> hidden;       // by relation, those that are never walked; empty: none

  bool Hidden(RelationId r) const { return Index(r) < hidden.size() && hidden[Index(r)]; }
  uint32_t Of(RelationId r) const {
    return kStepCost + (Index(r) < eighths.size() ? eighths[Index(r)] : 0u);
  }
};

// Immutable and shareable between threads; refers to the snapshot.
class ConnectionGraph {
 public:
  // Finds what leaving the far end of every edge costs: two bytes an edge, about .2 us of one core
  // each.
  ConnectionGraph(const Snapshot& snapshot, RelationCosts costs, TaskArena& workers);

  const RelationCosts& costs() const { return costs_; }
  uint32_t vertices() const { return snapshot_.n_entities; }
  int64_t Degree(EntityId v) const { return snapshot_.out.degree(v) + snapshot_.in.degree(v); }
  // LeavingCost(Degree(v)), from a table of a byte a vertex that stays in the processor's cache.
  uint32_t SizeCost(EntityId v) const { return size_[Index(v)]; }

  // Hints that the steps of v will be asked for: first where they are, later the steps themselves.
  void PrefetchPlace(EntityId v) const {
    __builtin_prefetch(&snapshot_.out.ptr[Index(v)]);
    __builtin_prefetch(&snapshot_.in.ptr[Index(v)]);
  }
  void PrefetchSteps(EntityId v) const {
    for (const EdgeCsr* edges : {&snapshot_.out, &snapshot_.in}) {
      const int64_t first = edges->ptr[Index(v)];
      __builtin_prefetch(edges->relation.data() + first);
      __builtin_prefetch(edges->entity.data() + first);
    }
  }

  // f(arc, neighbor, cost of leaving v by this arc) over the visible steps from v.
  template <class F>
  void ForEachStep(EntityId v, F&& f) const {
    for (const bool inverse : {false, true}) {
      const EdgeCsr& edges = inverse ? snapshot_.in : snapshot_.out;
      const int64_t end = edges.ptr[Index(v) + 1];
      for (int64_t begin = edges.ptr[Index(v)], next; begin < end; begin = next) {
        const RelationId relation = edges.relation[begin];
        for (next = begin + 1; next < end && edges.relation[next] == relation;) ++next;
        if (costs_.Hidden(relation)) continue;
        const uint32_t leaving = LeavingCost(static_cast<uint64_t>(next - begin));
        for (int64_t e = begin; e < next; ++e) f(Arc{relation, inverse}, edges.entity[e], leaving);
      }
    }
  }

  // The same steps walked towards v: f(arc from the neighbor to v, neighbor, cost of leaving the
  // neighbor by it).
  template <class F>
  void ForEachStepTo(EntityId v, F&& f) const {
    for (const bool inverse : {false, true}) {
      const EdgeCsr& edges = inverse ? snapshot_.in : snapshot_.out;
      const std::vector<uint8_t>& leaving = inverse ? leaving_head_ : leaving_tail_;
      for (int64_t e = edges.ptr[Index(v)]; e < edges.ptr[Index(v) + 1]; ++e) {
        if (costs_.Hidden(edges.relation[e])) continue;
        f(Arc{edges.relation[e], !inverse}, edges.entity[e], uint32_t{leaving[e]});
      }
    }
  }

 private:
  const Snapshot& snapshot_;
  RelationCosts costs_;
  std::vector<uint8_t> size_;          // by vertex
  std::vector<uint8_t> leaving_tail_;  // by edge of `out`: leaving its tail by it
  std::vector<uint8_t> leaving_head_;  // by edge of `in`: leaving its head by it
};

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_CONNECTION_GRAPH_H_
