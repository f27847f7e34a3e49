// A term as expressions see it: its kind and its value, decoded once (SPARQL 1.1, section 17).
#ifndef UNDULA_QUERIES_PATTERN_OPERAND_H_
#define UNDULA_QUERIES_PATTERN_OPERAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "queries/pattern/date_time.h"
#include "queries/pattern/decimal.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

enum class OperandKind : uint8_t {
  kError,  // also an unbound variable
  kIri,
  kBlank,
  kUser,
  kItem,
  kString,
  kLangString,
  kBoolean,
  kInteger,
  kDecimal,
  kFloat,
  kDouble,
  kDateTime,
  kDate,
  kOther,  // a literal of another datatype, or of a lexical form that its datatype does not have
};

struct Operand {
  OperandKind kind = OperandKind::kError;
  bool boolean = false;
  bool bad_form = false;   // kOther: a numeric or boolean datatype, not such a value
  bool has_text = false;   // text is set; a computed number has none yet
  Value value = kUnbound;  // where the term is known as one
  int64_t integer = 0;
  double number = 0;  // kFloat and kDouble
  Decimal decimal;
  std::string text;  // IRI, label, lexical form, id
  std::string language;
  std::string datatype;  // of kOther, and of an integer of a derived type
  DateTime time;

  bool is_error() const { return kind == OperandKind::kError; }
  bool is_literal() const { return kind >= OperandKind::kString; }
  bool is_numeric() const { return kind >= OperandKind::kInteger && kind <= OperandKind::kDouble; }
  bool is_text() const { return kind == OperandKind::kString || kind == OperandKind::kLangString; }
};

Operand OperandOf(const Term& term);
// Not of an error.
Term TermOf(const Operand& operand);
// The lexical form, IRI, ...
std::string TextOf(const Operand& operand);
std::string_view DatatypeOf(const Operand& operand);

Operand BooleanOperand(bool value);
Operand IntegerOperand(int64_t value);
Operand DecimalOperand(Decimal value);
Operand DoubleOperand(double value, OperandKind kind = OperandKind::kDouble);
Operand StringOperand(std::string text);
Operand IriOperand(std::string text);
Operand TypedOperand(std::string text, std::string_view datatype);
// Through the optionals of Decimal: nothing is an error.
Operand DecimalOperand(std::optional<Decimal> value);

double NumberOf(const Operand& operand);  // of a numeric one

// Effective boolean value: nothing = error.
std::optional<bool> BooleanValue(const Operand& operand);
// "=": nothing = error.
std::optional<bool> EqualValues(const Operand& a, const Operand& b);
// -1, 0, 1 of values that have an order; nothing = error. NaN: *unordered is set, the result 1.
std::optional<int> CompareValues(const Operand& a, const Operand& b, bool* unordered);
// The total order of ORDER BY: unbound, blank nodes, IRIs (users, items), literals.
int OrderOperands(const Operand& a, const Operand& b);

// + - * /; an error where it has no result.
Operand Arithmetic(Operator op, const Operand& a, const Operand& b);
Operand Negate(const Operand& a);

// The cast of section 17.1 to an XML Schema datatype; an error for other IRIs and impossible casts.
Operand Cast(std::string_view datatype, const Operand& from);

// "1.5E0", as XML Schema has it; floats with their own precision.
std::string DoubleText(double value, bool is_float);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_OPERAND_H_
