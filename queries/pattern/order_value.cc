#include "queries/pattern/order_value.h"

#include <algorithm>
#include <cmath>

namespace undula::queries::pattern {
namespace {

// Kinds in their order.
int ClassOf(OperandKind kind) {
  switch (kind) {
    case OperandKind::kError:
      return 0;
    case OperandKind::kBlank:
      return 1;
    case OperandKind::kIri:
      return 2;
    case OperandKind::kUser:
      return 3;
    case OperandKind::kItem:
      return 4;
    case OperandKind::kString:
      return 5;
    case OperandKind::kLangString:
      return 6;
    case OperandKind::kBoolean:
      return 7;
    case OperandKind::kDate:
      return 9;
    case OperandKind::kDateTime:
      return 10;
    case OperandKind::kOther:
      return 11;
    default:
      return 8;  // numbers
  }
}

template <class T>
int Three(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

bool IsExact(const OrderValue& key) {
  return key.kind == OperandKind::kInteger || key.kind == OperandKind::kDecimal;
}

Decimal DecimalOf(const OrderValue& key) {
  return key.kind == OperandKind::kInteger ? Decimal::FromInteger(key.first) : key.decimal;
}

int CompareNumbers(const OrderValue& a, const OrderValue& b) {
  if (IsExact(a) && IsExact(b)) {
    if (a.kind == b.kind && a.kind == OperandKind::kInteger) return Three(a.first, b.first);
    return Three(DecimalOf(a), DecimalOf(b));
  }
  if (std::isnan(a.number) || std::isnan(b.number)) {
    return Three(std::isnan(b.number), std::isnan(a.number));  // NaN first
  }
  return Three(a.number, b.number);
}

}  // namespace

OrderValue OrderValueOf(const Operand& operand) {
  OrderValue key;
  key.kind = operand.kind;
  if (operand.is_numeric()) {
    key.decimal = operand.decimal;
    key.number = NumberOf(operand);
    key.first = operand.integer;
    return key;
  }
  switch (operand.kind) {
    case OperandKind::kError:
      break;
    case OperandKind::kBoolean:
      key.first = operand.boolean ? 1 : 0;
      break;
    case OperandKind::kDateTime:
    case OperandKind::kDate:
      key.first = operand.time.seconds;
      key.second = operand.time.nanoseconds;
      break;
    default:
      key.text = operand.text;
      key.language = operand.language;
      key.datatype = operand.datatype;
      break;
  }
  return key;
}

int CompareOrder(const OrderValue& a, const OrderValue& b) {
  const int class_a = ClassOf(a.kind), class_b = ClassOf(b.kind);
  if (class_a != class_b) return class_a < class_b ? -1 : 1;
  constexpr int kNumbers = 8;
  if (class_a == kNumbers) return CompareNumbers(a, b);
  if (a.first != b.first) return Three(a.first, b.first);
  if (a.second != b.second) return Three(a.second, b.second);
  if (const int text = a.text.compare(b.text); text != 0) return Three(text, 0);
  if (const int language = a.language.compare(b.language); language != 0) return Three(language, 0);
  return Three(a.datatype.compare(b.datatype), 0);
}

std::string_view KeyTexts::Copy(std::string_view text) {
  constexpr size_t kBlock = 65536;
  if (text.empty()) return {};
  if (text.size() > room_ - used_) {
    room_ = std::max(kBlock, text.size());
    used_ = 0;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(room_));
    bytes_ += room_;
  }
  char* const place = blocks_.back().get() + used_;
  std::copy(text.begin(), text.end(), place);
  used_ += text.size();
  return {place, text.size()};
}

OrderValue KeyTexts::Keep(OrderValue key) {
  key.text = Copy(key.text);
  key.language = Copy(key.language);
  key.datatype = Copy(key.datatype);
  return key;
}

}  // namespace undula::queries::pattern
