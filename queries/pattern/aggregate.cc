#include "queries/pattern/aggregate.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

namespace undula::queries::pattern {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;

// Before the bytes of a text of GROUP_CONCAT.
struct TextHead {
  const char* before;  // the text before it in the group
  size_t size;
};

static_assert(std::is_trivially_destructible_v<Decimal> && sizeof(uint64_t) >= sizeof(void*));

}  // namespace

bool AggregateState::AddRow(Value group, const Value* row) {
  tuple_.assign(1, group);
  for (const int slot : slots_) tuple_.push_back(row[slot]);
  return Add();
}

bool AggregateState::AddValue(Value group, Value value) {
  tuple_ = {group, value};
  return Add();
}

bool AggregateState::Add() {
  bool is_new = false;
  seen_.Add(tuple_, &is_new);
  if (is_new) bytes_ += tuple_.size() * sizeof(Value) + 16;
  return is_new;
}

char* AggregateState::Allocate(size_t bytes) {
  bytes = (bytes + 15) / 16 * 16;
  if (bytes > left_) {
    left_ = std::max(bytes, kBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    bytes_ += left_;
  }
  left_ -= bytes;
  return blocks_.back().get() + left_;  // blocks are filled from their ends
}

void Aggregator::Add(Evaluator* evaluator, const Value* row, Value group, AggregateState* state) {
  const AggregateCall& call = state->call();
  if (call.star) {
    if (!call.distinct || state->AddRow(group, row)) ++count_;
    return;
  }
  Operand scratch;
  const Operand& arg = evaluator->Eval(call.arg, row, &scratch);
  if (arg.is_error()) {
    error_ = error_ || (call.kind != AggregateKind::kCount && call.kind != AggregateKind::kSample);
    return;
  }
  if (call.distinct && !state->AddValue(group, evaluator->ToValue(arg))) return;
  ++count_;
  switch (call.kind) {
    case AggregateKind::kCount:
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      AddNumber(arg, state);
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax: {
      if (count_ > 1) {
        Operand best_scratch;
        const int order = OrderOperands(arg, evaluator->Decode(bits_, &best_scratch));
        if (call.kind == AggregateKind::kMin ? order >= 0 : order <= 0) break;
      }
      bits_ = evaluator->ToValue(arg);
      break;
    }
    case AggregateKind::kSample:
      if (count_ == 1) bits_ = evaluator->ToValue(arg);
      break;
    case AggregateKind::kGroupConcat:
      AddText(arg, state);
      break;
  }
}

void Aggregator::AddNumber(const Operand& arg, AggregateState* state) {
  const Operand sum = Arithmetic(Operator::kAdd, Sum(), arg);
  if (sum.is_error()) {
    error_ = true;
  } else if (sum.kind == OperandKind::kDecimal) {
    if (kind_ == OperandKind::kDecimal) {
      *reinterpret_cast<Decimal*>(bits_) = sum.decimal;
    } else {
      bits_ =
          reinterpret_cast<uint64_t>(new (state->Allocate(sizeof(Decimal))) Decimal(sum.decimal));
    }
    kind_ = sum.kind;
  } else {
    kind_ = sum.kind;
    bits_ = sum.kind == OperandKind::kInteger ? static_cast<uint64_t>(sum.integer)
                                              : std::bit_cast<uint64_t>(sum.number);
  }
}

Operand Aggregator::Sum() const {
  switch (kind_) {
    case OperandKind::kInteger:
      return IntegerOperand(static_cast<int64_t>(bits_));
    case OperandKind::kDecimal:
      return DecimalOperand(*reinterpret_cast<const Decimal*>(bits_));
    default:
      return DoubleOperand(std::bit_cast<double>(bits_), kind_);
  }
}

void Aggregator::AddText(const Operand& arg, AggregateState* state) {
  if (!arg.is_literal()) {
    error_ = true;
    return;
  }
  const std::string text = TextOf(arg);
  char* const place = state->Allocate(sizeof(TextHead) + text.size());
  new (place) TextHead{reinterpret_cast<const char*>(bits_), text.size()};
  std::copy(text.begin(), text.end(), place + sizeof(TextHead));
  bits_ = reinterpret_cast<uint64_t>(place);
}

Value Aggregator::Result(Evaluator* evaluator, const AggregateState& state) const {
  const AggregateCall& call = state.call();
  if (error_) return kUnbound;
  switch (call.kind) {
    case AggregateKind::kCount:
      return evaluator->CountValue(count_);
    case AggregateKind::kSum:
      return evaluator->ToValue(Sum());
    case AggregateKind::kAvg:
      return evaluator->ToValue(count_ == 0
                                    ? IntegerOperand(0)
                                    : Arithmetic(Operator::kDivide, Sum(), IntegerOperand(count_)));
    case AggregateKind::kGroupConcat: {
      std::vector<std::string_view> texts;
      const auto* place = reinterpret_cast<const char*>(bits_);
      while (place != nullptr) {
        const auto* const head = reinterpret_cast<const TextHead*>(place);
        texts.emplace_back(place + sizeof(TextHead), head->size);
        place = head->before;
      }
      std::string out;
      for (size_t i = texts.size(); i-- > 0;) {
        out += texts[i];
        if (i > 0) out += call.separator;
      }
      return evaluator->ToValue(StringOperand(std::move(out)));
    }
    default:
      return bits_;
  }
}

}  // namespace undula::queries::pattern
