// Executor: groups, DISTINCT, ORDER BY, LIMIT, projection.
#include <algorithm>
#include <utility>

#include "base/status.h"
#include "queries/pattern/aggregate.h"
#include "queries/pattern/executor.h"
#include "queries/pattern/tuple_set.h"

namespace undula::queries::pattern {

using Kind = Algebra::Kind;

bool Executor::EvalGroup(const Algebra& node, RowFn fn) {
  const Algebra& child = node.children[0];
  std::vector<int> row_slots;
  child.visible.ForEach([&](int slot) { row_slots.push_back(slot); });
  TupleSet keys(node.slots.size());
  std::vector<Aggregator> aggregators;  // by group, then by call
  std::vector<Value> key(node.slots.size());
  const size_t calls = node.aggregates.size();
  const auto group_of_row = [&](bool* ok) {
    bool is_new = false;
    const size_t group = keys.Add(key, &is_new);
    if (is_new) {
      for (const AggregateCall& call : node.aggregates) aggregators.emplace_back(&call, &row_slots);
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
    for (size_t i = 0; i < calls; ++i) {
      Aggregator& a = aggregators[group * calls + i];
      const size_t kept = a.kept();
      a.Add(&evaluator_, row_.data());
      if (a.kept() != kept && !Charge(48)) return false;
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
      Slot(node.aggregates[i].slot) = evaluator_.ToValue(aggregators[group * calls + i].Result());
    }
    more = fn();
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

namespace {

struct SortedRow {
  std::vector<Operand> keys;
  std::vector<Value> values;
  uint64_t number = 0;  // earlier rows stand before later ones that are equal
};

}  // namespace

// Keeps `keep` rows at most: the last of them is the greatest and makes way for a smaller one.
bool Executor::EvalOrderBy(const Algebra& node, RowFn fn, uint64_t keep) {
  std::vector<int> slots;
  node.visible.ForEach([&](int slot) { slots.push_back(slot); });
  std::vector<SortedRow> rows;
  const auto before = [&](const SortedRow& a, const SortedRow& b) {
    for (size_t i = 0; i < node.sort.size(); ++i) {
      const int order = OrderOperands(a.keys[i], b.keys[i]);
      if (order != 0) return node.sort[i].descending ? order > 0 : order < 0;
    }
    return a.number < b.number;
  };
  uint64_t number = 0;
  const auto collect = [&] {
    SortedRow row;
    row.number = number++;
    for (const SortKey& key : node.sort) {
      Operand scratch;
      row.keys.push_back(evaluator_.Eval(key.expr, row_.data(), &scratch));
    }
    if (rows.size() >= keep) {
      if (rows.empty() || !before(row, rows.front())) return true;
      std::pop_heap(rows.begin(), rows.end(), before);
      rows.pop_back();
    } else {
      if (rows.size() >= limits_.max_rows) {
        return Fail(ResourceExhaustedError("ORDER BY holds more than ", limits_.max_rows,
                                           " rows; add LIMIT, or narrow the pattern"));
      }
      if (!Charge(row.keys.size() * sizeof(Operand) + slots.size() * sizeof(Value) + 64)) {
        return false;
      }
    }
    for (const int slot : slots) row.values.push_back(Slot(slot));
    rows.push_back(std::move(row));
    if (keep != UINT64_MAX) std::push_heap(rows.begin(), rows.end(), before);
    return true;
  };
  if (!Eval(node.children[0], collect)) return false;
  std::sort(rows.begin(), rows.end(), before);
  std::vector<Value> outside;
  for (const int slot : slots) outside.push_back(Slot(slot));
  bool more = true;
  for (const SortedRow& row : rows) {
    for (size_t i = 0; i < slots.size(); ++i) Slot(slots[i]) = row.values[i];
    more = fn();
    if (!more) break;
  }
  for (size_t i = 0; i < slots.size(); ++i) Slot(slots[i]) = outside[i];
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
