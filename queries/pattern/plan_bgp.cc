// Executor: the order in which the variables of a basic graph pattern are bound.
#include <algorithm>

#include "queries/pattern/executor.h"

namespace undula::queries::pattern {
namespace {

void AddOpen(const Place& place, const SlotSet& bound, SlotSet* open) {
  if (place.is_slot() && !bound.Has(place.slot)) open->Add(place.slot);
}

SlotSet OpenSlots(const TriplePlaces& t, const SlotSet& bound) {
  SlotSet open;
  AddOpen(t.head, bound, &open);
  AddOpen(t.relation, bound, &open);
  AddOpen(t.tail, bound, &open);
  return open;
}

}  // namespace

// Moves the conditions that `bound` suffices for from *open to the step.
void Executor::AddFilters(const Algebra& node, const SlotSet& bound, std::vector<const Expr*>* open,
                          Step* step) const {
  for (size_t i = 0; i < open->size();) {
    SlotSet reads = (*open)[i]->slots;
    reads.KeepOnly(node.visible);
    if (!reads.Within(bound)) {
      ++i;
      continue;
    }
    step->filters.emplace_back((*open)[i]);
    open->erase(open->begin() + static_cast<ptrdiff_t>(i));
  }
}

// Whether the scan is of all edges of a node that bind two variables.
void Executor::FindEdgeScan(const Algebra& node, const SlotSet& bound, Step* step) {
  const NodeInfo& info = Info(node);
  const auto triple = static_cast<size_t>(step->lookups[0].triple);
  const TriplePlaces& t = node.triples[triple];
  const auto is_open = [&](const Place& p) { return p.is_slot() && !bound.Has(p.slot); };
  const bool tails = !is_open(t.head);
  const Place& end = tails ? t.tail : t.head;
  if (!is_open(t.relation) || !is_open(end) || is_open(tails ? t.head : t.tail) ||
      end.slot == t.relation.slot) {
    return;
  }
  step->edges_only = true;
  step->lookups[0].tails = tails;
  step->end_slot = end.slot;
  SlotSet read = info.needed;
  for (const Expr* const expr : info.pushed) read.AddAll(expr->slots);
  for (size_t i = 0; i < node.triples.size(); ++i) {
    if (i == triple) continue;
    for (const Place* p :
         {&node.triples[i].head, &node.triples[i].relation, &node.triples[i].tail}) {
      AddOpen(*p, SlotSet(), &read);
    }
  }
  if (read.Has(t.relation.slot)) step->relation_slot = t.relation.slot;
}

// The longest tail of steps whose solutions depend on one variable.
void Executor::FindTail(const Algebra& node, BgpPlan* plan) {
  if (node.graph.is_slot()) return;
  const auto places_of = [&](const Step& step) {
    SlotSet places;
    if (step.slot >= 0) places.Add(step.slot);
    for (const Lookup& lookup : step.lookups) {
      const TriplePlaces& t = node.triples[static_cast<size_t>(lookup.triple)];
      for (const Place* p : {&t.head, &t.relation, &t.tail}) AddOpen(*p, SlotSet(), &places);
    }
    return places;
  };
  SlotSet reads;
  std::unique_ptr<KeptTail> kept;
  for (size_t i = plan->steps.size(); i-- > 0;) {
    const Step& step = plan->steps[i];
    if (!std::all_of(step.filters.begin(), step.filters.end(), [&](const Condition& filter) {
          return filter.pure && filter.expr->slots.Within(node.visible);
        })) {
      break;
    }
    for (const Condition& filter : step.filters) reads.AddAll(filter.expr->slots);
    reads.AddAll(places_of(step));
    SlotSet known = plan->bound;
    for (size_t j = 0; j < i; ++j) known.AddAll(places_of(plan->steps[j]));
    SlotSet binds = reads;  // the steps from i on
    binds.RemoveAll(known);
    known.KeepOnly(reads);
    if (known.size() != 1 || known.Meets(fixed_)) continue;
    kept = std::make_unique<KeptTail>();
    kept->from = i;
    known.ForEach([&](int slot) { kept->key = slot; });
    SlotSet read = binds;
    read.KeepOnly(Info(node).needed);
    read.ForEach([&](int slot) { kept->slots.push_back(slot); });
    kept->rows = RowStore(kept->slots.size());
  }
  plan->kept = std::move(kept);
}

Executor::BgpPlan& Executor::PlanBgp(const Algebra& node) {
  NodeInfo& info = Info(node);
  SlotSet outside;
  node.visible.ForEach([&](int slot) {
    if (Slot(slot) != kUnbound) outside.Add(slot);
  });
  for (const auto& plan : info.bgp) {
    if (plan->bound == outside) return *plan;
  }
  auto owned = std::make_unique<BgpPlan>();
  owned->bound = outside;
  owned->steps.reserve(node.triples.size());
  SlotSet bound = outside;
  std::vector<const Expr*> filters = info.pushed;
  std::vector<bool> done(node.triples.size(), false);
  // Those read for estimates: the steps need them.
  std::vector<CachedRun> runs(node.triples.size());
  size_t left = node.triples.size();
  SlotSet ranges_tried;
  const auto finish = [&](Step step) {
    AddFilters(node, bound, &filters, &step);
    step.cached.resize(step.lookups.size());
    for (size_t i = 0; step.kind == Step::Kind::kExtend && i < step.lookups.size(); ++i) {
      std::swap(step.cached[i], runs[static_cast<size_t>(step.lookups[i].triple)]);
    }
    owned->steps.push_back(std::move(step));
  };
  const auto check_bound = [&] {
    for (size_t i = 0; i < node.triples.size(); ++i) {
      if (done[i] || !OpenSlots(node.triples[i], bound).empty()) continue;
      const TriplePlaces& t = node.triples[i];
      done[i] = true;
      --left;
      Step step;
      step.kind = Step::Kind::kCheck;
      // A run of a constant end is read once.
      step.lookups.push_back({static_cast<int>(i), t.tail.is_slot() || !t.head.is_slot()});
      step.estimate = 1;
      finish(std::move(step));
    }
  };
  check_bound();
  while (left > 0) {
    // The variable with the shortest expected run.
    Step best;
    bool any = false;
    SlotSet tried;
    for (size_t i = 0; i < node.triples.size(); ++i) {
      if (done[i]) continue;
      const SlotSet open = OpenSlots(node.triples[i], bound);
      const TriplePlaces& t = node.triples[i];
      const bool same_twice = t.head.is_slot() && t.head.slot == t.tail.slot;
      if (open.size() != 1 || same_twice || (t.relation.is_slot() && open.Has(t.relation.slot))) {
        continue;
      }
      int slot = -1;
      open.ForEach([&](int s) { slot = s; });
      if (tried.Has(slot)) continue;
      tried.Add(slot);
      Step step;
      step.slot = slot;
      step.estimate = 1e18;
      for (size_t j = i; j < node.triples.size(); ++j) {
        const TriplePlaces& other = node.triples[j];
        const SlotSet rest = OpenSlots(other, bound);
        if (done[j] || rest.size() != 1 || !rest.Has(slot)) continue;
        if (other.relation.is_slot() && other.relation.slot == slot) continue;
        if (other.head.is_slot() && other.head.slot == other.tail.slot) continue;
        const bool tails = other.tail.is_slot() && other.tail.slot == slot;
        step.lookups.push_back({static_cast<int>(j), tails});
        step.estimate = std::min(step.estimate, EstimateRun(node, j, tails, &runs[j]));
      }
      if (!any || step.estimate < best.estimate) best = std::move(step);
      any = true;
    }
    // Numbers that a condition names, where that reads less.
    constexpr double kCheap = 256;
    if (!any || best.estimate > kCheap) {
      Step range;
      if (FindRange(node, filters, bound, any ? best.estimate : 1e18, &ranges_tried, &range)) {
        best = std::move(range);
        any = true;
      }
      if (!status_.ok()) break;
    }
    if (any) {
      bound.Add(best.slot);
      for (const Lookup& lookup : best.lookups) {
        done[static_cast<size_t>(lookup.triple)] = true;
        --left;
      }
      finish(std::move(best));
      check_bound();
      continue;
    }
    // Nothing but whole relations: the smallest one.
    Step scan;
    scan.kind = Step::Kind::kScan;
    scan.estimate = 1e18;
    for (size_t i = 0; i < node.triples.size(); ++i) {
      if (done[i]) continue;
      const TriplePlaces& t = node.triples[i];
      double rows = static_cast<double>(source_->view().counts().triples) +
                    static_cast<double>(source_->view().counts().attributes) + 1;
      const Value relation = At(t.relation);
      const SlotSet open = OpenSlots(t, bound);
      if (open.size() < 2 && (t.head.slot != t.tail.slot || !t.head.is_slot())) rows = 100;
      if (relation != kUnbound) {
        const auto ref = source_->Relation(relation);
        const auto count =
            ref.ok() ? source_->CountOf(*ref) : absl::StatusOr<uint64_t>(ref.status());
        if (count.ok()) {
          rows = static_cast<double>(*count);
        } else {
          Fail(count.status());
        }
      } else if (open.size() == 2 && !(t.head.is_slot() && open.Has(t.head.slot) &&
                                       t.tail.is_slot() && open.Has(t.tail.slot))) {
        rows = 100;  // all edges of one node
      }
      if (rows < scan.estimate) {
        scan.estimate = rows;
        scan.lookups = {{static_cast<int>(i), true}};
      }
    }
    const auto chosen = static_cast<size_t>(scan.lookups[0].triple);
    FindEdgeScan(node, bound, &scan);
    done[chosen] = true;
    --left;
    OpenSlots(node.triples[chosen], bound).ForEach([&](int slot) { bound.Add(slot); });
    finish(std::move(scan));
    check_bound();
  }
  // Where duplicates do not matter: steps behind which nobody reads what they bind.
  if (info.dedup) {
    SlotSet read = info.needed;
    for (size_t i = owned->steps.size(); i > 0; --i) {
      Step& step = owned->steps[i - 1];
      SlotSet binds;
      if (step.slot >= 0) binds.Add(step.slot);
      if (step.kind == Step::Kind::kScan) {
        const TriplePlaces& t = node.triples[static_cast<size_t>(step.lookups[0].triple)];
        for (const Place* p : {&t.head, &t.relation, &t.tail}) {
          if (p->is_slot() && !outside.Has(p->slot)) binds.Add(p->slot);
        }
      }
      if (binds.Meets(read)) break;
      step.tail_exists = true;
    }
    // Only the first of them ends the search.
    for (size_t i = owned->steps.size(); i > 1; --i) {
      if (owned->steps[i - 2].tail_exists) owned->steps[i - 1].tail_exists = false;
    }
  }
  if (keep_tails_) FindTail(node, owned.get());
  info.bgp.push_back(std::move(owned));
  return *info.bgp.back();
}

}  // namespace undula::queries::pattern
