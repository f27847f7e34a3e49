// The syntax tree of a query: SPARQL 1.1 Query Language (W3C Recommendation, 21 March 2013),
// chapter
// 19. Names are as the field of knowledge graphs has them: head, relation, tail. IRIs are absolute
// where a base is known, prefixes are resolved, escapes decoded. Plain data.
#ifndef UNDULA_QUERIES_PATTERN_SYNTAX_H_
#define UNDULA_QUERIES_PATTERN_SYNTAX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace undula::queries::pattern {

// 1-based; columns count bytes.
struct Position {
  uint32_t line = 0, column = 0;
};

enum class TermKind : uint8_t { kIri, kBlank, kLiteral, kUser, kItem };

// An RDF term, or a user or item by its own id.
struct Term {
  TermKind kind = TermKind::kIri;
  std::string text;      // IRI, label of a blank node without "_:", lexical form, id
  std::string datatype;  // of literals; empty for xsd:string and for language-tagged ones
  std::string language;  // of literals
  friend bool operator==(const Term&, const Term&) = default;
};

// A place of a triple pattern: a variable (name without mark), a blank node (which is a variable
// that cannot be named elsewhere), or a term.
struct Node {
  enum class Kind : uint8_t { kTerm, kVariable, kBlank };
  Kind kind = Kind::kTerm;
  std::string name;  // of a variable or blank node
  Term term;
  Position at;
};

struct Path {
  enum class Kind : uint8_t {
    kRelation,     // node
    kInverse,      // parts[0]
    kSequence,     // parts
    kAlternative,  // parts
    kZeroOrMore,
    kOneOrMore,
    kZeroOrOne,  // parts[0]
    kNegated,    // parts: kRelation or kInverse of one
  };
  Kind kind = Kind::kRelation;
  Node node;  // of kRelation: an IRI, or a variable where the path is nothing else
  std::vector<Path> parts;
  Position at;
};

struct TriplePattern {
  Node head;
  Path path;
  Node tail;
};

struct GroupPattern;

enum class Function : uint8_t;  // queries/pattern/functions.h

enum class Operator : uint8_t {
  kVariable,
  kConstant,
  kOr,
  kAnd,
  kNot,
  kEqual,
  kUnequal,
  kLess,
  kGreater,
  kLessEqual,
  kGreaterEqual,
  kIn,
  kNotIn,  // args[0] in the others
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kPlus,
  kMinus,
  kBound,  // args[0] is a variable
  kIf,
  kCoalesce,
  kExists,
  kNotExists,
  kCall,       // function
  kCast,       // leaf: IRI of an XML Schema datatype or of an unknown function
  kAggregate,  // aggregate
};

enum class AggregateKind : uint8_t { kCount, kSum, kMin, kMax, kAvg, kSample, kGroupConcat };

struct Expression {
  Operator op = Operator::kConstant;
  Node leaf;
  Function function{};
  AggregateKind aggregate = AggregateKind::kCount;
  bool distinct = false;  // of aggregates
  bool star = false;      // COUNT(*)
  std::string separator = " ";
  std::vector<Expression> args;
  std::shared_ptr<const GroupPattern> pattern;  // of EXISTS
  Position at;
};

struct Query;

struct ValuesBlock {
  std::vector<std::string> variables;
  std::vector<std::vector<std::optional<Term>>> rows;  // nothing = UNDEF
};

struct Element {
  enum class Kind : uint8_t {
    kTriples,
    kFilter,
    kBind,
    kOptional,
    kUnion,  // groups, two or more
    kGroup,  // groups[0]
    kMinus,
    kGraph,    // graph, groups[0]
    kService,  // groups[0]
    kValues,
    kSubSelect,
  };
  Kind kind = Kind::kTriples;
  std::vector<TriplePattern> triples;
  Expression expression;
  std::string variable;  // of BIND
  std::vector<GroupPattern> groups;
  Node graph;
  ValuesBlock values;
  std::shared_ptr<const Query> select;
  Position at;
};

struct GroupPattern {
  std::vector<Element> elements;
};

struct Projection {
  std::string variable;
  std::optional<Expression> expression;
  Position at;
};

struct GroupKey {
  Expression expression;
  std::string variable;  // of (expression AS ?variable), or of a key that is a variable
};

struct OrderKey {
  Expression expression;
  bool descending = false;
};

enum class QueryForm : uint8_t { kSelect, kAsk, kConstruct, kDescribe };

struct Query {
  QueryForm form = QueryForm::kSelect;
  bool distinct = false, reduced = false;
  bool star = false;
  std::vector<Projection> projection;  // where not star
  std::vector<std::string> from, from_named;
  GroupPattern where;
  std::vector<GroupKey> group_by;
  bool grouped = false;  // GROUP BY, or an aggregate in projection, HAVING or ORDER BY
  std::vector<Expression> having;
  std::vector<OrderKey> order_by;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
  std::optional<ValuesBlock> values;
  std::string base;  // that IRI() resolves against
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_SYNTAX_H_
