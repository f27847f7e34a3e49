#include "queries/pattern/parser.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "base/options.h"
#include "base/status.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

bool EqualWord(std::string_view upper, std::string_view any) {
  return std::equal(upper.begin(), upper.end(), any.begin(), any.end(), [](char u, char c) {
    return u == (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  });
}

void CollectNode(const Node& node, std::set<std::string>* names) {
  if (node.kind == Node::Kind::kVariable) names->insert(node.name);
}

// The variables of an expression that stand outside aggregates.
void CollectUngrouped(const Expression& expression, std::vector<const Expression*>* out) {
  if (expression.op == Operator::kVariable) out->push_back(&expression);
  if (expression.op == Operator::kAggregate || expression.op == Operator::kExists ||
      expression.op == Operator::kNotExists) {
    return;
  }
  for (const Expression& arg : expression.args) CollectUngrouped(arg, out);
}

}  // namespace

bool HasAggregate(const Expression& expression) {
  return expression.op == Operator::kAggregate ||
         std::any_of(expression.args.begin(), expression.args.end(), HasAggregate);
}

void CollectVisible(const GroupPattern& group, std::set<std::string>* names) {
  for (const Element& element : group.elements) {
    switch (element.kind) {
      case Element::Kind::kTriples:
        for (const TriplePattern& triple : element.triples) {
          CollectNode(triple.head, names);
          CollectNode(triple.path.node, names);
          CollectNode(triple.tail, names);
        }
        break;
      case Element::Kind::kBind:
        names->insert(element.variable);
        break;
      case Element::Kind::kGraph:
      case Element::Kind::kService:
        CollectNode(element.graph, names);
        [[fallthrough]];
      case Element::Kind::kOptional:
      case Element::Kind::kUnion:
      case Element::Kind::kGroup:
        for (const GroupPattern& inner : element.groups) CollectVisible(inner, names);
        break;
      case Element::Kind::kValues:
        names->insert(element.values.variables.begin(), element.values.variables.end());
        break;
      case Element::Kind::kSubSelect:
        if (element.select->star) {
          CollectVisible(element.select->where, names);
          if (element.select->values.has_value()) {
            names->insert(element.select->values->variables.begin(),
                          element.select->values->variables.end());
          }
        }
        for (const Projection& p : element.select->projection) names->insert(p.variable);
        break;
      case Element::Kind::kFilter:
      case Element::Kind::kMinus:
        break;
    }
  }
}

namespace internal {

absl::Status Parser::Deeper::Check() const {
  if (parser_->depth_ <= kMaxNesting) return absl::OkStatus();
  return SyntaxError(parser_->token_.at,
                     Concat("nested deeper than ", kMaxNesting, "; split the query"));
}

Parser::Parser(std::string_view text, const ParseOptions& options)
    : lexer_(text), base_(options.base_iri) {
  prefixes_.emplace("u", kVocabulary);
}

bool Parser::IsWord(std::string_view upper) const {
  return token_.kind == TokenKind::kWord && EqualWord(upper, token_.text);
}

absl::Status Parser::Unexpected(std::string_view wanted) const {
  const Token& t = token_;
  std::string found;
  switch (t.kind) {
    case TokenKind::kEnd:
      found = "the end of the query";
      break;
    case TokenKind::kIri:
      found = Concat("<", t.text, ">");
      break;
    case TokenKind::kPrefixed:
      found = Concat(t.text, ":", t.local);
      break;
    case TokenKind::kVariable:
      found = Concat("?", t.text);
      break;
    case TokenKind::kString:
      found = Concat("\"", t.text.substr(0, 40), "\"");
      break;
    case TokenKind::kLanguage:
      found = Concat("@", t.text);
      break;
    case TokenKind::kBlank:
      found = Concat("_:", t.text);
      break;
    default:
      found = Concat("'", t.text, "'");
  }
  return SyntaxError(t.at, Concat("unexpected ", found, "; here stands ", wanted));
}

absl::Status Parser::Expect(std::string_view symbol) {
  if (!IsSymbol(symbol)) return Unexpected(Concat("'", symbol, "'"));
  return Step();
}

absl::Status Parser::ExpectWord(std::string_view upper) {
  if (!IsWord(upper)) return Unexpected(upper);
  return Step();
}

absl::StatusOr<bool> Parser::Take(std::string_view symbol) {
  if (!IsSymbol(symbol)) return false;
  UNDULA_RETURN_IF_ERROR(Step());
  return true;
}

absl::StatusOr<bool> Parser::TakeWord(std::string_view upper) {
  if (!IsWord(upper)) return false;
  UNDULA_RETURN_IF_ERROR(Step());
  return true;
}

absl::StatusOr<std::string> Parser::Variable() {
  if (token_.kind != TokenKind::kVariable) return Unexpected("a variable");
  std::string name = std::move(token_.text);
  UNDULA_RETURN_IF_ERROR(Step());
  return name;
}

absl::StatusOr<uint64_t> Parser::Count() {
  if (token_.kind != TokenKind::kInteger) return Unexpected("a number of rows");
  uint64_t value = 0;
  for (const char c : token_.text) {
    if (value > (uint64_t{1} << 58)) return SyntaxError(token_.at, "this number is too large");
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  UNDULA_RETURN_IF_ERROR(Step());
  return value;
}

absl::Status Parser::Prologue() {
  while (true) {
    if (IsWord("BASE")) {
      UNDULA_RETURN_IF_ERROR(Step());
      if (token_.kind != TokenKind::kIri) return Unexpected("an IRI");
      UNDULA_ASSIGN_OR_RETURN(base_, ResolvedIri(token_));
      UNDULA_RETURN_IF_ERROR(Step());
    } else if (IsWord("PREFIX")) {
      UNDULA_RETURN_IF_ERROR(Step());
      if (token_.kind != TokenKind::kPrefixed || !token_.local.empty()) {
        return Unexpected("a prefix that ends with ':'");
      }
      const std::string prefix = token_.text;
      UNDULA_RETURN_IF_ERROR(Step());
      if (token_.kind != TokenKind::kIri) return Unexpected("an IRI");
      UNDULA_ASSIGN_OR_RETURN(prefixes_[prefix], ResolvedIri(token_));
      UNDULA_RETURN_IF_ERROR(Step());
    } else {
      return absl::OkStatus();
    }
  }
}

absl::StatusOr<Query> Parser::Run() {
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(Prologue());
  Query query;
  if (IsWord("SELECT")) {
    UNDULA_RETURN_IF_ERROR(SelectQuery(false, &query));
  } else if (IsWord("ASK")) {
    query.form = QueryForm::kAsk;
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(Dataset(&query));
    UNDULA_RETURN_IF_ERROR(Where(&query));
    UNDULA_RETURN_IF_ERROR(Modifiers(&query));
  } else if (IsWord("CONSTRUCT")) {
    UNDULA_RETURN_IF_ERROR(Construct(&query));
  } else if (IsWord("DESCRIBE")) {
    UNDULA_RETURN_IF_ERROR(Describe(&query));
  } else {
    for (const std::string_view form :
         {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}) {
      if (!IsWord(form)) continue;
      return UnimplementedError(token_.at.line, ":", token_.at.column, ": ", form,
                                " changes data; a query only reads: use `undula update`");
    }
    return Unexpected("SELECT or ASK");
  }
  if (token_.kind != TokenKind::kEnd) return Unexpected("the end of the query");
  query.base = base_;
  return query;
}

absl::Status Parser::SelectQuery(bool is_sub, Query* query) {
  const Deeper deeper(this);
  UNDULA_RETURN_IF_ERROR(deeper.Check());
  const bool saw_before = std::exchange(saw_aggregate_, false);
  UNDULA_RETURN_IF_ERROR(SelectClause(query));
  if (!is_sub) UNDULA_RETURN_IF_ERROR(Dataset(query));
  UNDULA_RETURN_IF_ERROR(Where(query));
  UNDULA_RETURN_IF_ERROR(Modifiers(query));
  UNDULA_RETURN_IF_ERROR(CheckProjection(query));
  saw_aggregate_ = saw_before;
  return absl::OkStatus();
}

absl::Status Parser::SelectClause(Query* query) {
  UNDULA_RETURN_IF_ERROR(ExpectWord("SELECT"));
  UNDULA_ASSIGN_OR_RETURN(query->distinct, TakeWord("DISTINCT"));
  if (!query->distinct) {
    UNDULA_ASSIGN_OR_RETURN(query->reduced, TakeWord("REDUCED"));
  }
  UNDULA_ASSIGN_OR_RETURN(query->star, Take("*"));
  if (query->star) return absl::OkStatus();
  while (token_.kind == TokenKind::kVariable || IsSymbol("(")) {
    Projection projection;
    projection.at = token_.at;
    if (token_.kind == TokenKind::kVariable) {
      UNDULA_ASSIGN_OR_RETURN(projection.variable, Variable());
    } else {
      UNDULA_RETURN_IF_ERROR(Step());
      const bool allowed = std::exchange(aggregates_allowed_, true);
      UNDULA_ASSIGN_OR_RETURN(projection.expression, Or());
      aggregates_allowed_ = allowed;
      UNDULA_RETURN_IF_ERROR(ExpectWord("AS"));
      projection.at = token_.at;
      UNDULA_ASSIGN_OR_RETURN(projection.variable, Variable());
      UNDULA_RETURN_IF_ERROR(Expect(")"));
    }
    query->projection.push_back(std::move(projection));
  }
  if (query->projection.empty())
    return Unexpected("a variable, '(expression AS ?variable)' or '*'");
  return absl::OkStatus();
}

absl::Status Parser::Construct(Query* query) {
  query->form = QueryForm::kConstruct;
  UNDULA_RETURN_IF_ERROR(Step());
  std::vector<TriplePattern> ignored;
  const auto braces = [&]() -> absl::Status {
    UNDULA_RETURN_IF_ERROR(Expect("{"));
    bgp_ = ++next_bgp_;
    while (!IsSymbol("}")) {
      UNDULA_RETURN_IF_ERROR(Triples(&ignored, false));
      if (!IsSymbol("}")) UNDULA_RETURN_IF_ERROR(Expect("."));
    }
    return Step();
  };
  if (IsSymbol("{")) {
    UNDULA_RETURN_IF_ERROR(braces());
    label_bgp_.clear();  // labels of the template are not those of the pattern
    UNDULA_RETURN_IF_ERROR(Dataset(query));
    UNDULA_RETURN_IF_ERROR(Where(query));
  } else {
    UNDULA_RETURN_IF_ERROR(Dataset(query));
    UNDULA_RETURN_IF_ERROR(ExpectWord("WHERE"));
    UNDULA_RETURN_IF_ERROR(braces());
  }
  return Modifiers(query);
}

absl::Status Parser::Describe(Query* query) {
  query->form = QueryForm::kDescribe;
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_ASSIGN_OR_RETURN(query->star, Take("*"));
  while (!query->star && (token_.kind == TokenKind::kVariable || AtIri())) {
    if (AtIri()) {
      UNDULA_ASSIGN_OR_RETURN(const std::string iri, Iri());
    } else {
      UNDULA_RETURN_IF_ERROR(Step());
    }
  }
  UNDULA_RETURN_IF_ERROR(Dataset(query));
  if (IsWord("WHERE") || IsSymbol("{")) UNDULA_RETURN_IF_ERROR(Where(query));
  return Modifiers(query);
}

absl::Status Parser::Dataset(Query* query) {
  while (IsWord("FROM")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(const bool named, TakeWord("NAMED"));
    if (!AtIri()) return Unexpected("the IRI of a graph");
    UNDULA_ASSIGN_OR_RETURN(std::string iri, Iri());
    (named ? query->from_named : query->from).push_back(std::move(iri));
  }
  return absl::OkStatus();
}

absl::Status Parser::Where(Query* query) {
  UNDULA_ASSIGN_OR_RETURN([[maybe_unused]] const bool word, TakeWord("WHERE"));
  return Group(&query->where);
}

absl::Status Parser::Modifiers(Query* query) {
  const bool allowed = std::exchange(aggregates_allowed_, true);
  if (IsWord("GROUP")) UNDULA_RETURN_IF_ERROR(GroupBy(query));
  if (IsWord("HAVING")) {
    UNDULA_RETURN_IF_ERROR(Step());
    do {
      UNDULA_ASSIGN_OR_RETURN(Expression condition, Constraint());
      query->having.push_back(std::move(condition));
    } while (IsSymbol("(") || token_.kind == TokenKind::kPrefixed ||
             token_.kind == TokenKind::kIri ||
             (token_.kind == TokenKind::kWord && !IsWord("ORDER") && !IsWord("LIMIT") &&
              !IsWord("OFFSET") && !IsWord("VALUES")));
  }
  if (IsWord("ORDER")) UNDULA_RETURN_IF_ERROR(OrderBy(query));
  aggregates_allowed_ = allowed;
  bool limit = false, offset = false;
  while (true) {
    if (!limit && IsWord("LIMIT")) {
      UNDULA_RETURN_IF_ERROR(Step());
      UNDULA_ASSIGN_OR_RETURN(query->limit, Count());
      limit = true;
    } else if (!offset && IsWord("OFFSET")) {
      UNDULA_RETURN_IF_ERROR(Step());
      UNDULA_ASSIGN_OR_RETURN(query->offset, Count());
      offset = true;
    } else {
      break;
    }
  }
  if (IsWord("VALUES")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(query->values, Values());
  }
  return absl::OkStatus();
}

absl::Status Parser::GroupBy(Query* query) {
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(ExpectWord("BY"));
  query->grouped = true;
  const bool allowed = std::exchange(aggregates_allowed_, false);
  do {
    GroupKey key;
    if (token_.kind == TokenKind::kVariable) {
      key.expression.op = Operator::kVariable;
      key.expression.at = token_.at;
      UNDULA_ASSIGN_OR_RETURN(key.variable, Variable());
      key.expression.leaf.kind = Node::Kind::kVariable;
      key.expression.leaf.name = key.variable;
    } else if (IsSymbol("(")) {
      UNDULA_RETURN_IF_ERROR(Step());
      UNDULA_ASSIGN_OR_RETURN(key.expression, Or());
      UNDULA_ASSIGN_OR_RETURN(const bool as, TakeWord("AS"));
      if (as) {
        UNDULA_ASSIGN_OR_RETURN(key.variable, Variable());
      }
      UNDULA_RETURN_IF_ERROR(Expect(")"));
    } else {
      UNDULA_ASSIGN_OR_RETURN(key.expression, Constraint());
    }
    query->group_by.push_back(std::move(key));
  } while (token_.kind == TokenKind::kVariable || IsSymbol("(") || AtIri() ||
           (token_.kind == TokenKind::kWord && !IsWord("HAVING") && !IsWord("ORDER") &&
            !IsWord("LIMIT") && !IsWord("OFFSET") && !IsWord("VALUES")));
  aggregates_allowed_ = allowed;
  return absl::OkStatus();
}

absl::Status Parser::OrderBy(Query* query) {
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(ExpectWord("BY"));
  do {
    OrderKey key;
    if (IsWord("ASC") || IsWord("DESC")) {
      key.descending = IsWord("DESC");
      UNDULA_RETURN_IF_ERROR(Step());
      UNDULA_ASSIGN_OR_RETURN(key.expression, Bracketed());
    } else if (token_.kind == TokenKind::kVariable) {
      UNDULA_ASSIGN_OR_RETURN(key.expression, Primary());
    } else {
      UNDULA_ASSIGN_OR_RETURN(key.expression, Constraint());
    }
    query->order_by.push_back(std::move(key));
  } while (token_.kind == TokenKind::kVariable || IsSymbol("(") || AtIri() ||
           (token_.kind == TokenKind::kWord && !IsWord("LIMIT") && !IsWord("OFFSET") &&
            !IsWord("VALUES")));
  return absl::OkStatus();
}

// What SELECT may name: section 18.2.4.1 and note 12 of the grammar.
absl::Status Parser::CheckProjection(Query* query) {
  query->grouped = query->grouped || saw_aggregate_;
  if (query->star) {
    if (!query->grouped) return absl::OkStatus();
    return SyntaxError(token_.at,
                       "SELECT * cannot stand with GROUP BY or an aggregate; name the "
                       "variables");
  }
  std::set<std::string> visible, named, keys;
  CollectVisible(query->where, &visible);
  for (const GroupKey& key : query->group_by) {
    if (key.expression.op != Operator::kVariable && !key.variable.empty() &&
        visible.contains(key.variable)) {
      return SyntaxError(key.expression.at, Concat("?", key.variable,
                                                   " stands in the pattern already; choose "
                                                   "another name behind AS"));
    }
    if (!key.variable.empty()) keys.insert(key.variable);
  }
  for (const Projection& p : query->projection) {
    if (p.expression.has_value() &&
        (visible.contains(p.variable) || named.contains(p.variable) || keys.contains(p.variable))) {
      return SyntaxError(p.at, Concat("?", p.variable,
                                      " has a value already; choose another name "
                                      "behind AS"));
    }
    if (query->grouped) {
      std::vector<const Expression*> free;
      if (p.expression.has_value()) {
        CollectUngrouped(*p.expression, &free);
      } else if (!keys.contains(p.variable)) {
        return SyntaxError(p.at, Concat("?", p.variable,
                                        " is neither in GROUP BY nor within an "
                                        "aggregate"));
      }
      for (const Expression* e : free) {
        if (keys.contains(e->leaf.name) || named.contains(e->leaf.name)) continue;
        return SyntaxError(e->at, Concat("?", e->leaf.name,
                                         " is neither in GROUP BY nor within "
                                         "an aggregate"));
      }
    }
    named.insert(p.variable);
  }
  return absl::OkStatus();
}

absl::StatusOr<Term> Parser::RunTerm() {
  prefixes_.emplace("xsd", kXsd);
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_ASSIGN_OR_RETURN(std::optional<Term> term, DataValue());
  if (!term.has_value()) return Unexpected("a term");
  if (token_.kind != TokenKind::kEnd) return Unexpected("the end of the term");
  return *std::move(term);
}

}  // namespace internal

absl::StatusOr<Query> ParseQuery(std::string_view text, const ParseOptions& options) {
  if (text.size() > kMaxQueryBytes) {
    return InvalidArgumentError("the query has ", text.size(), " bytes; at most ", kMaxQueryBytes,
                                " are allowed");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::string decoded, DecodeCodePoints(text));
  return internal::Parser(decoded, options).Run();
}

absl::StatusOr<Term> ParseTerm(std::string_view text) {
  UNDULA_ASSIGN_OR_RETURN(const std::string decoded, DecodeCodePoints(text));
  return internal::Parser(decoded, {}).RunTerm();
}

}  // namespace undula::queries::pattern
