// What patterns are matched against: the stored triples, and users, items, interactions, links and
// trust as relations of the vocabulary u: (docs/queries.md). Also the terms of values.
#ifndef UNDULA_QUERIES_PATTERN_SOURCE_H_
#define UNDULA_QUERIES_PATTERN_SOURCE_H_

#include <cstdint>
#include <map>
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

// One view of a database and the terms of one run. One thread at a time. Runs are ascending and
// distinct and replace *out.
class Source final : public TermMap {
 public:
  // The view must outlive it.
  explicit Source(const kgstore::ReadView& view) : view_(view), scan_(view) {}

  absl::StatusOr<Term> Get(Value value) override;
  // Language tags count in any case, where the database has the text with one tag only.
  absl::StatusOr<Value> Intern(const Term& term) override;

  const kgstore::ReadView& view() const { return view_; }
  absl::StatusOr<RelationRef> Relation(Value value);

  absl::Status Tails(const RelationRef& relation, Value head, const kgstore::GraphChoice& graph,
                     std::vector<Value>* out);
  absl::Status Heads(const RelationRef& relation, Value tail, const kgstore::GraphChoice& graph,
                     std::vector<Value>* out);
  // Stored relations only, as for a variable relation.
  absl::Status Out(Value head, const kgstore::GraphChoice& graph, std::vector<ValueEdge>* out);
  absl::Status In(Value tail, const kgstore::GraphChoice& graph, std::vector<ValueEdge>* out);
  // All (head, tail) of a relation, in no promised order. Unimplemented for u:label.
  absl::Status Pairs(const RelationRef& relation, const kgstore::GraphChoice& graph,
                     std::vector<std::pair<Value, Value>>* out);
  absl::Status Triples(const kgstore::GraphChoice& graph, std::vector<ValueTriple>* out);

  // How many pairs a relation has.
  absl::StatusOr<uint64_t> CountOf(const RelationRef& relation);
  // How many tails a head has on average, and how many heads a tail. The first question about a
  // stored relation with more than 1,000 triples reads it.
  struct Fanout {
    double tails = 1, heads = 1;
  };
  absl::StatusOr<Fanout> FanoutOf(const RelationRef& relation);

  absl::StatusOr<const std::vector<Value>*> GraphNames();
  // u:weight, u:time, u:confidence, u:popularity.
  absl::StatusOr<std::optional<double>> Catalog(Function function, Value first, Value second);

  uint64_t bytes() const { return bytes_; }  // of computed terms

 private:
  using Pair = std::pair<Value, Value>;
  // A relation of the catalogue that is stored in one direction, in both.
  struct BothWays {
    bool loaded = false;
    std::vector<Pair> forward, backward;
  };
  absl::StatusOr<Value> RelationValue(RelationId id);
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
  std::unordered_map<uint32_t, Value> relation_values_;
  std::map<std::pair<RelationRef::Kind, RelationId>, Fanout> fanouts_;
  std::optional<std::vector<Value>> graph_names_;
  BothWays links_, trust_;
  uint64_t bytes_ = 0;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_SOURCE_H_
