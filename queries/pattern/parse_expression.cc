// Expressions: productions 107 to 128.
#include <optional>
#include <utility>

#include "base/options.h"
#include "base/status.h"
#include "queries/pattern/functions.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern::internal {
namespace {

Expression Make(Operator op, Position at) {
  Expression e;
  e.op = op;
  e.at = at;
  return e;
}

Expression Binary(Operator op, Position at, Expression left, Expression right) {
  Expression e = Make(op, at);
  e.args.reserve(2);
  e.args.push_back(std::move(left));
  e.args.push_back(std::move(right));
  return e;
}

struct AggregateName {
  std::string_view name;
  AggregateKind kind;
};
constexpr AggregateName kAggregates[] = {
    {"COUNT", AggregateKind::kCount},
    {"SUM", AggregateKind::kSum},
    {"MIN", AggregateKind::kMin},
    {"MAX", AggregateKind::kMax},
    {"AVG", AggregateKind::kAvg},
    {"SAMPLE", AggregateKind::kSample},
    {"GROUP_CONCAT", AggregateKind::kGroupConcat},
};

}  // namespace

absl::StatusOr<Expression> Parser::Or() {
  const Deeper deeper(this);
  UNDULA_RETURN_IF_ERROR(deeper.Check());
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(Expression first, And());
  if (!IsSymbol("||")) return first;
  Expression e = Make(Operator::kOr, at);
  e.args.push_back(std::move(first));
  while (IsSymbol("||")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(Expression next, And());
    e.args.push_back(std::move(next));
  }
  return e;
}

absl::StatusOr<Expression> Parser::And() {
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(Expression first, Relational());
  if (!IsSymbol("&&")) return first;
  Expression e = Make(Operator::kAnd, at);
  e.args.push_back(std::move(first));
  while (IsSymbol("&&")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(Expression next, Relational());
    e.args.push_back(std::move(next));
  }
  return e;
}

absl::StatusOr<Expression> Parser::Relational() {
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(Expression left, Additive());
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"=", Operator::kEqual},   {"!=", Operator::kUnequal},   {"<", Operator::kLess},
      {">", Operator::kGreater}, {"<=", Operator::kLessEqual}, {">=", Operator::kGreaterEqual}};
  for (const auto& [symbol, op] : kOperators) {
    if (!IsSymbol(symbol)) continue;
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(Expression right, Additive());
    return Binary(op, at, std::move(left), std::move(right));
  }
  const bool negated = IsWord("NOT");
  if (negated) UNDULA_RETURN_IF_ERROR(Step());
  if (!IsWord("IN"))
    return negated ? Unexpected("IN") : absl::StatusOr<Expression>(std::move(left));
  UNDULA_RETURN_IF_ERROR(Step());
  Expression e = Make(negated ? Operator::kNotIn : Operator::kIn, at);
  e.args.push_back(std::move(left));
  UNDULA_RETURN_IF_ERROR(Arguments(&e, false));
  return e;
}

absl::StatusOr<Expression> Parser::Additive() {
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(Expression left, Multiplicative(std::nullopt));
  const int depth = depth_;
  while (IsSymbol("+") || IsSymbol("-")) {
    const Operator op = IsSymbol("+") ? Operator::kAdd : Operator::kSubtract;
    ++depth_;  // the tree grows to the left
    if (depth_ > kMaxNesting) {
      return SyntaxError(token_.at, Concat("more than ", kMaxNesting, " terms; split the sum"));
    }
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(Expression right, Multiplicative(std::nullopt));
    left = Binary(op, at, std::move(left), std::move(right));
  }
  depth_ = depth;
  return left;
}

absl::StatusOr<Expression> Parser::Multiplicative(std::optional<Expression> first) {
  const Position at = token_.at;
  if (!first.has_value()) {
    UNDULA_ASSIGN_OR_RETURN(first, Unary());
  }
  Expression left = *std::move(first);
  const int depth = depth_;
  while (IsSymbol("*") || IsSymbol("/")) {
    const Operator op = IsSymbol("*") ? Operator::kMultiply : Operator::kDivide;
    ++depth_;
    if (depth_ > kMaxNesting) {
      return SyntaxError(token_.at, Concat("more than ", kMaxNesting, " factors; split them"));
    }
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(Expression right, Unary());
    left = Binary(op, at, std::move(left), std::move(right));
  }
  depth_ = depth;
  return left;
}

absl::StatusOr<Expression> Parser::Unary() {
  const Position at = token_.at;
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"!", Operator::kNot}, {"+", Operator::kPlus}, {"-", Operator::kMinus}};
  for (const auto& [symbol, op] : kOperators) {
    if (!IsSymbol(symbol)) continue;
    UNDULA_RETURN_IF_ERROR(Step());
    if (op != Operator::kNot &&
        (token_.kind == TokenKind::kInteger || token_.kind == TokenKind::kDecimal ||
         token_.kind == TokenKind::kDouble)) {
      Expression e = Make(Operator::kConstant, at);
      UNDULA_ASSIGN_OR_RETURN(e.leaf.term, NumberTerm(symbol));
      return e;
    }
    Expression e = Make(op, at);
    UNDULA_ASSIGN_OR_RETURN(Expression arg, Primary());
    e.args.push_back(std::move(arg));
    return e;
  }
  return Primary();
}

absl::StatusOr<Expression> Parser::Bracketed() {
  UNDULA_RETURN_IF_ERROR(Expect("("));
  UNDULA_ASSIGN_OR_RETURN(Expression e, Or());
  UNDULA_RETURN_IF_ERROR(Expect(")"));
  return e;
}

absl::StatusOr<Expression> Parser::Primary() {
  if (IsSymbol("(")) return Bracketed();
  Expression e = Make(Operator::kConstant, token_.at);
  if (token_.kind == TokenKind::kVariable) {
    e.op = Operator::kVariable;
    e.leaf.kind = Node::Kind::kVariable;
    e.leaf.at = token_.at;
    UNDULA_ASSIGN_OR_RETURN(e.leaf.name, Variable());
    return e;
  }
  if (AtLiteral()) {
    UNDULA_ASSIGN_OR_RETURN(e.leaf.term, Literal());
    return e;
  }
  if (AtIri()) return IriCall();
  if (token_.kind == TokenKind::kWord) return BuiltIn();
  return Unexpected("an expression");
}

// A function by IRI with its arguments, or the IRI by itself.
absl::StatusOr<Expression> Parser::IriCall() {
  Expression e = Make(Operator::kConstant, token_.at);
  UNDULA_ASSIGN_OR_RETURN(e.leaf.term.text, Iri());
  if (!IsSymbol("(")) return e;
  const std::string& iri = e.leaf.term.text;
  if (iri == kUserIri || iri == kItemIri) {
    UNDULA_ASSIGN_OR_RETURN(e.leaf.term,
                            CatalogTerm(iri == kUserIri ? TermKind::kUser : TermKind::kItem));
    return e;
  }
  const FunctionInfo* info = FindVocabularyFunction(iri);
  e.op = info != nullptr ? Operator::kCall : Operator::kCast;
  if (info != nullptr) e.function = info->function;
  UNDULA_RETURN_IF_ERROR(Arguments(&e, info == nullptr));
  if (info != nullptr && static_cast<int>(e.args.size()) != info->min_args) {
    return SyntaxError(e.at, Concat("<", iri, "> takes ", info->min_args, " arguments"));
  }
  return e;
}

// '(' expressions ')'.
absl::Status Parser::Arguments(Expression* call, bool allow_distinct) {
  UNDULA_RETURN_IF_ERROR(Expect("("));
  if (allow_distinct) {
    UNDULA_ASSIGN_OR_RETURN(call->distinct, TakeWord("DISTINCT"));
  }
  while (!IsSymbol(")")) {
    UNDULA_ASSIGN_OR_RETURN(Expression arg, Or());
    call->args.push_back(std::move(arg));
    if (IsSymbol(")")) break;
    UNDULA_RETURN_IF_ERROR(Expect(","));
    if (IsSymbol(")")) return Unexpected("an expression");
  }
  return Step();
}

absl::StatusOr<Expression> Parser::BuiltIn() {
  const Position at = token_.at;
  if (IsWord("EXISTS")) {
    UNDULA_RETURN_IF_ERROR(Step());
    return ExistsCall(false);
  }
  if (IsWord("NOT")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(ExpectWord("EXISTS"));
    return ExistsCall(true);
  }
  for (const AggregateName& a : kAggregates) {
    if (IsWord(a.name)) return Aggregate(a.kind);
  }
  Expression e = Make(Operator::kCall, at);
  const std::string name = token_.text;
  int min_args = 0, max_args = -1;
  if (IsWord("BOUND")) {
    e.op = Operator::kBound;
    min_args = max_args = 1;
  } else if (IsWord("IF")) {
    e.op = Operator::kIf;
    min_args = max_args = 3;
  } else if (IsWord("COALESCE")) {
    e.op = Operator::kCoalesce;
  } else if (const FunctionInfo* info = FindFunction(name); info != nullptr) {
    e.function = info->function;
    min_args = info->min_args;
    max_args = info->max_args;
  } else {
    std::vector<std::string_view> names = {"BOUND", "IF", "COALESCE", "EXISTS"};
    for (const FunctionInfo& known : Functions()) names.push_back(known.name);
    for (const AggregateName& known : kAggregates) names.push_back(known.name);
    const std::string nearest = NearestKey(name, names);
    return SyntaxError(at, Concat("unknown function or keyword '", name, "'",
                                  nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  }
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(Arguments(&e, false));
  const int count = static_cast<int>(e.args.size());
  if (count < min_args || (max_args >= 0 && count > max_args)) {
    return SyntaxError(at, Concat(name, " has ", count, " arguments; it takes ", min_args,
                                  max_args < 0           ? " or more"
                                  : max_args == min_args ? ""
                                                         : Concat(" to ", max_args)));
  }
  if (e.op == Operator::kBound && e.args[0].op != Operator::kVariable) {
    return SyntaxError(at, "BOUND takes a variable");
  }
  return e;
}

absl::StatusOr<Expression> Parser::Aggregate(AggregateKind kind) {
  Expression e = Make(Operator::kAggregate, token_.at);
  if (!aggregates_allowed_ || in_aggregate_) {
    return SyntaxError(token_.at, in_aggregate_
                                      ? "an aggregate cannot stand within another one"
                                      : "an aggregate stands in SELECT, HAVING or ORDER BY only");
  }
  e.aggregate = kind;
  saw_aggregate_ = true;
  in_aggregate_ = true;
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(Expect("("));
  UNDULA_ASSIGN_OR_RETURN(e.distinct, TakeWord("DISTINCT"));
  if (kind == AggregateKind::kCount) {
    UNDULA_ASSIGN_OR_RETURN(e.star, Take("*"));
  }
  if (!e.star) {
    UNDULA_ASSIGN_OR_RETURN(Expression arg, Or());
    e.args.push_back(std::move(arg));
  }
  if (kind == AggregateKind::kGroupConcat && IsSymbol(";")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(ExpectWord("SEPARATOR"));
    UNDULA_RETURN_IF_ERROR(Expect("="));
    if (token_.kind != TokenKind::kString) return Unexpected("a string");
    e.separator = token_.text;
    UNDULA_RETURN_IF_ERROR(Step());
  }
  UNDULA_RETURN_IF_ERROR(Expect(")"));
  in_aggregate_ = false;
  return e;
}

absl::StatusOr<Expression> Parser::ExistsCall(bool negated) {
  Expression e = Make(negated ? Operator::kNotExists : Operator::kExists, token_.at);
  const bool allowed = std::exchange(aggregates_allowed_, false);
  const bool in_aggregate = std::exchange(in_aggregate_, false);
  const int bgp = bgp_;
  auto group = std::make_shared<GroupPattern>();
  UNDULA_RETURN_IF_ERROR(Group(group.get()));
  bgp_ = bgp;
  e.pattern = std::move(group);
  aggregates_allowed_ = allowed;
  in_aggregate_ = in_aggregate;
  return e;
}

absl::StatusOr<Expression> Parser::Constraint() {
  if (IsSymbol("(")) return Bracketed();
  if (AtIri()) {
    const Position at = token_.at;
    UNDULA_ASSIGN_OR_RETURN(Expression e, IriCall());
    if (e.op == Operator::kConstant) return SyntaxError(at, "a function by IRI needs arguments");
    return e;
  }
  if (token_.kind == TokenKind::kWord) return BuiltIn();
  return Unexpected("'(' or a function");
}

}  // namespace undula::queries::pattern::internal
