// Arithmetic and casts of operands.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "queries/pattern/operand.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

Decimal DecimalValue(const Operand& o) {
  return o.kind == OperandKind::kInteger ? Decimal::FromInteger(o.integer) : o.decimal;
}

// Decimal point notation for the range in which XPath casts doubles that way.
std::string PlainText(double value, bool is_float) {
  char buffer[64];
  const auto result =
      is_float ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value),
                               std::chars_format::fixed)
               : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return std::string(buffer, result.ptr);
}

}  // namespace

Operand Arithmetic(Operator op, const Operand& a, const Operand& b) {
  if (!a.is_numeric() || !b.is_numeric()) return Operand();
  const OperandKind kind = std::max(a.kind, b.kind);
  if (kind >= OperandKind::kFloat) {
    const double x = NumberOf(a), y = NumberOf(b);
    switch (op) {
      case Operator::kAdd:
        return DoubleOperand(x + y, kind);
      case Operator::kSubtract:
        return DoubleOperand(x - y, kind);
      case Operator::kMultiply:
        return DoubleOperand(x * y, kind);
      default:
        return DoubleOperand(x / y, kind);
    }
  }
  if (kind == OperandKind::kInteger && op != Operator::kDivide) {
    int64_t result = 0;
    const bool overflow =
        op == Operator::kAdd        ? __builtin_add_overflow(a.integer, b.integer, &result)
        : op == Operator::kSubtract ? __builtin_sub_overflow(a.integer, b.integer, &result)
                                    : __builtin_mul_overflow(a.integer, b.integer, &result);
    return overflow ? Operand() : IntegerOperand(result);
  }
  const Decimal x = DecimalValue(a), y = DecimalValue(b);
  switch (op) {
    case Operator::kAdd:
      return DecimalOperand(Decimal::Add(x, y));
    case Operator::kSubtract:
      return DecimalOperand(Decimal::Subtract(x, y));
    case Operator::kMultiply:
      return DecimalOperand(Decimal::Multiply(x, y));
    default:
      return DecimalOperand(Decimal::Divide(x, y));
  }
}

Operand Negate(const Operand& a) {
  switch (a.kind) {
    case OperandKind::kInteger:
      return Arithmetic(Operator::kSubtract, IntegerOperand(0), a);
    case OperandKind::kDecimal:
      return DecimalOperand(a.decimal.Negated());
    case OperandKind::kFloat:
    case OperandKind::kDouble:
      return DoubleOperand(-a.number, a.kind);
    default:
      return Operand();
  }
}

Operand Cast(std::string_view datatype, const Operand& from) {
  if (!datatype.starts_with(kXsd) || from.is_error() || from.kind == OperandKind::kBlank) {
    return Operand();
  }
  const std::string_view local = datatype.substr(kXsd.size());
  if (local == "string") {
    if (from.kind == OperandKind::kFloat || from.kind == OperandKind::kDouble) {
      const double size = std::fabs(from.number);
      if (size == 0 || (size >= 1e-6 && size < 1e6)) {
        return StringOperand(PlainText(from.number, from.kind == OperandKind::kFloat));
      }
      return StringOperand(DoubleText(from.number, from.kind == OperandKind::kFloat));
    }
    if (from.kind == OperandKind::kBoolean) return StringOperand(from.boolean ? "true" : "false");
    if (from.kind == OperandKind::kInteger) return StringOperand(std::to_string(from.integer));
    if (from.kind == OperandKind::kDecimal) return StringOperand(from.decimal.ToString());
    return StringOperand(TextOf(from));
  }
  if (!from.is_literal() || from.kind == OperandKind::kLangString) return Operand();
  if (from.kind == OperandKind::kString) {
    Operand typed = TypedOperand(std::string(Trim(from.text)), datatype);
    if (typed.kind == OperandKind::kBoolean) return BooleanOperand(typed.boolean);
    return typed.kind == OperandKind::kOther ? Operand() : typed;
  }
  if (local == "boolean") {
    if (from.kind == OperandKind::kBoolean) return BooleanOperand(from.boolean);
    if (from.is_numeric()) return BooleanOperand(*BooleanValue(from));
    return Operand();
  }
  const bool number = from.is_numeric() || from.kind == OperandKind::kBoolean;
  if (local == "double" || local == "float") {
    if (!number) return Operand();
    const double value = from.kind == OperandKind::kBoolean ? from.boolean : NumberOf(from);
    return DoubleOperand(value, local == "float" ? OperandKind::kFloat : OperandKind::kDouble);
  }
  if (local == "decimal" || local == "integer") {
    if (!number) return Operand();
    std::optional<Decimal> value;
    if (from.kind == OperandKind::kBoolean) {
      value = Decimal::FromInteger(from.boolean ? 1 : 0);
    } else if (from.kind >= OperandKind::kFloat) {
      value = Decimal::FromDouble(from.number);
    } else {
      value = DecimalValue(from);
    }
    if (!value.has_value()) return Operand();
    if (local == "decimal") return DecimalOperand(*value);
    const std::optional<int64_t> whole = value->ToInteger();
    return whole.has_value() ? IntegerOperand(*whole) : Operand();
  }
  if (local == "dateTime" && from.kind == OperandKind::kDateTime) return from;
  if (local == "dateTime" && from.kind == OperandKind::kDate) {
    return TypedOperand(from.text.substr(0, 10) + "T00:00:00" + from.time.ZoneText(), kXsdDateTime);
  }
  if (local == "date" && from.kind == OperandKind::kDate) return from;
  if (local == "date" && from.kind == OperandKind::kDateTime) {
    return TypedOperand(from.text.substr(0, from.text.find('T')) + from.time.ZoneText(), kXsdDate);
  }
  return Operand();
}

}  // namespace undula::queries::pattern
