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
  std::vector<size_t> at(runs->size(), 0);
  for (const Value value : *(*runs)[0]) {
    bool all = true;
    for (size_t i = 1; i < runs->size() && all; ++i) {
      const SortedRun& run = *(*runs)[i];
      at[i] = Gallop(run, at[i], value);
      if (at[i] == run.size()) return;
      all = run[at[i]] == value;
    }
    if (all) out->push_back(value);
  }
}

bool Executor::EvalBgp(const Algebra& node, RowFn fn) {
  BgpPlan& plan = PlanBgp(node);
  if (!status_.ok()) return false;
  return EvalStep(node, &plan, 0, fn);
}

bool Executor::EvalStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn) {
  if (at == plan->steps.size()) return fn();
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
  if (step.kind == Step::Kind::kScan) return EvalScan(node, plan, at, fn);
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
  if (step.lookups.size() == 1) {
    run = ReadRun(node, step.lookups[0], &step.cached[0]);
    if (run == nullptr) return false;
  } else {
    std::vector<const SortedRun*> runs;
    for (size_t i = 0; i < step.lookups.size(); ++i) {
      runs.push_back(ReadRun(node, step.lookups[i], &step.cached[i]));
      if (runs.back() == nullptr) return false;
      if (runs.back()->empty()) return true;
    }
    Intersect(&runs, &step.merged);
    run = &step.merged;
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
  if (!Hold(step.filters)) return status_.ok();
  ++step.rows;
  return EvalStep(node, plan, at + 1, fn);
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
