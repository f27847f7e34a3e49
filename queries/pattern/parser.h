// Text -> syntax tree, by recursive descent over the grammar of SPARQL 1.1 (section 19.8), with the
// checks that are no grammar: scope of variables, blank node labels, grouping (sections 18.2.1,
// 18.2.4.1, 19.6 and the notes of 19.8).
#ifndef UNDULA_QUERIES_PATTERN_PARSER_H_
#define UNDULA_QUERIES_PATTERN_PARSER_H_

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "queries/pattern/lexer.h"
#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

inline constexpr size_t kMaxQueryBytes = size_t{64} << 10;
inline constexpr int kMaxNesting = 128;   // of groups, brackets, paths, expressions
inline constexpr int kMaxElements = 512;  // of all groups together
inline constexpr int kMaxTriplePatterns = 1024;

struct ParseOptions {
  std::string base_iri;  // relative IRIs stay as they stand without one
};

// InvalidArgument: "line:column: message". Unimplemented, naming the form: update requests.
// CONSTRUCT, DESCRIBE and SERVICE are parsed.
absl::StatusOr<Query> ParseQuery(std::string_view text, const ParseOptions& options = {});

// A term by itself, as in a query: <iri>, "text"@en, 42, u:user("7"). Prefixes: only u: and xsd:.
absl::StatusOr<Term> ParseTerm(std::string_view text);

// Variables of a group that are visible behind it (section 18.2.1).
void CollectVisible(const GroupPattern& group, std::set<std::string>* names);

// Whether an aggregate stands in it.
bool HasAggregate(const Expression& expression);

namespace internal {

// The parser's state; the methods stand in parser.cc, parse_pattern.cc and parse_expression.cc.
class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options);

  absl::StatusOr<Query> Run();
  absl::StatusOr<Term> RunTerm();

 private:
  // Counts nesting while it lives.
  class Deeper {
   public:
    explicit Deeper(Parser* parser) : parser_(parser) { ++parser_->depth_; }
    ~Deeper() { --parser_->depth_; }
    absl::Status Check() const;

   private:
    Parser* parser_;
  };

  // Tokens.
  absl::Status Step() { return lexer_.Next(&token_); }
  bool IsSymbol(std::string_view symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }
  bool IsWord(std::string_view upper) const;
  absl::Status Unexpected(std::string_view wanted) const;
  absl::Status Expect(std::string_view symbol);
  absl::Status ExpectWord(std::string_view upper);
  // Whether it was there; then it is taken.
  absl::StatusOr<bool> Take(std::string_view symbol);
  absl::StatusOr<bool> TakeWord(std::string_view upper);

  // Query forms (parser.cc).
  absl::Status Prologue();
  absl::Status SelectQuery(bool is_sub, Query* query);
  absl::Status SelectClause(Query* query);
  absl::Status Construct(Query* query);
  absl::Status Describe(Query* query);
  absl::Status Dataset(Query* query);
  absl::Status Where(Query* query);
  absl::Status Modifiers(Query* query);
  absl::Status GroupBy(Query* query);
  absl::Status OrderBy(Query* query);
  absl::Status CheckProjection(Query* query);
  absl::StatusOr<uint64_t> Count();
  absl::StatusOr<std::string> Variable();

  // Patterns (parse_pattern.cc).
  absl::Status Group(GroupPattern* group);
  absl::Status GroupElements(GroupPattern* group);
  absl::Status Element(GroupPattern* group);
  absl::Status Bind(GroupPattern* group);
  absl::Status GroupOrUnion(GroupPattern* group);
  absl::Status AddElement(GroupPattern* group, pattern::Element element);
  absl::StatusOr<ValuesBlock> Values();
  absl::StatusOr<std::optional<Term>> DataValue();  // nothing: UNDEF
  absl::Status TermOrUndef(Term* term, bool* undef);
  absl::Status Triples(std::vector<TriplePattern>* out, bool paths);
  absl::Status PropertyList(const Node& head, std::vector<TriplePattern>* out, bool paths,
                            bool required);
  absl::Status Objects(const Node& head, Path&& path, std::vector<TriplePattern>* out, bool paths);
  // These fill what they are given, which is large and as it was made.
  absl::Status GraphNode(std::vector<TriplePattern>* out, bool paths, Node* node, bool* is_list);
  absl::Status VariableOrTerm(Node* node);
  absl::Status Verb(bool paths, Path* path);
  absl::Status PathAlternative(Path* path);
  absl::Status PathSequence(Path* path);
  absl::Status PathElement(Path* path);
  absl::Status PathNegated(Path* path);
  absl::Status AddTriple(const Node& head, Path&& path, Node&& tail,
                         std::vector<TriplePattern>* out);
  Node FreshBlank(Position at);

  // Terms (parse_pattern.cc).
  bool AtIri() const {
    return token_.kind == TokenKind::kIri || token_.kind == TokenKind::kPrefixed;
  }
  absl::StatusOr<std::string> Iri();
  absl::StatusOr<std::string> ResolvedIri(const Token& token) const;
  bool AtLiteral() const;
  absl::StatusOr<Term> Literal();
  absl::StatusOr<Term> NumberTerm(std::string_view sign);
  // u:user("42") and u:item("..."), the IRI being taken already.
  absl::StatusOr<Term> CatalogTerm(TermKind kind);

  // Expressions (parse_expression.cc).
  absl::StatusOr<Expression> Or();
  absl::StatusOr<Expression> And();
  absl::StatusOr<Expression> Relational();
  absl::StatusOr<Expression> Additive();
  absl::StatusOr<Expression> Multiplicative(std::optional<Expression> first);
  absl::StatusOr<Expression> Unary();
  absl::StatusOr<Expression> Primary();
  absl::StatusOr<Expression> Bracketed();
  absl::StatusOr<Expression> BuiltIn();
  absl::StatusOr<Expression> Aggregate(AggregateKind kind);
  absl::StatusOr<Expression> ExistsCall(bool negated);
  absl::StatusOr<Expression> IriCall();
  absl::Status Arguments(Expression* call, bool allow_distinct);
  absl::StatusOr<Expression> Constraint();

  Lexer lexer_;
  Token token_;
  std::string base_;
  std::map<std::string, std::string, std::less<>> prefixes_;
  int depth_ = 0;
  int elements_ = 0, triples_ = 0;
  int blanks_ = 0;
  int bgp_ = 0;  // number of the present basic graph pattern
  int next_bgp_ = 0;
  std::map<std::string, int> label_bgp_;  // where each blank node label stands
  bool aggregates_allowed_ = false;
  bool in_aggregate_ = false;
  bool saw_aggregate_ = false;
};

}  // namespace internal
}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_PARSER_H_
