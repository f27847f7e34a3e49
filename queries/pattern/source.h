// What patterns are matched against: the stored triples, and users, items, interactions, links and
// trust as relations of the vocabulary u: (docs/queries.md). Also the terms of values.
#ifndef UNDULA_QUERIES_PATTERN_SOURCE_H_
#define UNDULA_QUERIES_PATTERN_SOURCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/read_view.h"
#include "kgstore/triple_scan.h"
#include "queries/pattern/functions.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

// Entities and literals are the nodes of kgstore/triple_scan.h.
static_assert(kKindShift == kgstore::kNodeKindShift);
static_assert(MakeValue(ValueKind::kEntity, 7) == kgstore::EntityNode(EntityId{7}));
static_assert(MakeValue(ValueKind::kLiteral, 7) == kgstore::LiteralNode(LiteralId{7}));

struct RelationRef {
  enum class Kind : uint8_t { kNone, kGraph, kInteracted, kLink, kTrusts, kLabel };
  Kind kind = Kind::kNone;
  RelationId id = kNone<RelationId>;
};

// (relation, other end).
struct ValueEdge {
  Value relation, end;
};
struct ValueTriple {
  Value head, relation, tail;
};

// What runs over one state of a database have in common: averages of relations, links and social
// edges in both directions. Made when first asked for, forgotten with the next commit. Thread-safe.
class SharedReads {
 public:
  // How many tails a head has on average, and how many heads a tail.
  struct Fanout {
    double tails = 1, heads = 1;
  };
  using Pair = std::pair<Value, Value>;
  // A relation of the catalogue that is stored in one direction, in both; ascending.
  struct BothWays {
    std::vector<Pair> forward, backward;
  };

  // The answer for the view's state; `make` works it out where it is not there.
  absl::StatusOr<Fanout> FanoutOf(const kgstore::ReadView& view, RelationId relation,
                                  const std::function<absl::StatusOr<Fanout>()>& make);
  absl::StatusOr<std::shared_ptr<const BothWays>> Links(
      const kgstore::ReadView& view, const std::function<absl::StatusOr<BothWays>()>& make);
  absl::StatusOr<std::shared_ptr<const BothWays>> Trust(
      const kgstore::ReadView& view, const std::function<absl::StatusOr<BothWays>()>& make);

 private:
  using Kept = std::shared_ptr<const BothWays>;
  bool Current(const kgstore::ReadView& view);  // with mutex_ held; forgets an older state
  absl::StatusOr<Kept> Get(const kgstore::ReadView& view, Kept SharedReads::*member,
                           const std::function<absl::StatusOr<BothWays>()>& make);

  std::mutex mutex_;
  uint64_t transaction_ = 0;
  std::map<RelationId, Fanout> fanouts_;
  Kept links_, trust_;
};

// One view of a database and the terms of one run. One thread at a time. Runs are ascending and
// distinct and replace *out.
class Source final : public TermMap {
 public:
  // The view must outlive it. `shared`: of the database; null for none.
  explicit Source(const kgstore::ReadView& view, std::shared_ptr<SharedReads> shared = nullptr)
      : view_(view),
        scan_(view),
        shared_(shared != nullptr ? std::move(shared) : std::make_shared<SharedReads>()) {}

  absl::StatusOr<Term> Get(Value value) override;
  // Language tags count in any case, where the database has the text with one tag only.
  absl::StatusOr<Value> Intern(const Term& term) override;

  const kgstore::ReadView& view() const { return view_; }
  absl::StatusOr<RelationRef> Relation(Value value);

  absl::Status Tails(const RelationRef& relation, Value head, const kgstore::GraphChoice& graph,
                     std::vector<Value>* out);
  absl::Status Heads(const RelationRef& relation, Value tail, const kgstore::GraphChoice& graph,
                     std::vector<Value>* out);
  // Stored relations only, as for a variable relation; in no promised order.
  absl::Status Out(Value head, const kgstore::GraphChoice& graph, std::vector<ValueEdge>* out);
  absl::Status In(Value tail, const kgstore::GraphChoice& graph, std::vector<ValueEdge>* out);
  // (relation, other end) of all stored triples with this head, or tail, in no promised order; with
  // `only`, those of its relations.
  absl::Status Edges(Value end, bool tails, const kgstore::GraphChoice& graph,
                     std::vector<kgstore::Edge>* out, const kgstore::RelationSet* only = nullptr);
  absl::StatusOr<kgstore::RelationSet> SetOf(std::vector<RelationId> relations) const {
    return scan_.SetOf(std::move(relations));
  }
  // The term of a relation as a value.
  absl::StatusOr<Value> RelationValue(RelationId id) {
    if (Index(id) < relation_values_.size() && relation_values_[Index(id)] != kUnbound) {
      return relation_values_[Index(id)];
    }
    return FindRelationValue(id);
  }
  // All (head, tail) of a relation, in no promised order. Unimplemented for u:label.
  absl::Status Pairs(const RelationRef& relation, const kgstore::GraphChoice& graph,
                     std::vector<std::pair<Value, Value>>* out);
  // All ends of stored triples, ascending.
  absl::StatusOr<std::vector<Value>> Nodes(const kgstore::GraphChoice& graph) {
    return scan_.Nodes(graph);
  }
  // kgstore::TripleScan::NumbersWithin; nothing for relations of the catalogue.
  absl::StatusOr<std::optional<std::vector<Value>>> NumbersWithin(const RelationRef& relation,
                                                                  double from, double to,
                                                                  uint64_t limit) {
    if (relation.kind != RelationRef::Kind::kGraph) return std::optional<std::vector<Value>>();
    return scan_.NumbersWithin(relation.id, from, to, limit);
  }
  // Asked now and then during long reads (kgstore/triple_scan.h).
  void set_pause(kgstore::TripleScan::PauseFn pause) { scan_.set_pause(std::move(pause)); }

  // How many pairs a relation has.
  absl::StatusOr<uint64_t> CountOf(const RelationRef& relation);
  // The first question about a stored relation with more than 1,000 triples reads it.
  using Fanout = SharedReads::Fanout;
  absl::StatusOr<Fanout> FanoutOf(const RelationRef& relation);

  absl::StatusOr<const std::vector<Value>*> GraphNames();
  // u:weight, u:time, u:confidence, u:popularity.
  absl::StatusOr<std::optional<double>> Catalog(Function function, Value first, Value second);

  uint64_t bytes() const { return bytes_; }  // of computed terms

 private:
  using Pair = SharedReads::Pair;
  using BothWays = SharedReads::BothWays;
  absl::Status NamedEdges(Value end, bool tails, const kgstore::GraphChoice& graph,
                          std::vector<ValueEdge>* out);
  absl::StatusOr<Value> FindRelationValue(RelationId id);
  absl::StatusOr<Value> Find(const Term& term);
  absl::StatusOr<const BothWays*> Links();
  absl::StatusOr<const BothWays*> Trust();
  static void Follow(const std::vector<Pair>& pairs, Value from, std::vector<Value>* out);

  const kgstore::ReadView& view_;
  kgstore::TripleScan scan_;
  std::vector<Term> computed_;
  using TermKey = std::pair<TermKind, std::string>;  // datatype and language behind the text
  std::map<TermKey, Value> known_;
  std::unordered_map<Value, RelationRef> relations_;
  std::vector<Value> relation_values_;  // by relation; kUnbound: not known yet
  std::vector<kgstore::Edge> edges_;
  Value items_user_ = kUnbound;  // whose items `items_` are
  std::vector<Value> items_;
  std::map<std::pair<RelationRef::Kind, RelationId>, Fanout> fanouts_;
  std::optional<std::vector<Value>> graph_names_;
  std::shared_ptr<SharedReads> shared_;
  std::shared_ptr<const BothWays> links_, trust_;
  uint64_t bytes_ = 0;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_SOURCE_H_
