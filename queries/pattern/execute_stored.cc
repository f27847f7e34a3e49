// Executor: parts that are worked out once and then looked up.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/status.h"
#include "queries/pattern/executor.h"

namespace undula::queries::pattern {

// All solutions are worked out once, without what the row knows.
bool Executor::FillStored(const Algebra& node, const SlotSet& bound, uint64_t epoch) {
  NodeInfo& info = Info(node);
  *info.stored = Stored();
  Stored& stored = *info.stored;
  SlotSet key = node.certain;
  key.KeepOnly(bound);
  node.visible.ForEach([&](int slot) {
    stored.slots.push_back(slot);
    if (key.Has(slot) && !fixed_.Has(slot)) stored.key.push_back(slot);
  });
  stored.keys = TupleSet(stored.key.size());
  stored.rows = RowStore(stored.slots.size());
  std::vector<std::pair<int, Value>> hidden;
  info.all.ForEach([&](int slot) {
    if (fixed_.Has(slot) || Slot(slot) == kUnbound) return;
    hidden.emplace_back(slot, Slot(slot));
    Slot(slot) = kUnbound;
  });
  std::vector<Value> k(stored.key.size());
  RowStore key_of(1);  // by row
  const auto keep = [&] {
    Value* row = stored.rows.Add();
    for (const int slot : stored.slots) *row++ = Slot(slot);
    for (size_t i = 0; i < k.size(); ++i) k[i] = Slot(stored.key[i]);
    bool is_new = false;
    *key_of.Add() = stored.keys.Add(k, &is_new);
    if (key_of.size() > limits_.max_rows) {
      return Fail(ResourceExhaustedError("a part of the pattern has more than ", limits_.max_rows,
                                         " solutions; narrow it"));
    }
    return Charge(stored.slots.size() * sizeof(Value) + (is_new ? 56 : 16));
  };
  const bool complete = Eval(node, keep);
  for (const auto& [slot, value] : hidden) Slot(slot) = value;
  if (!complete) return false;
  // Rows of a key together, in the order in which they were found.
  std::vector<size_t>& ends = stored.ends;
  ends.assign(stored.keys.size() + 1, 0);
  stored.order.resize(key_of.size());
  for (size_t i = 0; i < key_of.size(); ++i) ++ends[*key_of.Row(i) + 1];
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  for (size_t i = 0; i < key_of.size(); ++i) {
    if (!Tick()) return false;
    stored.order[ends[*key_of.Row(i)]++] = i;
  }
  ends.pop_back();  // each beginning has moved to its end
  stored.epoch = epoch;
  stored.valid = true;
  return true;
}

// Solutions that were worked out before, looked up by what the row knows.
bool Executor::EvalStored(const Algebra& node, const SlotSet& bound, RowFn fn) {
  NodeInfo& info = Info(node);
  if (info.stored == nullptr) info.stored = std::make_unique<Stored>();
  // What reads no parameter stays from run to run (epoch 0).
  const uint64_t epoch = epoch_ == run_epoch_ && !info.all.Meets(fixed_) ? 0 : epoch_;
  if ((!info.stored->valid || info.stored->epoch != epoch) && !FillStored(node, bound, epoch)) {
    return false;
  }
  Stored& stored = *info.stored;
  const size_t width = stored.slots.size();
  size_t begin = 0, end = stored.ends.empty() ? 0 : stored.ends.back();
  std::vector<Value> key(stored.key.size());
  bool known = true;
  for (size_t i = 0; i < key.size(); ++i) {
    key[i] = Slot(stored.key[i]);
    known = known && key[i] != kUnbound;
  }
  if (known) {
    const size_t number = stored.keys.Find(key);
    if (number == stored.keys.size()) return true;
    begin = number == 0 ? 0 : stored.ends[number - 1];
    end = stored.ends[number];
  }
  SlotSet open;
  for (const int slot : stored.slots) {
    if (Slot(slot) == kUnbound) open.Add(slot);
  }
  bool more = true;
  for (size_t number = begin; number < end && more; ++number) {
    const Value* const values = stored.rows.Row(stored.order[number]);
    bool fits = true;
    for (size_t i = 0; i < width && fits; ++i) {
      fits =
          open.Has(stored.slots[i]) || values[i] == kUnbound || values[i] == Slot(stored.slots[i]);
    }
    if (!Tick()) return false;
    if (!fits) continue;
    for (size_t i = 0; i < width; ++i) {
      if (open.Has(stored.slots[i])) Slot(stored.slots[i]) = values[i];
    }
    more = fn();
    open.ForEach([&](int slot) { Slot(slot) = kUnbound; });
  }
  return more;
}

}  // namespace undula::queries::pattern
