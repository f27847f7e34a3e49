#include "queries/pattern/aggregate.h"

#include <utility>

namespace undula::queries::pattern {

void Aggregator::Add(Evaluator* evaluator, const Value* row) {
  if (call_->star) {
    if (call_->distinct) {
      std::vector<Value> key;
      for (const int slot : *row_slots_) key.push_back(row[slot]);
      if (!seen_rows_.insert(std::move(key)).second) return;
    }
    ++count_;
    return;
  }
  Operand scratch;
  const Operand& arg = evaluator->Eval(call_->arg, row, &scratch);
  if (arg.is_error()) {
    error_ =
        error_ || (call_->kind != AggregateKind::kCount && call_->kind != AggregateKind::kSample);
    return;
  }
  if (call_->distinct && !seen_.insert(evaluator->ToValue(arg)).second) return;
  ++count_;
  switch (call_->kind) {
    case AggregateKind::kCount:
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      value_ = count_ == 1 ? Arithmetic(Operator::kAdd, IntegerOperand(0), arg)
                           : Arithmetic(Operator::kAdd, value_, arg);
      error_ = error_ || value_.is_error();
      break;
    case AggregateKind::kMin:
      if (count_ == 1 || OrderOperands(arg, value_) < 0) value_ = arg;
      break;
    case AggregateKind::kMax:
      if (count_ == 1 || OrderOperands(arg, value_) > 0) value_ = arg;
      break;
    case AggregateKind::kSample:
      if (count_ == 1) value_ = arg;
      break;
    case AggregateKind::kGroupConcat:
      if (!arg.is_literal()) {
        error_ = true;
        break;
      }
      if (count_ > 1) text_ += call_->separator;
      text_ += TextOf(arg);
      break;
  }
}

Operand Aggregator::Result() const {
  if (error_) return Operand();
  switch (call_->kind) {
    case AggregateKind::kCount:
      return IntegerOperand(count_);
    case AggregateKind::kSum:
      return count_ == 0 ? IntegerOperand(0) : value_;
    case AggregateKind::kAvg:
      return count_ == 0 ? IntegerOperand(0)
                         : Arithmetic(Operator::kDivide, value_, IntegerOperand(count_));
    case AggregateKind::kGroupConcat:
      return StringOperand(text_);
    default:
      return value_;
  }
}

}  // namespace undula::queries::pattern
