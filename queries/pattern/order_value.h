// What ORDER BY compares: the total order of terms (SPARQL 1.1, section 15.1, and where that leaves
// it open: unbound, blank nodes, IRIs, users, items, literals by kind).
#ifndef UNDULA_QUERIES_PATTERN_ORDER_VALUE_H_
#define UNDULA_QUERIES_PATTERN_ORDER_VALUE_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "queries/pattern/operand.h"

namespace undula::queries::pattern {

// Flat, so that millions of them go away at once. Refers to texts of its operand.
struct OrderValue {
  Decimal decimal;
  double number = 0;
  int64_t first = 0, second = 0;  // integer, boolean; seconds and nanoseconds
  std::string_view text, language, datatype;
  OperandKind kind = OperandKind::kError;
};
OrderValue OrderValueOf(const Operand& operand);
int CompareOrder(const OrderValue& a, const OrderValue& b);  // -1, 0, 1

// Copies of the texts of keys.
class KeyTexts {
 public:
  // The key with its texts here.
  OrderValue Keep(OrderValue key);
  uint64_t bytes() const { return bytes_; }

 private:
  std::string_view Copy(std::string_view text);

  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0, room_ = 0;  // of the last block
  uint64_t bytes_ = 0;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_ORDER_VALUE_H_
