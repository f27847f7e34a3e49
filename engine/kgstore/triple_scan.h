// Sorted runs of what is stored, for graph patterns: triples and attributes by any bound part, and
// interactions, links and social edges as ids in both directions.
#ifndef UNDULA_KGSTORE_TRIPLE_SCAN_H_
#define UNDULA_KGSTORE_TRIPLE_SCAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

// An end of a triple: an entity or a literal, in one number. All entities come before all literals.
using Node = uint64_t;
inline constexpr int kNodeKindShift = 40;
constexpr Node EntityNode(EntityId id) { return uint64_t{1} << kNodeKindShift | Index(id); }
constexpr Node LiteralNode(LiteralId id) { return uint64_t{2} << kNodeKindShift | Index(id); }
constexpr bool IsLiteral(Node node) { return node >> kNodeKindShift == 2; }
constexpr uint32_t NodeId(Node node) { return static_cast<uint32_t>(node); }

struct Edge {
  RelationId relation;
  Node end;
};
struct ScannedTriple {
  Node head;
  RelationId relation;
  Node tail;
};

// Which triples count. A database without named graphs has one graph, the default graph.
struct GraphChoice {
  bool any = true;  // the others do not matter
  bool default_graph = false;
  std::vector<EntityId> named;  // ascending
};

// Relations to be read together; made by TripleScan::SetOf.
struct RelationSet {
  std::vector<uint32_t> ids;  // ascending
  std::vector<bool> has;      // by relation
  // Whether some of them have entities, literals as tails.
  bool triples = false, attributes = false;
};

// Reads of one view; one thread at a time. Runs are ascending and distinct and replace *out.
// Errors: DataLoss for a damaged file; ids that the view does not have give empty runs.
class TripleScan {
 public:
  // The view must outlive it.
  explicit TripleScan(const ReadView& view) : view_(view) {}

  // Asked now and then during long reads, with about the bytes that the read holds by then; an
  // error ends the read.
  using PauseFn = std::function<absl::Status(uint64_t bytes)>;
  void set_pause(PauseFn pause) { pause_ = std::move(pause); }

  // Tails t of (head, relation, t).
  absl::Status Tails(EntityId head, RelationId relation, const GraphChoice& graph,
                     std::vector<Node>* out) const;
  // Heads h of (h, relation, tail), as nodes.
  absl::Status Heads(RelationId relation, Node tail, const GraphChoice& graph,
                     std::vector<Node>* out) const;
  // All (relation, tail) of a head, entities before literals; all (relation, head) of a tail. With
  // `only`, those of its relations: one look-up for all of them.
  absl::Status Out(EntityId head, const GraphChoice& graph, std::vector<Edge>* out,
                   const RelationSet* only = nullptr) const;
  absl::Status In(Node tail, const GraphChoice& graph, std::vector<Edge>* out,
                  const RelationSet* only = nullptr) const;
  absl::StatusOr<RelationSet> SetOf(std::vector<RelationId> relations) const;
  // Every triple, or every one of a relation (not kNone), in no promised order. Literals of one
  // relation cost a pass over all attributes.
  absl::Status All(RelationId relation, const GraphChoice& graph,
                   std::vector<ScannedTriple>* out) const;

  struct Counts {
    uint64_t triples = 0, attributes = 0;
  };
  // Of the relation, without a scan.
  absl::StatusOr<Counts> CountOf(RelationId relation) const;
  // How many distinct heads and tails its triples between entities have; reads all of them.
  struct Ends {
    uint64_t heads = 0, tails = 0, triples = 0;
  };
  absl::StatusOr<Ends> EndsOf(RelationId relation) const;
  // Literals with triples of the relation that are numbers from `from` to `to`, both included,
  // ascending by id; nothing where more than `limit` triples have them as tails.
  absl::StatusOr<std::optional<std::vector<Node>>> NumbersWithin(RelationId relation, double from,
                                                                 double to, uint64_t limit) const;
  // All ends of triples, ascending: entities before literals.
  absl::StatusOr<std::vector<Node>> Nodes(const GraphChoice& graph) const;

  // Names of the named graphs that hold a triple, ascending.
  absl::StatusOr<std::vector<EntityId>> GraphNames() const;

  // Users of an item's interactions, items of a user's; ascending, distinct.
  absl::StatusOr<std::vector<UserId>> UsersOf(ItemId item) const;
  absl::StatusOr<std::vector<ItemId>> ItemsOf(UserId user) const;
  // All (item, entity) of the links and (user, other) of the social edges, ascending.
  absl::StatusOr<std::vector<std::pair<ItemId, EntityId>>> AllLinks() const;
  absl::StatusOr<std::vector<std::pair<UserId, UserId>>> AllSocial() const;
  absl::StatusOr<std::vector<std::pair<UserId, ItemId>>> AllInteractions() const;

 private:
  // Adds the edges of a node in one table: to its tails or from its heads. `entities`: those
  // between entities, or those with a literal.
  absl::Status EdgesOf(uint32_t node, bool entities, bool tails, const RelationSet* only,
                       std::vector<Edge>* out) const;
  absl::StatusOr<bool> InGraph(uint32_t head, RelationId relation, Node tail,
                               const GraphChoice& graph) const;
  template <class T, class F>
  absl::Status KeepIf(std::vector<T>* values, F&& keep) const;
  absl::Status Pause(uint64_t bytes) const { return pause_ ? pause_(bytes) : absl::OkStatus(); }
  bool Checks(const GraphChoice& graph) const;

  const ReadView& view_;
  PauseFn pause_;
  mutable std::vector<Counts> counts_;  // by relation, read when first asked for
  mutable bool has_counts_ = false;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TRIPLE_SCAN_H_
