// The aggregates of SPARQL 1.1 (section 18.5.1), one value at a time.
#ifndef UNDULA_QUERIES_PATTERN_AGGREGATE_H_
#define UNDULA_QUERIES_PATTERN_AGGREGATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "queries/pattern/algebra.h"
#include "queries/pattern/expression.h"
#include "queries/pattern/operand.h"
#include "queries/pattern/tuple_set.h"

namespace undula::queries::pattern {

// What all groups of one call have in common: what DISTINCT has counted, and memory for texts and
// decimals. Freed at once, however many groups there are.
class AggregateState {
 public:
  // `row_slots`: what makes two rows the same, for COUNT(DISTINCT *). The call must outlive it.
  AggregateState(const AggregateCall* call, const std::vector<int>& row_slots)
      : call_(call), slots_(row_slots), seen_(1 + (call->star ? row_slots.size() : 1)) {}

  const AggregateCall& call() const { return *call_; }
  // Whether the group has not had this row, or value, yet.
  bool AddRow(Value group, const Value* row);
  bool AddValue(Value group, Value value);
  // Aligned to 16 bytes.
  char* Allocate(size_t bytes);
  uint64_t bytes() const { return bytes_; }

 private:
  bool Add();

  const AggregateCall* call_;
  std::vector<int> slots_;
  TupleSet seen_;
  std::vector<Value> tuple_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t left_ = 0;  // of the last block
  uint64_t bytes_ = 0;
};

// The aggregate of one group. Small and without a destructor: a query may have millions.
class Aggregator {
 public:
  // `group`: a number of its own among those of the state.
  void Add(Evaluator* evaluator, const Value* row, Value group, AggregateState* state);
  // kUnbound where the aggregate has no value: MIN of nothing, SUM of a name. Of an empty group:
  // COUNT, SUM and AVG are 0, GROUP_CONCAT is the empty text.
  Value Result(Evaluator* evaluator, const AggregateState& state) const;

 private:
  void AddNumber(const Operand& arg, AggregateState* state);
  void AddText(const Operand& arg, AggregateState* state);
  Operand Sum() const;

  int64_t count_ = 0;
  // Extreme or sample: the value. Sum: an integer, the bits of a double, where a decimal is.
  // GROUP_CONCAT: where the last text is.
  uint64_t bits_ = 0;
  OperandKind kind_ = OperandKind::kInteger;  // of a sum
  bool error_ = false;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_AGGREGATE_H_
