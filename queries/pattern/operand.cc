#include "queries/pattern/operand.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "queries/pattern/order_value.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseDouble(std::string_view text) {
  if (text == "INF" || text == "+INF") return std::numeric_limits<double>::infinity();
  if (text == "-INF") return -std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // What does not fit is no value: the store's index of numbers has no place for it either.
  if (end != text.data() + text.size() || error != std::errc()) return std::nullopt;
  return value;
}

std::optional<bool> ParseBoolean(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

// The types derived from xsd:integer.
bool IsIntegerType(std::string_view local) {
  constexpr std::string_view kTypes[] = {"integer",
                                         "nonPositiveInteger",
                                         "negativeInteger",
                                         "long",
                                         "int",
                                         "short",
                                         "byte",
                                         "nonNegativeInteger",
                                         "unsignedLong",
                                         "unsignedInt",
                                         "unsignedShort",
                                         "unsignedByte",
                                         "positiveInteger"};
  return std::find(std::begin(kTypes), std::end(kTypes), local) != std::end(kTypes);
}

void DecodeLiteral(Operand* o) {
  o->kind = OperandKind::kOther;
  if (o->datatype.empty()) {
    o->kind = o->language.empty() ? OperandKind::kString : OperandKind::kLangString;
    return;
  }
  const std::string_view type = o->datatype;
  if (!type.starts_with(kXsd)) return;
  const std::string_view local = type.substr(kXsd.size());
  const std::string_view text = Trim(o->text);
  const auto set = [&](OperandKind kind, bool keep_type = false) {
    o->kind = kind;
    if (!keep_type) o->datatype.clear();
  };
  if (IsIntegerType(local)) {
    if (const auto value = ParseInteger(text)) {
      o->integer = *value;
      set(OperandKind::kInteger, local != "integer");
    } else {
      o->bad_form = true;
    }
  } else if (local == "decimal") {
    if (const auto value = Decimal::Parse(text)) {
      o->decimal = *value;
      set(OperandKind::kDecimal);
    } else {
      o->bad_form = true;
    }
  } else if (local == "double" || local == "float") {
    if (const auto value = ParseDouble(text)) {
      o->number = local == "float" ? static_cast<float>(*value) : *value;
      set(local == "float" ? OperandKind::kFloat : OperandKind::kDouble);
    } else {
      o->bad_form = true;
    }
  } else if (local == "boolean") {
    if (const auto value = ParseBoolean(text)) {
      o->boolean = *value;
      set(OperandKind::kBoolean);
    } else {
      o->bad_form = true;
    }
  } else if (local == "dateTime") {
    if (const auto value = DateTime::Parse(text)) {
      o->time = *value;
      set(OperandKind::kDateTime);
    }
  } else if (local == "date") {
    if (const auto value = DateTime::ParseDate(text)) {
      o->time = *value;
      set(OperandKind::kDate);
    }
  } else if (local == "string") {
    set(OperandKind::kString);
  }
}

Decimal DecimalValue(const Operand& o) {
  return o.kind == OperandKind::kInteger ? Decimal::FromInteger(o.integer) : o.decimal;
}

int Sign(int c) { return c < 0 ? -1 : c > 0 ? 1 : 0; }

template <class T>
int Three(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

Operand OperandOf(const Term& term) {
  Operand o;
  o.text = term.text;
  o.has_text = true;
  switch (term.kind) {
    case TermKind::kIri:
      o.kind = OperandKind::kIri;
      break;
    case TermKind::kBlank:
      o.kind = OperandKind::kBlank;
      break;
    case TermKind::kUser:
      o.kind = OperandKind::kUser;
      break;
    case TermKind::kItem:
      o.kind = OperandKind::kItem;
      break;
    case TermKind::kLiteral:
      o.language = term.language;
      o.datatype = term.datatype;
      DecodeLiteral(&o);
  }
  return o;
}

std::string DoubleText(double value, bool is_float) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "INF" : "-INF";
  char buffer[64];
  const auto result =
      is_float
          ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value),
                          std::chars_format::scientific)
          : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(result.ptr - buffer));
  const size_t e = text.find('e');
  std::string out(text.substr(0, e));
  if (out.find('.') == std::string::npos) out += ".0";
  std::string_view exponent = text.substr(e + 1);
  const bool negative = exponent[0] == '-';
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent[0] == '0') exponent.remove_prefix(1);
  out += negative ? "E-" : "E";
  out += exponent;
  return out;
}

std::string TextOf(const Operand& o) {
  if (o.has_text) return o.text;
  switch (o.kind) {
    case OperandKind::kBoolean:
      return o.boolean ? "true" : "false";
    case OperandKind::kInteger:
      return std::to_string(o.integer);
    case OperandKind::kDecimal:
      return o.decimal.ToString();
    case OperandKind::kFloat:
    case OperandKind::kDouble:
      return DoubleText(o.number, o.kind == OperandKind::kFloat);
    default:
      return o.text;
  }
}

std::string_view DatatypeOf(const Operand& o) {
  switch (o.kind) {
    case OperandKind::kString:
      return kXsdString;
    case OperandKind::kLangString:
      return kRdfLangString;
    case OperandKind::kBoolean:
      return kXsdBoolean;
    case OperandKind::kInteger:
      return o.datatype.empty() ? kXsdInteger : std::string_view(o.datatype);
    case OperandKind::kDecimal:
      return kXsdDecimal;
    case OperandKind::kFloat:
      return kXsdFloat;
    case OperandKind::kDouble:
      return kXsdDouble;
    case OperandKind::kDateTime:
      return kXsdDateTime;
    case OperandKind::kDate:
      return kXsdDate;
    default:
      return o.datatype;
  }
}

Term TermOf(const Operand& o) {
  Term term;
  term.text = TextOf(o);
  switch (o.kind) {
    case OperandKind::kError:
    case OperandKind::kIri:
      break;
    case OperandKind::kBlank:
      term.kind = TermKind::kBlank;
      break;
    case OperandKind::kUser:
      term.kind = TermKind::kUser;
      break;
    case OperandKind::kItem:
      term.kind = TermKind::kItem;
      break;
    default:
      term.kind = TermKind::kLiteral;
      term.language = o.language;
      if (!o.is_text()) term.datatype = DatatypeOf(o);
  }
  return term;
}

Operand BooleanOperand(bool value) {
  Operand o;
  o.kind = OperandKind::kBoolean;
  o.boolean = value;
  return o;
}

Operand IntegerOperand(int64_t value) {
  Operand o;
  o.kind = OperandKind::kInteger;
  o.integer = value;
  return o;
}

Operand DecimalOperand(Decimal value) {
  Operand o;
  o.kind = OperandKind::kDecimal;
  o.decimal = value;
  return o;
}

Operand DecimalOperand(std::optional<Decimal> value) {
  return value.has_value() ? DecimalOperand(*value) : Operand();
}

Operand DoubleOperand(double value, OperandKind kind) {
  Operand o;
  o.kind = kind;
  o.number = kind == OperandKind::kFloat ? static_cast<float>(value) : value;
  return o;
}

Operand StringOperand(std::string text) {
  Operand o;
  o.kind = OperandKind::kString;
  o.text = std::move(text);
  o.has_text = true;
  return o;
}

Operand IriOperand(std::string text) {
  Operand o = StringOperand(std::move(text));
  o.kind = OperandKind::kIri;
  return o;
}

Operand TypedOperand(std::string text, std::string_view datatype) {
  return OperandOf({TermKind::kLiteral, std::move(text), std::string(datatype), ""});
}

double NumberOf(const Operand& o) {
  switch (o.kind) {
    case OperandKind::kInteger:
      return static_cast<double>(o.integer);
    case OperandKind::kDecimal:
      return o.decimal.ToDouble();
    default:
      return o.number;
  }
}

std::optional<bool> BooleanValue(const Operand& o) {
  switch (o.kind) {
    case OperandKind::kBoolean:
      return o.boolean;
    case OperandKind::kString:
    case OperandKind::kLangString:
      return !o.text.empty();
    case OperandKind::kInteger:
      return o.integer != 0;
    case OperandKind::kDecimal:
      return !o.decimal.is_zero();
    case OperandKind::kFloat:
    case OperandKind::kDouble:
      return o.number != 0 && !std::isnan(o.number);
    case OperandKind::kOther:
      if (o.bad_form) return false;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<int> CompareValues(const Operand& a, const Operand& b, bool* unordered) {
  *unordered = false;
  if (a.is_numeric() && b.is_numeric()) {
    if (a.kind <= OperandKind::kDecimal && b.kind <= OperandKind::kDecimal) {
      if (a.kind == OperandKind::kInteger && b.kind == OperandKind::kInteger) {
        return Three(a.integer, b.integer);
      }
      return Three(DecimalValue(a), DecimalValue(b));
    }
    const double x = NumberOf(a), y = NumberOf(b);
    if (std::isnan(x) || std::isnan(y)) {
      *unordered = true;
      return 1;
    }
    return Three(x, y);
  }
  if (a.kind != b.kind) return std::nullopt;
  switch (a.kind) {
    case OperandKind::kString:
      return Sign(a.text.compare(b.text));
    case OperandKind::kBoolean:
      return Three(a.boolean, b.boolean);
    case OperandKind::kDateTime:
    case OperandKind::kDate:
      return DateTime::Compare(a.time, b.time);
    default:
      return std::nullopt;
  }
}

std::optional<bool> EqualValues(const Operand& a, const Operand& b) {
  if (a.is_error() || b.is_error()) return std::nullopt;
  if (!a.is_literal() || !b.is_literal()) return a.kind == b.kind && a.text == b.text;
  bool unordered = false;
  if (const auto order = CompareValues(a, b, &unordered)) return *order == 0 && !unordered;
  if (a.kind == OperandKind::kLangString && b.kind == OperandKind::kLangString) {
    return a.text == b.text && a.language.size() == b.language.size() &&
           std::equal(a.language.begin(), a.language.end(), b.language.begin(),
                      [](char x, char y) { return (x | 32) == (y | 32); });
  }
  if (a.kind == OperandKind::kOther || b.kind == OperandKind::kOther) {
    // No datatype makes a text with a language.
    if (a.kind == OperandKind::kLangString || b.kind == OperandKind::kLangString) return false;
    if (a.kind == b.kind && a.text == b.text && a.datatype == b.datatype) return true;
    return std::nullopt;
  }
  if (a.kind == b.kind) return std::nullopt;  // dates of which one has no zone
  return false;
}

int OrderOperands(const Operand& a, const Operand& b) {
  return CompareOrder(OrderValueOf(a), OrderValueOf(b));
}

}  // namespace undula::queries::pattern
