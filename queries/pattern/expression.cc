#include "queries/pattern/expression.h"

#include <utility>
#include <vector>

#include "base/status.h"
#include "queries/pattern/functions.h"

namespace undula::queries::pattern {
namespace {

constexpr size_t kMaxDecoded = 16384;  // operands kept: freeing them counts against a deadline
constexpr int64_t kSmallCounts = 256;

bool SameTerm(const Operand& a, const Operand& b) {
  if (a.value != kUnbound && b.value != kUnbound) return a.value == b.value;
  return TermOf(a) == TermOf(b);
}

}  // namespace

const Operand& Evaluator::Decode(Value value, Operand* scratch) {
  if (const auto found = decoded_.find(value); found != decoded_.end()) return found->second;
  absl::StatusOr<Term> term = terms_->Get(value);
  if (!term.ok()) {
    Fail(term.status());
    *scratch = Operand();
    return *scratch;
  }
  *scratch = OperandOf(*term);
  scratch->value = value;
  if (decoded_.size() >= kMaxDecoded) return *scratch;
  return decoded_.emplace(value, std::move(*scratch)).first->second;
}

const Operand& Evaluator::Eval(const Expr& expr, const Value* row, Operand* scratch) {
  if (expr.op == Operator::kConstant) return expr.constant;
  if (expr.op == Operator::kVariable) {
    const Value value = row[expr.slot];
    if (value != kUnbound) return Decode(value, scratch);
    *scratch = Operand();
    return *scratch;
  }
  *scratch = Compute(expr, row);
  return *scratch;
}

std::optional<bool> Evaluator::Truth(const Expr& expr, const Value* row) {
  switch (expr.op) {
    case Operator::kOr:
    case Operator::kAnd:
    case Operator::kNot:
      return Logical(expr, row);
    case Operator::kEqual:
    case Operator::kUnequal:
    case Operator::kLess:
    case Operator::kGreater:
    case Operator::kLessEqual:
    case Operator::kGreaterEqual:
      return Comparison(expr, row);
    case Operator::kBound:
      return row[expr.slot] != kUnbound;
    case Operator::kExists:
    case Operator::kNotExists:
      return Exists(expr, row);
    default: {
      Operand scratch;
      return BooleanValue(Eval(expr, row, &scratch));
    }
  }
}

Value Evaluator::ToValue(const Operand& operand) {
  if (operand.is_error()) return kUnbound;
  if (operand.value != kUnbound) return operand.value;
  const absl::StatusOr<Value> value = terms_->Intern(TermOf(operand));
  if (value.ok()) return *value;
  Fail(value.status());
  return kUnbound;
}

Value Evaluator::CountValue(int64_t count) {
  if (count >= kSmallCounts) return ToValue(IntegerOperand(count));
  if (small_counts_.empty()) small_counts_.resize(kSmallCounts, kUnbound);
  Value& value = small_counts_[static_cast<size_t>(count)];
  if (value == kUnbound) value = ToValue(IntegerOperand(count));
  return value;
}

Value Evaluator::EvalValue(const Expr& expr, const Value* row) {
  if (expr.op == Operator::kVariable) return row[expr.slot];
  Operand scratch;
  return ToValue(Eval(expr, row, &scratch));
}

Operand Evaluator::Compute(const Expr& expr, const Value* row) {
  Operand first, second;
  switch (expr.op) {
    case Operator::kOr:
    case Operator::kAnd:
    case Operator::kNot:
    case Operator::kEqual:
    case Operator::kUnequal:
    case Operator::kLess:
    case Operator::kGreater:
    case Operator::kLessEqual:
    case Operator::kGreaterEqual:
    case Operator::kBound:
    case Operator::kExists:
    case Operator::kNotExists: {
      const std::optional<bool> truth = Truth(expr, row);
      return truth.has_value() ? BooleanOperand(*truth) : Operand();
    }
    case Operator::kIn:
    case Operator::kNotIn:
      return Member(expr, row);
    case Operator::kAdd:
    case Operator::kSubtract:
    case Operator::kMultiply:
    case Operator::kDivide:
      return Arithmetic(expr.op, Eval(expr.args[0], row, &first), Eval(expr.args[1], row, &second));
    case Operator::kPlus: {
      const Operand& arg = Eval(expr.args[0], row, &first);
      return arg.is_numeric() ? arg : Operand();
    }
    case Operator::kMinus:
      return Negate(Eval(expr.args[0], row, &first));
    case Operator::kIf: {
      const std::optional<bool> condition = BooleanValue(Eval(expr.args[0], row, &first));
      if (!condition.has_value()) return Operand();
      return Eval(expr.args[*condition ? 1 : 2], row, &second);
    }
    case Operator::kCoalesce:
      for (const Expr& arg : expr.args) {
        const Operand& value = Eval(arg, row, &first);
        if (!value.is_error()) return value;
      }
      return Operand();
    case Operator::kCast:
      if (expr.args.size() != 1) return Operand();
      return Cast(expr.constant.text, Eval(expr.args[0], row, &first));
    case Operator::kCall:
      return Call(expr, row);
    case Operator::kConstant:
    case Operator::kVariable:
    case Operator::kAggregate:
      break;  // Eval has the first two; aggregates became variables
  }
  return Operand();
}

std::optional<bool> Evaluator::Exists(const Expr& expr, const Value* row) {
  const absl::StatusOr<bool> found = exists_(*expr.pattern, row);
  if (found.ok()) return *found == (expr.op == Operator::kExists);
  Fail(found.status());
  return std::nullopt;
}

std::optional<bool> Evaluator::Logical(const Expr& expr, const Value* row) {
  if (expr.op == Operator::kNot) {
    const std::optional<bool> value = Truth(expr.args[0], row);
    return value.has_value() ? std::optional<bool>(!*value) : std::nullopt;
  }
  const bool decisive = expr.op == Operator::kOr;
  bool error = false;
  for (const Expr& arg : expr.args) {
    const std::optional<bool> value = Truth(arg, row);
    if (!value.has_value()) {
      error = true;
    } else if (*value == decisive) {
      return decisive;
    }
  }
  return error ? std::nullopt : std::optional<bool>(!decisive);
}

std::optional<bool> Evaluator::Comparison(const Expr& expr, const Value* row) {
  Operand scratch_a, scratch_b;
  const Operand& a = Eval(expr.args[0], row, &scratch_a);
  const Operand& b = Eval(expr.args[1], row, &scratch_b);
  if (expr.op == Operator::kEqual || expr.op == Operator::kUnequal) {
    const std::optional<bool> equal = EqualValues(a, b);
    return equal.has_value() ? std::optional<bool>(*equal == (expr.op == Operator::kEqual))
                             : std::nullopt;
  }
  bool unordered = false;
  const std::optional<int> order = CompareValues(a, b, &unordered);
  if (!order.has_value()) return std::nullopt;
  if (unordered) return false;
  switch (expr.op) {
    case Operator::kLess:
      return *order < 0;
    case Operator::kGreater:
      return *order > 0;
    case Operator::kLessEqual:
      return *order <= 0;
    default:
      return *order >= 0;
  }
}

Operand Evaluator::Member(const Expr& expr, const Value* row) {
  Operand scratch_a, scratch_b;
  const Operand& a = Eval(expr.args[0], row, &scratch_a);
  bool error = false;
  for (size_t i = 1; i < expr.args.size(); ++i) {
    const std::optional<bool> equal = EqualValues(a, Eval(expr.args[i], row, &scratch_b));
    if (!equal.has_value()) {
      error = true;
    } else if (*equal) {
      return BooleanOperand(expr.op == Operator::kIn);
    }
  }
  return error ? Operand() : BooleanOperand(expr.op == Operator::kNotIn);
}

Operand Evaluator::Call(const Expr& expr, const Value* row) {
  std::vector<Operand> args(expr.args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    Operand scratch;
    args[i] = Eval(expr.args[i], row, &scratch);
    if (args[i].is_error()) return Operand();
  }
  const Operand* const a = args.data();
  switch (expr.function) {
    case Function::kAbs:
    case Function::kCeil:
    case Function::kFloor:
    case Function::kRound:
      return Number(expr.function, a[0]);
    case Function::kYear:
    case Function::kMonth:
    case Function::kDay:
    case Function::kHours:
    case Function::kMinutes:
    case Function::kSeconds:
    case Function::kTimezone:
    case Function::kTz:
      return Time(expr.function, a[0]);
    case Function::kRegex:
    case Function::kReplace:
      return Pattern(expr.function, a, args.size());
    case Function::kWeight:
    case Function::kTime:
    case Function::kConfidence:
    case Function::kPopularity:
      return CatalogCall(expr.function, a, args.size());
    case Function::kSameTerm:
      return BooleanOperand(SameTerm(a[0], a[1]));
    case Function::kIsIri:
      return BooleanOperand(a[0].kind == OperandKind::kIri);
    case Function::kIsBlank:
      return BooleanOperand(a[0].kind == OperandKind::kBlank);
    case Function::kIsLiteral:
      return BooleanOperand(a[0].is_literal());
    case Function::kIsNumeric:
      return BooleanOperand(a[0].is_numeric());
    case Function::kStr:
    case Function::kLang:
    case Function::kLangMatches:
    case Function::kDatatype:
    case Function::kIri:
    case Function::kBnode:
    case Function::kRand:
    case Function::kNow:
    case Function::kUuid:
    case Function::kStrUuid:
    case Function::kStrLang:
    case Function::kStrDt:
      return TermCall(expr.function, a, args.size());
    default:
      return Text(expr.function, a, args.size());
  }
}

Operand Evaluator::CatalogCall(Function function, const Operand* args, size_t count) {
  if (!catalog_) return Operand();
  const auto value = catalog_(function, args[0].value, count > 1 ? args[1].value : kUnbound);
  if (!value.ok()) {
    Fail(value.status());
    return Operand();
  }
  if (!value->has_value()) return Operand();
  const bool whole = function == Function::kTime || function == Function::kPopularity;
  return whole ? IntegerOperand(static_cast<int64_t>(**value)) : DoubleOperand(**value);
}

}  // namespace undula::queries::pattern
