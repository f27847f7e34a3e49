// The algebra of a query (SPARQL 1.1, section 18): a tree over numbered variables (slots). All
// scopes share one row of slots; a variable that a sub-SELECT does not project has one of its own.
// Parameters are slots, too, that have a value from the start.
#ifndef UNDULA_QUERIES_PATTERN_ALGEBRA_H_
#define UNDULA_QUERIES_PATTERN_ALGEBRA_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "queries/pattern/operand.h"
#include "queries/pattern/slot_set.h"
#include "queries/pattern/syntax.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

// A slot or a value.
struct Place {
  int slot = -1;
  Value value = kUnbound;
  Position at;
  bool is_slot() const { return slot >= 0; }
};

struct Algebra;

struct Expr {
  Operator op = Operator::kConstant;
  Function function{};
  int slot = -1;     // of kVariable and kBound
  Operand constant;  // of kConstant; of kCast: the IRI
  std::vector<Expr> args;
  std::shared_ptr<Algebra> pattern;  // of EXISTS
  SlotSet slots;                     // all that it may read
};

struct TriplePlaces {
  Place head, relation, tail;
};

// A path without variables, for repetition: relations as values.
struct PathTree {
  Path::Kind kind = Path::Kind::kRelation;
  Value relation = kUnbound;
  std::string name;  // of the relation
  std::vector<PathTree> parts;
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCount;
  bool distinct = false, star = false;
  std::string separator;
  Expr arg;
  int slot = -1;  // gets the result
};

struct SortKey {
  Expr expr;
  bool descending = false;
};

struct Algebra {
  enum class Kind : uint8_t {
    kUnit,      // one row without values
    kBgp,       // triples, of the graph
    kPath,      // head path tail, of the graph; path: closures and negated sets
    kValues,    // rows over slots
    kJoin,      // children
    kLeftJoin,  // children[0], children[1], exprs: the condition
    kUnion,     // children
    kMinus,     // children[0] without children[1]
    kFilter,    // exprs: all must hold
    kExtend,    // slots[i] = exprs[i], in order
    kGraph,     // children[0] with the graph `graph`; inner_graph: the slot that its leaves name
    kGroup,     // keys = slots, aggregates
    kProject,   // slots of a scope; others of the scope end here
    kDistinct,  // on slots
    kOrderBy,
    kSlice,
  };
  Kind kind = Kind::kUnit;
  int number = 0;  // among the nodes of the query
  std::vector<Algebra> children;
  std::vector<TriplePlaces> triples;
  Place head, tail;
  PathTree path;
  Place graph;           // slot -1, value kUnbound: the default graph
  int inner_graph = -1;  // of kGraph with a variable
  std::vector<int> slots;
  std::vector<std::vector<Value>> rows;
  std::vector<Expr> exprs;
  std::vector<AggregateCall> aggregates;
  std::vector<SortKey> sort;
  uint64_t offset = 0, limit = UINT64_MAX;

  // Slots that solutions may bind; that every solution binds.
  SlotSet visible, certain;
  // Slots whose value from outside must not be seen within: binding them before would not be the
  // same as joining afterwards.
  SlotSet blocked;
};

struct Translated {
  QueryForm form = QueryForm::kSelect;
  Algebra root;
  int nodes = 0;             // with those of EXISTS
  bool rows_as_set = false;  // duplicate rows do not matter to the caller
  int slots = 0;
  std::vector<std::string> columns;  // names of the projection
  std::vector<int> column_slots;
  std::vector<std::string> slot_names;  // for messages and plans; "" for inner ones
  std::vector<std::string> params;      // names; slot i is that of params[i]
  std::vector<std::string> from, from_named;
  bool has_dataset = false;
  std::string base;
};

// `params`: names of the variables that get their value when the query is run. InvalidArgument and
// Unimplemented with the place in the text, for what cannot be run (SERVICE, CONSTRUCT, DESCRIBE).
absl::StatusOr<Translated> Translate(const Query& query, const std::vector<std::string>& params,
                                     TermMap* terms);

// All slots that stand anywhere within.
void CollectSlots(const Algebra& node, SlotSet* slots);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_ALGEBRA_H_
