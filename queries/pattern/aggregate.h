// The aggregates of SPARQL 1.1 (section 18.5.1), one value at a time.
#ifndef UNDULA_QUERIES_PATTERN_AGGREGATE_H_
#define UNDULA_QUERIES_PATTERN_AGGREGATE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "queries/pattern/algebra.h"
#include "queries/pattern/expression.h"
#include "queries/pattern/operand.h"

namespace undula::queries::pattern {

class Aggregator {
 public:
  // Both must outlive it. `row_slots`: what makes two rows the same, for COUNT(DISTINCT *).
  Aggregator(const AggregateCall* call, const std::vector<int>* row_slots)
      : call_(call), row_slots_(row_slots) {}

  void Add(Evaluator* evaluator, const Value* row);
  // An error where the aggregate has no value: MIN of nothing, SUM of a name. Of an empty group:
  // COUNT, SUM and AVG are 0, GROUP_CONCAT is the empty text.
  Operand Result() const;
  // Values kept for DISTINCT.
  size_t kept() const { return seen_.size() + seen_rows_.size(); }

 private:
  const AggregateCall* call_;
  const std::vector<int>* row_slots_;
  int64_t count_ = 0;
  bool error_ = false;
  Operand value_;  // sum, extreme or sample
  std::string text_;
  std::set<Value> seen_;
  std::set<std::vector<Value>> seen_rows_;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_AGGREGATE_H_
