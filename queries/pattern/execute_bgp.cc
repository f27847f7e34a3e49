// Executor: triple patterns, a variable at a time.
#include <algorithm>
#include <utility>

#include "queries/pattern/executor.h"

namespace undula::queries::pattern {
namespace {

// First place at or behind `from` whose value is not below `value`: doubling steps, then halving.
size_t Gallop(const std::vector<Value>& run, size_t from, Value value) {
  size_t step = 1, low = from;
  while (from + step < run.size() && run[from + step] < value) {
    low = from + step;
    step *= 2;
  }
  const size_t high = std::min(from + step + 1, run.size());
  return static_cast<size_t>(std::lower_bound(run.begin() + static_cast<ptrdiff_t>(low),
                                              run.begin() + static_cast<ptrdiff_t>(high), value) -
                             run.begin());
}

}  // namespace

// The run of a pattern whose one end is bound; null where the run must end. Kept for the next row
// with the same end.
const Executor::SortedRun* Executor::ReadRun(const Algebra& node, const Lookup& lookup,
                                             CachedRun* cached) {
  const TriplePlaces& t = node.triples[static_cast<size_t>(lookup.triple)];
  const Value relation = At(t.relation);
  const Value end = At(lookup.tails ? t.head : t.tail);
  const Value graph = At(node.graph);
  if (cached->valid && cached->relation == relation && cached->end == end &&
      cached->graph == graph) {
    return &cached->run;
  }
  cached->valid = false;
  const absl::StatusOr<RelationRef> ref = source_->Relation(relation);
  if (!ref.ok()) {
    Fail(ref.status());
    return nullptr;
  }
  const size_t before = cached->run.capacity();
  const absl::Status status = lookup.tails ? source_->Tails(*ref, end, GraphOf(node), &cached->run)
                                           : source_->Heads(*ref, end, GraphOf(node), &cached->run);
  if (!Check(status)) return nullptr;
  if (cached->run.capacity() > before &&
      !Charge((cached->run.capacity() - before) * sizeof(Value))) {
    return nullptr;
  }
  cached->relation = relation;
  cached->end = end;
  cached->graph = graph;
  cached->valid = true;
  return &cached->run;
}

void Executor::Intersect(std::vector<const SortedRun*>* runs, SortedRun* out) {
  out->clear();
  std::sort(runs->begin(), runs->end(),
            [](const SortedRun* a, const SortedRun* b) { return a->size() < b->size(); });
  const SortedRun& shortest = *(*runs)[0];
  // Two at a time: `out` holds what is left of the shortest.
  for (size_t i = 1; i < runs->size(); ++i) {
    const SortedRun& run = *(*runs)[i];
    const SortedRun& left = i == 1 ? shortest : *out;
    size_t at = 0, kept = 0;
    const size_t count = left.size();
    if (i == 1) out->resize(count);
    for (size_t j = 0; j < count && at < run.size(); ++j) {
      const Value value = left[j];
      at = Gallop(run, at, value);
      if (at < run.size() && run[at] == value) (*out)[kept++] = value;
      if (!Tick()) break;
    }
    out->resize(kept);
  }
}

bool Executor::EvalBgp(const Algebra& node, RowFn fn) {
  BgpPlan& plan = PlanBgp(node);
  if (!status_.ok()) return false;
  return EvalStep(node, &plan, 0, fn);
}

bool Executor::EvalStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn) {
  if (at == plan->steps.size()) return fn();
  if (plan->kept != nullptr && plan->kept->from == at && !plan->kept->filling) {
    return plan->kept->column == nullptr ? EvalKept(node, plan, fn)
                                         : EvalKeptRun(node, plan, {&Slot(plan->kept->key), 1});
  }
  Step& step = plan->steps[at];
  if (step.tail_exists) {
    // One solution of the rest is enough; whether more are wanted is for the steps before.
    bool wanted = true;
    const auto once = [&] {
      wanted = fn();
      return false;
    };
    step.tail_exists = false;
    EvalStep(node, plan, at, once);
    step.tail_exists = true;
    return wanted && status_.ok();
  }
  if (step.kind == Step::Kind::kScan) {
    return step.edges_only ? EvalEdges(node, plan, at, fn) : EvalScan(node, plan, at, fn);
  }
  if (step.kind == Step::Kind::kCheck) {
    const Lookup& lookup = step.lookups[0];
    const SortedRun* const run = ReadRun(node, lookup, &step.cached[0]);
    if (run == nullptr) return false;
    const TriplePlaces& t = node.triples[static_cast<size_t>(lookup.triple)];
    if (!std::binary_search(run->begin(), run->end(), At(lookup.tails ? t.tail : t.head))) {
      return true;
    }
    return AfterStep(node, plan, at, fn);
  }
  const SortedRun* run = nullptr;
  if (step.lookups.empty()) {
    run = &step.merged;
  } else if (step.lookups.size() == 1) {
    run = ReadRun(node, step.lookups[0], &step.cached[0]);
    if (run == nullptr) return false;
  } else {
    step.runs.clear();
    for (size_t i = 0; i < step.lookups.size(); ++i) {
      step.runs.push_back(ReadRun(node, step.lookups[i], &step.cached[i]));
      if (step.runs.back() == nullptr) return false;
      if (step.runs.back()->empty()) return true;
    }
    Intersect(&step.runs, &step.merged);
    if (!status_.ok()) return false;
    run = &step.merged;
  }
  const KeptTail* const kept = plan->kept.get();
  if (kept != nullptr && kept->column != nullptr && kept->from == at + 1 &&
      kept->key == step.slot && !kept->filling && step.filters.empty()) {
    step.rows += run->size();
    return EvalKeptRun(node, plan, *run);
  }
  bool more = true;
  for (size_t i = 0; i < run->size() && more; ++i) {
    Slot(step.slot) = (*run)[i];
    more = AfterStep(node, plan, at, fn);
  }
  Slot(step.slot) = kUnbound;
  return more;
}

bool Executor::AfterStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn) {
  Step& step = plan->steps[at];
  if (!Tick()) return false;
  if (!Hold(&step.filters)) return status_.ok();
  ++step.rows;
  return EvalStep(node, plan, at + 1, fn);
}

// Works out the solutions of the last steps for a value of their variable; *part stays unknown
// where there is no room for more. False where the run must end.
bool Executor::FillKept(const Algebra& node, BgpPlan* plan, Value key, KeptTail::Part* part) {
  KeptTail& kept = *plan->kept;
  const size_t width = kept.slots.size();
  if (kept_memory_ > limits_.max_memory / 4 || kept.rows.size() > kMaxIds / 2) return true;
  const auto keep = [&] {
    Value* row = kept.rows.Add();
    for (const int slot : kept.slots) *row++ = Slot(slot);
    return Charge(width * sizeof(Value) + 1);
  };
  const size_t before = kept.rows.size();
  const uint64_t memory = memory_;
  kept.filling = true;
  const bool complete = EvalStep(node, plan, kept.from, keep);
  kept.filling = false;
  if (!complete) {
    kept.rows.Shrink(before);
    return false;
  }
  if (width == 1 && Info(node).dedup && kept.rows.size() > before + 1) {
    std::vector<Value> values;
    for (size_t i = before; i < kept.rows.size(); ++i) values.push_back(kept.rows.Row(i)[0]);
    kept.rows.Shrink(before);
    if (!SortDistinct(&values)) return false;
    for (const Value value : values) kept.rows.Add({&value, 1});
  }
  kept_memory_ += memory_ - memory + 48;
  memory_ = memory;
  *part = {static_cast<uint32_t>(before), static_cast<uint32_t>(kept.rows.size() - before), true};
  kept.parts.At(key) = *part;
  return true;
}

// The solutions of the last steps, worked out when a value of their variable first comes.
bool Executor::EvalKept(const Algebra& node, BgpPlan* plan, RowFn fn) {
  KeptTail& kept = *plan->kept;
  const Value key = Slot(kept.key);
  KeptTail::Part part = kept.parts.At(key);
  if (!part.known && !FillKept(node, plan, key, &part)) return false;
  if (!part.known) {
    kept.filling = true;
    const bool more = EvalStep(node, plan, kept.from, fn);
    kept.filling = false;
    return more;
  }
  const size_t width = kept.slots.size(), end = size_t{part.begin} + part.count;
  bool more = true;
  for (size_t i = part.begin; i < end && more; ++i) {
    const Value* const row = kept.rows.Row(i);
    for (size_t j = 0; j < width; ++j) Slot(kept.slots[j]) = row[j];
    more = Tick() && fn();
  }
  for (const int slot : kept.slots) Slot(slot) = kUnbound;
  return more;
}

// The same for many values of their variable, as a column.
bool Executor::EvalKeptRun(const Algebra& node, BgpPlan* plan, std::span<const Value> keys) {
  KeptTail& kept = *plan->kept;
  const ColumnFn& column = *kept.column;
  constexpr size_t kBatch = 256;
  Value batch[kBatch];
  size_t filled = 0;
  const auto flush = [&] {
    const bool more = Tick() && column({batch, filled});
    filled = 0;
    return more;
  };
  for (const Value key : keys) {
    KeptTail::Part part = kept.parts.At(key);
    if (!part.known) {
      const Value before = std::exchange(Slot(kept.key), key);
      bool more = Tick() && FillKept(node, plan, key, &part);
      if (more && !part.known) {
        const auto one = [&] { return column({&Slot(kept.slots[0]), 1}); };
        kept.filling = true;
        more = EvalStep(node, plan, kept.from, one);
        kept.filling = false;
      }
      Slot(kept.key) = before;
      if (!more) return false;
    }
    for (uint32_t i = 0; i < part.count; ++i) {
      batch[filled++] = *kept.rows.Row(size_t{part.begin} + i);
      if (filled == kBatch && !flush()) return false;
    }
  }
  return flush();
}

// The solutions as values of one slot, many at a time where they are kept: for who reads no other.
bool Executor::EvalColumn(const Algebra& node, int slot, ColumnFn fn) {
  if (node.kind == Algebra::Kind::kBgp && node.blocked.empty() && keep_tails_) {
    BgpPlan& plan = PlanBgp(node);
    if (!status_.ok()) return false;
    if (plan.kept != nullptr && plan.kept->slots == std::vector<int>{slot}) {
      const auto counted = [&](std::span<const Value> values) {
        Info(node).rows += values.size();
        return fn(values);
      };
      const ColumnFn column(counted);
      plan.kept->column = &column;
      const auto row = [] { return true; };
      const bool more = EvalStep(node, &plan, 0, row);
      plan.kept->column = nullptr;
      return more;
    }
  }
  const auto one = [&] { return fn({&Slot(slot), 1}); };
  return Eval(node, one);
}

// All edges of a node, whatever their relation.
bool Executor::EvalEdges(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn) {
  Step& step = plan->steps[at];
  const Lookup& lookup = step.lookups[0];
  const TriplePlaces& t = node.triples[static_cast<size_t>(lookup.triple)];
  const Value end = At(lookup.tails ? t.head : t.tail);
  const Value graph = At(node.graph);
  if (!step.has_scan || step.scan_key[0] != end || step.scan_graph != graph) {
    step.has_scan = false;
    const size_t before = step.edges.capacity();
    if (!Check(source_->Edges(end, lookup.tails, GraphOf(node), &step.edges))) return false;
    if (step.edges.capacity() > before &&
        !Charge((step.edges.capacity() - before) * sizeof(kgstore::Edge))) {
      return false;
    }
    step.scan_key[0] = end;
    step.scan_graph = graph;
    step.has_scan = true;
  }
  bool more = true;
  for (const kgstore::Edge& edge : step.edges) {
    if (step.relation_slot >= 0) {
      const absl::StatusOr<Value> relation = source_->RelationValue(edge.relation);
      if (!relation.ok()) return Fail(relation.status());
      Slot(step.relation_slot) = *relation;
    }
    Slot(step.end_slot) = edge.end;
    more = AfterStep(node, plan, at, fn);
    if (!more) break;
  }
  Slot(step.end_slot) = kUnbound;
  if (step.relation_slot >= 0) Slot(step.relation_slot) = kUnbound;
  return more;
}

// One triple of a scan: binds what is open, goes on where it fits, and sets the slots back.
bool Executor::VisitScanned(const Algebra& node, BgpPlan* plan, size_t at,
                            const ValueTriple& triple, RowFn fn) {
  const TriplePlaces& t = node.triples[static_cast<size_t>(plan->steps[at].lookups[0].triple)];
  const std::pair<const Place*, Value> ends[] = {
      {&t.head, triple.head}, {&t.relation, triple.relation}, {&t.tail, triple.tail}};
  int bound[3];
  int count = 0;
  bool fits = true;
  for (const auto& [place, value] : ends) {
    if (At(*place) == value) continue;
    if (!place->is_slot() || Slot(place->slot) != kUnbound) {
      fits = false;
      break;
    }
    Slot(place->slot) = value;
    bound[count++] = place->slot;
  }
  const bool more = fits ? AfterStep(node, plan, at, fn) : Tick();
  for (int i = 0; i < count; ++i) Slot(bound[i]) = kUnbound;
  return more;
}

// A pattern that binds more than one variable: all edges of a node, a whole relation, or all.
bool Executor::EvalScan(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn) {
  Step& step = plan->steps[at];
  const TriplePlaces& t = node.triples[static_cast<size_t>(step.lookups[0].triple)];
  const Value head = At(t.head), relation = At(t.relation), tail = At(t.tail);
  const Value graph = At(node.graph);
  const kgstore::GraphChoice& choice = GraphOf(node);
  std::vector<ValueEdge> edges;
  if (relation == kUnbound && head == kUnbound && tail == kUnbound) {
    // Head by head: the whole graph is never held.
    for (uint32_t e = 0; e < source_->view().counts().entities; ++e) {
      const Value entity = MakeValue(ValueKind::kEntity, e);
      if (!Tick() || !Check(source_->Out(entity, choice, &edges))) return false;
      for (const ValueEdge& edge : edges) {
        if (!VisitScanned(node, plan, at, {entity, edge.relation, edge.end}, fn)) return false;
      }
    }
    return true;
  }
  if (!step.has_scan || step.scan_key[0] != head || step.scan_key[1] != relation ||
      step.scan_key[2] != tail || step.scan_graph != graph) {
    step.has_scan = false;
    const size_t before = step.scanned.capacity();
    step.scanned.clear();
    if (relation != kUnbound) {
      const absl::StatusOr<RelationRef> ref = source_->Relation(relation);
      if (!ref.ok()) return Fail(ref.status());
      std::vector<std::pair<Value, Value>> pairs;
      if (!Check(source_->Pairs(*ref, choice, &pairs))) return false;
      for (const auto& [from, to] : pairs) step.scanned.push_back({from, relation, to});
    } else if (head != kUnbound) {
      if (!Check(source_->Out(head, choice, &edges))) return false;
      for (const ValueEdge& e : edges) step.scanned.push_back({head, e.relation, e.end});
    } else {
      if (!Check(source_->In(tail, choice, &edges))) return false;
      for (const ValueEdge& e : edges) step.scanned.push_back({e.end, e.relation, tail});
    }
    if (step.scanned.capacity() > before &&
        !Charge((step.scanned.capacity() - before) * sizeof(ValueTriple))) {
      return false;
    }
    step.scan_key[0] = head;
    step.scan_key[1] = relation;
    step.scan_key[2] = tail;
    step.scan_graph = graph;
    step.has_scan = true;
  }
  for (const ValueTriple& triple : step.scanned) {
    if (!VisitScanned(node, plan, at, triple, fn)) return false;
  }
  return true;
}

}  // namespace undula::queries::pattern
