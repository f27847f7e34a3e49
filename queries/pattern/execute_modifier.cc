// Executor: groups, DISTINCT, ORDER BY, LIMIT, projection.
#include <algorithm>
#include <deque>
#include <utility>

#include "base/status.h"
#include "queries/pattern/aggregate.h"
#include "queries/pattern/executor.h"
#include "queries/pattern/order_value.h"
#include "queries/pattern/row_store.h"
#include "queries/pattern/ticking_sort.h"
#include "queries/pattern/tuple_set.h"

namespace undula::queries::pattern {

using Kind = Algebra::Kind;

namespace {

// A number of rows, or of rows with a value.
bool IsPlainCount(const AggregateCall& call) {
  return call.kind == AggregateKind::kCount && !call.distinct &&
         (call.star || call.arg.op == Operator::kVariable);
}

}  // namespace

// Counts of rows by one variable: the child gives only its values.
bool Executor::EvalCounts(const Algebra& node, RowFn fn) {
  NodeInfo& info = Info(node);
  ValueMap<uint64_t>& counts = info.value_counts;
  RowStore& keys = info.group_keys;
  for (size_t i = 0; i < keys.size(); ++i) counts.At(keys.Row(i)[0]) = 0;  // of a run that failed
  keys.Shrink(0);
  const auto add = [&](std::span<const Value> values) {
    const size_t before = keys.size();
    for (const Value value : values) {
      if (++counts.At(value) == 1) keys.Add({&value, 1});
    }
    return keys.size() == before || Charge((keys.size() - before) * 2 * sizeof(Value));
  };
  const int slot = node.slots[0];
  if (!EvalColumn(node.children[0], slot, add)) return false;
  const Value before = Slot(slot);
  bool more = true;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Value key = keys.Row(i)[0];
    const uint64_t count = std::exchange(counts.At(key), 0);
    if (!more) continue;
    // What the conditions say of a small count is kept.
    uint8_t* const verdict = key != kUnbound && count < info.verdicts.size()
                                 ? &info.verdicts[static_cast<size_t>(count)]
                                 : nullptr;
    if (verdict != nullptr && *verdict == 1) {
      more = Tick();
      continue;
    }
    for (const AggregateCall& call : node.aggregates) {
      const bool counted = call.star || key != kUnbound;
      Slot(call.slot) = evaluator_.CountValue(counted ? static_cast<int64_t>(count) : 0);
    }
    Slot(slot) = key;
    const bool holds = (verdict != nullptr && *verdict == 2) || Hold(&info.counted);
    if (verdict != nullptr && status_.ok()) *verdict = holds ? 2 : 1;
    more = Tick() && (holds ? fn() : status_.ok());
  }
  keys.Shrink(0);
  Slot(slot) = before;
  for (const AggregateCall& call : node.aggregates) Slot(call.slot) = kUnbound;
  return more;
}

bool Executor::EvalGroup(const Algebra& node, RowFn fn) {
  if (node.slots.size() == 1 &&
      std::all_of(node.aggregates.begin(), node.aggregates.end(), [&](const AggregateCall& call) {
        return IsPlainCount(call) && (call.star || call.arg.slot == node.slots[0]);
      })) {
    return EvalCounts(node, fn);
  }
  const Algebra& child = node.children[0];
  std::vector<int> row_slots;  // of COUNT(DISTINCT *)
  child.visible.ForEach([&](int slot) { row_slots.push_back(slot); });
  TupleSet& keys = Info(node).groups;
  keys.Clear(node.slots.size());
  const bool counts_only =
      std::all_of(node.aggregates.begin(), node.aggregates.end(), IsPlainCount);
  std::vector<int64_t>& counts = Info(node).counts;  // by group, then by call
  counts.clear();
  const size_t calls = node.aggregates.size();
  std::deque<Aggregator> aggregators;  // by group, then by call, where not all are counts
  std::vector<AggregateState> states;  // by call
  for (const AggregateCall& call : node.aggregates) states.emplace_back(&call, row_slots);
  std::vector<Value> key(node.slots.size());
  const auto group_of_row = [&](bool* ok) {
    bool is_new = false;
    const size_t group = keys.Add(key, &is_new);
    if (is_new && counts_only) {
      counts.resize(counts.size() + calls, 0);
      *ok = Charge(key.size() * 16 + calls * sizeof(int64_t) + 32);
    } else if (is_new) {
      aggregators.resize(aggregators.size() + calls);
      *ok = Charge(key.size() * 16 + calls * sizeof(Aggregator) + 32);
    }
    return group;
  };
  bool ok = true;
  if (node.slots.empty()) group_of_row(&ok);
  const auto add = [&] {
    for (size_t i = 0; i < key.size(); ++i) key[i] = Slot(node.slots[i]);
    const size_t group = group_of_row(&ok);
    if (!ok) return false;
    for (size_t i = 0; counts_only && i < calls; ++i) {
      const AggregateCall& call = node.aggregates[i];
      counts[group * calls + i] += call.star || Slot(call.arg.slot) != kUnbound ? 1 : 0;
    }
    for (size_t i = 0; !counts_only && i < calls; ++i) {
      Aggregator& a = aggregators[group * calls + i];
      const uint64_t bytes = states[i].bytes();
      a.Add(&evaluator_, row_.data(), group, &states[i]);
      if (states[i].bytes() != bytes && !Charge(states[i].bytes() - bytes)) return false;
    }
    return true;
  };
  if (!Eval(child, add) || !ok) return false;
  std::vector<Value> before(key.size());
  for (size_t i = 0; i < key.size(); ++i) before[i] = Slot(node.slots[i]);
  bool more = true;
  for (size_t group = 0; group < keys.size() && more; ++group) {
    for (size_t i = 0; i < key.size(); ++i) Slot(node.slots[i]) = keys.Row(group)[i];
    for (size_t i = 0; i < calls; ++i) {
      const size_t at = group * calls + i;
      Slot(node.aggregates[i].slot) = counts_only ? evaluator_.CountValue(counts[at])
                                                  : aggregators[at].Result(&evaluator_, states[i]);
    }
    more = Tick() && (Hold(&Info(node).counted) ? fn() : status_.ok());
  }
  for (size_t i = 0; i < key.size(); ++i) Slot(node.slots[i]) = before[i];
  for (const AggregateCall& call : node.aggregates) Slot(call.slot) = kUnbound;
  return more;
}

bool Executor::EvalProject(const Algebra& node, RowFn fn) {
  // What the scope binds beside its projection has slots of its own, which nobody else reads.
  return Eval(node.children[0], fn);
}

bool Executor::EvalDistinct(const Algebra& node, RowFn fn) {
  TupleSet seen(node.slots.size());
  std::vector<Value> tuple(node.slots.size());
  const auto once = [&] {
    for (size_t i = 0; i < tuple.size(); ++i) tuple[i] = Slot(node.slots[i]);
    bool is_new = false;
    seen.Add(tuple, &is_new);
    if (!is_new) return true;
    return Charge(tuple.size() * sizeof(Value) + 16) && fn();
  };
  return Eval(node.children[0], once);
}

// Keeps `keep` rows at most: the last of them is the greatest and makes way for a smaller one.
bool Executor::EvalOrderBy(const Algebra& node, RowFn fn, uint64_t keep) {
  std::vector<int> slots;
  node.visible.ForEach([&](int slot) { slots.push_back(slot); });
  const size_t width = slots.size();
  RowStore rows(width + 1);  // behind the values: the row's number
  BlockRows<OrderValue> keys(node.sort.size());
  KeyTexts texts;
  std::vector<size_t> order;  // rows; a heap while no more than `keep` may stay
  // Earlier rows stand before later ones that are equal.
  const auto before = [&](const OrderValue* a, Value number_a, const OrderValue* b,
                          Value number_b) {
    for (size_t i = 0; i < node.sort.size(); ++i) {
      const int compared = CompareOrder(a[i], b[i]);
      if (compared != 0) return node.sort[i].descending ? compared > 0 : compared < 0;
    }
    return number_a < number_b;
  };
  const auto row_before = [&](size_t a, size_t b) {
    return before(keys.Row(a), rows.Row(a)[width], keys.Row(b), rows.Row(b)[width]);
  };
  std::vector<Operand> scratch(node.sort.size());
  std::vector<OrderValue> key(node.sort.size());
  uint64_t number = 0, live_texts = 0;
  const auto fill = [&](size_t row) {
    for (size_t i = 0; i < key.size(); ++i) keys.Row(row)[i] = texts.Keep(key[i]);
    Value* const values = rows.Row(row);
    for (size_t i = 0; i < width; ++i) values[i] = Slot(slots[i]);
    values[width] = number++;
  };
  const auto collect = [&] {
    for (size_t i = 0; i < key.size(); ++i) {
      key[i] = OrderValueOf(evaluator_.Eval(node.sort[i].expr, row_.data(), &scratch[i]));
    }
    const uint64_t text_bytes = texts.bytes();
    if (order.size() < keep) {
      if (rows.size() >= limits_.max_rows) {
        return Fail(ResourceExhaustedError("ORDER BY holds more than ", limits_.max_rows,
                                           " rows; add LIMIT, or narrow the pattern"));
      }
      order.push_back(rows.size());
      rows.Add();
      keys.Add();
      fill(order.back());
      if (keep != UINT64_MAX) std::push_heap(order.begin(), order.end(), row_before);
      return Charge(texts.bytes() - text_bytes + key.size() * sizeof(OrderValue) +
                    (width + 1) * sizeof(Value) + 2 * sizeof(size_t));
    }
    if (order.empty() ||
        !before(key.data(), number, keys.Row(order[0]), rows.Row(order[0])[width])) {
      ++number;
      return true;
    }
    std::pop_heap(order.begin(), order.end(), row_before);
    fill(order.back());
    std::push_heap(order.begin(), order.end(), row_before);
    // Texts of rows that made way.
    constexpr uint64_t kSlack = uint64_t{1} << 20;
    if (texts.bytes() > 2 * live_texts + kSlack) {
      KeyTexts live;
      for (const size_t row : order) {
        for (size_t i = 0; i < key.size(); ++i) keys.Row(row)[i] = live.Keep(keys.Row(row)[i]);
      }
      texts = std::move(live);
      live_texts = texts.bytes();
    }
    return true;
  };
  if (!Eval(node.children[0], collect)) return false;
  if (!TickingSort(&order, row_before, [&] { return Tick(); })) return false;
  std::vector<Value> outside;
  for (const int slot : slots) outside.push_back(Slot(slot));
  bool more = true;
  for (const size_t row : order) {
    for (size_t i = 0; i < width; ++i) Slot(slots[i]) = rows.Row(row)[i];
    more = Tick() && fn();
    if (!more) break;
  }
  for (size_t i = 0; i < width; ++i) Slot(slots[i]) = outside[i];
  return more;
}

bool Executor::EvalSlice(const Algebra& node, RowFn fn) {
  if (node.limit == 0) return true;
  uint64_t seen = 0;
  bool more = true;
  const auto within = [&] {
    if (seen++ < node.offset) return true;
    more = fn();
    return more && seen - node.offset < node.limit;
  };
  const Algebra& child = node.children[0];
  const bool sorted = child.kind == Kind::kProject && !child.children.empty() &&
                      child.children[0].kind == Kind::kOrderBy && node.limit != UINT64_MAX;
  if (sorted) {
    EvalOrderBy(child.children[0], within, node.offset + node.limit);
  } else {
    Eval(child, within);
  }
  return more && status_.ok();
}

}  // namespace undula::queries::pattern
