// Executor: what can be known before a part runs, the order of joins, and the plan as text.
#include <algorithm>
#include <cstdio>

#include "base/status.h"
#include "queries/pattern/executor.h"

namespace undula::queries::pattern {
namespace {

using Kind = Algebra::Kind;

constexpr double kUnknownRows = 1000;

// A sub-SELECT that yields other rows when it is entered with values.
bool WholeOnly(const Algebra& node) {
  switch (node.kind) {
    case Kind::kGroup:
    case Kind::kSlice:
    case Kind::kOrderBy:
      return true;
    case Kind::kProject:
    case Kind::kDistinct:
    case Kind::kFilter:
    case Kind::kExtend:
      return !node.children.empty() && WholeOnly(node.children[0]);
    default:
      return false;
  }
}

const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"unit",   "triples",  "path",   "values", "join",  "optional",
                                    "union",  "minus",    "filter", "bind",   "graph", "group",
                                    "select", "distinct", "order",  "slice"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Short(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

}  // namespace

// `needed`: slots that are read outside of the node; `dedup`: whether duplicates do not matter
// there.
void Executor::Prepare(const Algebra& node, const SlotSet& needed, bool dedup) {
  NodeInfo& info = Info(node);
  info.dedup = dedup;
  info.needed = needed;
  CollectSlots(node, &info.all);
  const auto prepare_exists = [&](const Expr& expr, const auto& self) -> void {
    if (expr.pattern != nullptr) Prepare(*expr.pattern, SlotSet(), true);
    for (const Expr& arg : expr.args) self(arg, self);
  };
  for (const Expr& expr : node.exprs) prepare_exists(expr, prepare_exists);
  for (const SortKey& key : node.sort) prepare_exists(key.expr, prepare_exists);
  for (const AggregateCall& call : node.aggregates) prepare_exists(call.arg, prepare_exists);

  SlotSet inner = needed;
  for (const Expr& expr : node.exprs) inner.AddAll(expr.slots);
  for (const SortKey& key : node.sort) inner.AddAll(key.expr.slots);
  switch (node.kind) {
    case Kind::kFilter: {
      // A condition moves into the triples that bind all it reads.
      Algebra const* child = &node.children[0];
      std::vector<const Algebra*> parts;
      if (child->kind == Kind::kBgp) parts.push_back(child);
      if (child->kind == Kind::kJoin) {
        for (const Algebra& part : child->children) {
          if (part.kind == Kind::kBgp) parts.push_back(&part);
        }
      }
      for (const Expr& expr : node.exprs) {
        SlotSet reads = expr.slots;
        reads.KeepOnly(child->visible);
        const auto part = std::find_if(parts.begin(), parts.end(), [&](const Algebra* p) {
          return !reads.empty() && reads.Within(p->certain);
        });
        // A condition on a count is judged where the groups are.
        const Condition condition(&expr);
        if (child->kind == Kind::kGroup && condition.slot >= 0 &&
            std::any_of(child->aggregates.begin(), child->aggregates.end(),
                        [&](const AggregateCall& call) { return call.slot == condition.slot; })) {
          Info(*child).counted.push_back(condition);
          Info(*child).verdicts.assign(256, 0);
          continue;
        }
        // EXISTS within the triples would keep their solutions from being kept.
        if (part == parts.end() || (keep_tails_ && !condition.pure)) {
          info.rest.push_back(condition);
          FindMember(&info.rest.back());
        } else {
          Info(**part).pushed.push_back(&expr);
        }
      }
      Prepare(*child, inner, dedup);
      return;
    }
    case Kind::kJoin:
      for (const Algebra& child : node.children) {
        SlotSet others = inner;
        for (const Algebra& other : node.children) {
          if (&other != &child) CollectSlots(other, &others);
        }
        Prepare(child, others, dedup);
      }
      return;
    case Kind::kLeftJoin:
    case Kind::kMinus: {
      SlotSet left = inner;
      CollectSlots(node.children[1], &left);
      Prepare(node.children[0], left, dedup);
      SlotSet right = inner;
      CollectSlots(node.children[0], &right);
      Prepare(node.children[1], right, node.kind == Kind::kMinus || dedup);
      return;
    }
    case Kind::kDistinct:
      Prepare(node.children[0], inner, true);
      return;
    case Kind::kGroup: {
      SlotSet read;
      bool distinct = true;
      for (const int slot : node.slots) read.Add(slot);
      for (const AggregateCall& call : node.aggregates) {
        read.AddAll(call.arg.slots);
        if (call.star && call.distinct) read.AddAll(node.children[0].visible);
        distinct =
            distinct && (call.distinct || call.kind == AggregateKind::kMin ||
                         call.kind == AggregateKind::kMax || call.kind == AggregateKind::kSample);
      }
      Prepare(node.children[0], read, distinct);
      return;
    }
    case Kind::kProject: {
      SlotSet read;
      for (const int slot : node.slots) read.Add(slot);
      Prepare(node.children[0], read, dedup);
      return;
    }
    case Kind::kSlice:
      // How many rows there are decides.
      Prepare(node.children[0], inner, dedup && node.children[0].kind == Kind::kDistinct);
      return;
    case Kind::kGraph:
      if (node.inner_graph >= 0) {
        inner.Add(node.inner_graph);
        fixed_.Add(node.inner_graph);
      }
      if (node.graph.is_slot()) inner.Add(node.graph.slot);
      break;
    default:
      break;
  }
  for (const Algebra& child : node.children) Prepare(child, inner, dedup);
}

// The run itself is read where its end is known, into *run.
double Executor::EstimateRun(const Algebra& bgp, size_t triple, bool tails, CachedRun* run) {
  const TriplePlaces& t = bgp.triples[triple];
  const Place& end = tails ? t.head : t.tail;
  const Value relation = At(t.relation);
  if (relation == kUnbound) return kUnknownRows;
  const absl::StatusOr<RelationRef> ref = source_->Relation(relation);
  if (!ref.ok()) return Fail(ref.status());
  if (ref->kind == RelationRef::Kind::kNone) return 0;
  const Value value = At(end);
  if (value != kUnbound) {
    const SortedRun* const found = ReadRun(bgp, {static_cast<int>(triple), tails}, run);
    return found == nullptr ? 0 : static_cast<double>(found->size());
  }
  const absl::StatusOr<Source::Fanout> fanout = source_->FanoutOf(*ref);
  if (!fanout.ok()) return Fail(fanout.status());
  return tails ? fanout->tails : fanout->heads;
}

// Rows of a node when the slots of `bound` are bound before.
double Executor::Estimate(const Algebra& node, const SlotSet& bound) {
  const auto is_bound = [&](const Place& p) { return !p.is_slot() || bound.Has(p.slot); };
  switch (node.kind) {
    case Kind::kUnit:
      return 0;
    case Kind::kValues:
      return static_cast<double>(node.rows.size());
    case Kind::kBgp: {
      double best = 1e12;
      for (size_t i = 0; i < node.triples.size(); ++i) {
        const TriplePlaces& t = node.triples[i];
        const Value relation = At(t.relation);
        double rows = static_cast<double>(source_->view().counts().triples) + 1e6;
        const bool head = is_bound(t.head), tail = is_bound(t.tail);
        if (relation != kUnbound) {
          if (head && tail) {
            rows = 1;
          } else if (head || tail) {
            CachedRun run;
            rows = EstimateRun(node, i, head, &run);
          } else if (const auto ref = source_->Relation(relation); ref.ok()) {
            const auto count = source_->CountOf(*ref);
            if (count.ok()) rows = static_cast<double>(*count);
          }
        } else if (head || tail) {
          rows = kUnknownRows;
        }
        best = std::min(best, rows);
      }
      return best;
    }
    case Kind::kPath:
      return is_bound(node.head) || is_bound(node.tail) ? kUnknownRows : 1e9;
    case Kind::kUnion: {
      double sum = 0;
      for (const Algebra& child : node.children) sum += Estimate(child, bound);
      return sum;
    }
    case Kind::kJoin: {
      double best = 1e12;
      for (const Algebra& child : node.children) best = std::min(best, Estimate(child, bound));
      return best;
    }
    default:
      if (WholeOnly(node)) return kUnknownRows / 2;
      return node.children.empty() ? 0 : Estimate(node.children[0], bound);
  }
}

// Children of a join in their order; of OPTIONAL and MINUS, whether the right side is stored.
Executor::JoinPlan& Executor::PlanJoin(const Algebra& node) {
  NodeInfo& info = Info(node);
  const SlotSet outside = BoundSlots();
  for (const auto& plan : info.join) {
    if (plan->bound == outside) return *plan;
  }
  auto owned = std::make_unique<JoinPlan>();
  JoinPlan& plan = *owned;
  info.join.push_back(std::move(owned));
  plan.bound = outside;
  plan.stored.assign(node.children.size(), false);
  SlotSet bound = outside;
  if (node.kind != Kind::kJoin) {
    bound.AddAll(node.children[0].certain);
    const Algebra& right = node.children[1];
    SlotSet shared = right.visible;
    shared.KeepOnly(bound);
    plan.stored[1] = WholeOnly(right) || (shared.empty() && !right.visible.empty());
    return plan;
  }
  std::vector<bool> done(node.children.size(), false);
  for (size_t n = 0; n < node.children.size(); ++n) {
    size_t best = 0;
    double best_cost = 0;
    bool best_connected = false, any = false;
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (done[i]) continue;
      const Algebra& child = node.children[i];
      SlotSet shared = child.visible;
      shared.KeepOnly(bound);
      const bool connected = n == 0 || !shared.empty() || child.visible.empty();
      const double cost = Estimate(child, bound);
      if (any &&
          (connected < best_connected || (connected == best_connected && cost >= best_cost))) {
        continue;
      }
      any = true;
      best = i;
      best_cost = cost;
      best_connected = connected;
    }
    const Algebra& child = node.children[best];
    done[best] = true;
    plan.order.push_back(best);
    plan.cartesian = plan.cartesian || !best_connected;
    plan.stored[best] =
        n > 0 && (WholeOnly(child) || !best_connected) && child.kind != Kind::kValues;
    bound.AddAll(child.certain);
  }
  return plan;
}

std::string Executor::PlaceText(const Place& place) const {
  if (place.is_slot()) {
    const std::string& name = query_->slot_names[static_cast<size_t>(place.slot)];
    return name.empty() ? Concat("?_", place.slot) : "?" + name;
  }
  const absl::StatusOr<Term> term = source_->Get(place.value);
  if (!term.ok()) return "(damaged)";
  switch (term->kind) {
    case TermKind::kIri:
      return "<" + term->text + ">";
    case TermKind::kUser:
      return "u:user(\"" + term->text + "\")";
    case TermKind::kItem:
      return "u:item(\"" + term->text + "\")";
    default:
      return "\"" + term->text + "\"";
  }
}

void Executor::ExplainNode(const Algebra& node, int depth, std::string* out) const {
  const std::string indent(static_cast<size_t>(2 * depth), ' ');
  if (info_.empty()) return;  // nothing has run yet
  const NodeInfo& info = info_[static_cast<size_t>(node.number)];
  *out += Concat(indent, NameOf(node.kind));
  if (node.kind == Kind::kPath) {
    *out += Concat(" ", PlaceText(node.head), " ... ", PlaceText(node.tail));
  }
  if (node.kind == Kind::kSlice && node.limit != UINT64_MAX) *out += Concat(" ", node.limit);
  *out += Concat("  rows ", info.rows, "\n");
  for (const auto& plan : info.bgp) {
    for (const Step& step : plan->steps) {
      constexpr const char* kNames[] = {"bind", "scan", "check"};
      *out += Concat(indent, "  ", kNames[static_cast<size_t>(step.kind)]);
      if (step.slot >= 0) *out += " " + PlaceText({step.slot, kUnbound, {}});
      if (step.lookups.empty()) *out += " by its numbers";
      for (const Lookup& lookup : step.lookups) {
        const TriplePlaces& t = node.triples[static_cast<size_t>(lookup.triple)];
        *out += Concat(" { ", PlaceText(t.head), " ", PlaceText(t.relation), " ", PlaceText(t.tail),
                       " }");
      }
      if (!step.filters.empty()) *out += Concat(" filters ", step.filters.size());
      if (step.tail_exists) *out += " first match only";
      *out += Concat("  estimate ", Short(step.estimate), "  rows ", step.rows, "\n");
    }
  }
  std::vector<size_t> order(node.children.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (node.kind == Kind::kJoin && !info.join.empty()) order = info.join[0]->order;
  for (const size_t child : order) ExplainNode(node.children[child], depth + 1, out);
}

std::string Executor::Explain() const {
  std::string out;
  ExplainNode(query_->root, 0, &out);
  return out;
}

void Executor::FindCartesian(const Algebra& node, std::vector<std::string>* out) const {
  if (node.kind == Kind::kJoin) {
    // Components by shared variables; parameters connect nothing, but are values themselves.
    std::vector<SlotSet> parts;
    for (const Algebra& child : node.children) {
      SlotSet own = child.visible;
      own.RemoveAll(fixed_);
      if (own.empty()) continue;
      for (size_t i = 0; i < parts.size();) {
        if (!parts[i].Meets(own)) {
          ++i;
          continue;
        }
        own.AddAll(parts[i]);
        parts.erase(parts.begin() + static_cast<ptrdiff_t>(i));
      }
      parts.push_back(own);
    }
    if (parts.size() > 1) {
      std::string text;
      for (const SlotSet& part : parts) {
        text += text.empty() ? "{" : " x {";
        part.ForEach([&](int slot) { text += " " + PlaceText({slot, kUnbound, {}}); });
        text += " }";
      }
      out->push_back(text);
    }
  }
  for (const Algebra& child : node.children) FindCartesian(child, out);
}

std::vector<std::string> Executor::CartesianProducts() const {
  std::vector<std::string> out;
  FindCartesian(query_->root, &out);
  return out;
}

}  // namespace undula::queries::pattern
