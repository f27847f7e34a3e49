// Executor: the nodes of the algebra but triples, paths and solution modifiers.
#include <algorithm>
#include <utility>

#include "base/status.h"
#include "queries/pattern/executor.h"

namespace undula::queries::pattern {

using Kind = Algebra::Kind;

Executor::Executor(const Translated* query, Source* source, const EvaluatorOptions& options)
    : query_(query), source_(source), evaluator_(source, options) {
  row_.assign(static_cast<size_t>(query->slots), kUnbound);
  for (size_t i = 0; i < query->params.size(); ++i) fixed_.Add(static_cast<int>(i));
  evaluator_.set_exists(
      [this](const Algebra& pattern, const Value* row) { return Exists(pattern, row); });
  source_->set_pause([this](uint64_t bytes) { return Pause(bytes); });
  evaluator_.set_catalog([this](Function function, Value first, Value second) {
    return source_->Catalog(function, first, second);
  });
}

absl::Status Executor::Run(std::span<const Value> params, const Limits& limits, RowFn fn) {
  limits_ = limits;
  status_ = absl::OkStatus();
  memory_ = 0;
  std::fill(row_.begin(), row_.end(), kUnbound);
  std::copy(params.begin(), params.end(), row_.begin());
  epoch_ = run_epoch_ = ++next_epoch_;
  if (!prepared_) {
    default_graph_.any = source_->view().counts().quads == 0;
    default_graph_.default_graph = true;
    UNDULA_ASSIGN_OR_RETURN(const auto* names, source_->GraphNames());
    graph_names_ = *names;
    if (query_->has_dataset) {
      const auto choose = [&](const std::vector<std::string>& iris) {
        std::vector<Value> chosen;
        for (const std::string& iri : iris) {
          const absl::StatusOr<Value> value = source_->Intern({TermKind::kIri, iri, "", ""});
          if (!value.ok()) Fail(value.status());
          if (value.ok() && std::binary_search(names->begin(), names->end(), *value)) {
            chosen.push_back(*value);
          }
        }
        std::sort(chosen.begin(), chosen.end());
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        return chosen;
      };
      default_graph_ = {};
      default_graph_.any = false;
      for (const Value graph : choose(query_->from)) {
        default_graph_.named.push_back(static_cast<EntityId>(IdOf(graph)));
      }
      graph_names_ = choose(query_->from_named);
      UNDULA_RETURN_IF_ERROR(status_);
    }
    SlotSet needed;
    for (const int slot : query_->column_slots) needed.Add(slot);
    info_.resize(static_cast<size_t>(query_->nodes));
    Prepare(query_->root, needed, query_->form == QueryForm::kAsk || query_->rows_as_set);
    prepared_ = true;
  }
  const Algebra* root = &query_->root;
  while (query_->rows_as_set && root->kind == Kind::kDistinct) root = &root->children[0];
  Eval(*root, fn);
  UNDULA_RETURN_IF_ERROR(status_);
  return evaluator_.status();
}

bool Executor::Tick() {
  if ((++ticks_ & 255) != 0) return true;
  return Check(Pause(0));
}

absl::Status Executor::Pause(uint64_t bytes) {
  if (limits_.deadline.has_value() && std::chrono::steady_clock::now() > *limits_.deadline) {
    return DeadlineExceededError(
        "the query ran past its deadline; narrow the pattern, or "
        "allow more time");
  }
  if (limits_.progress != nullptr && ++pauses_ % 32 == 0) {
    UNDULA_RETURN_IF_ERROR(limits_.progress->Report(0, 0, "query"));
  }
  UNDULA_RETURN_IF_ERROR(evaluator_.status());
  if (memory_ + kept_memory_ + source_->bytes() + bytes <= limits_.max_memory) {
    return absl::OkStatus();
  }
  return ResourceExhaustedError("the query needs more than ", limits_.max_memory,
                                " bytes; narrow the pattern, or allow more memory");
}

bool Executor::Charge(uint64_t bytes) {
  memory_ += bytes;
  if (memory_ + kept_memory_ + source_->bytes() <= limits_.max_memory) return true;
  return Check(Pause(0));
}

SlotSet Executor::BoundSlots() const {
  SlotSet bound;
  for (size_t i = 0; i < row_.size(); ++i) {
    if (row_[i] != kUnbound) bound.Add(static_cast<int>(i));
  }
  return bound;
}

const kgstore::GraphChoice& Executor::GraphOf(const Algebra& node) {
  const Value graph = At(node.graph);
  if (graph == kUnbound) return default_graph_;
  kgstore::GraphChoice& choice = graphs_[graph];
  if (choice.any) {
    choice.any = false;
    if (KindOf(graph) == ValueKind::kEntity) {
      choice.named.push_back(static_cast<EntityId>(IdOf(graph)));
    }
  }
  return choice;
}

bool Executor::Eval(const Algebra& node, RowFn fn) {
  bool masked = false;
  if (!node.blocked.empty()) {
    node.blocked.ForEach([&](int slot) { masked = masked || Slot(slot) != kUnbound; });
  }
  return masked ? EvalMasked(node, fn) : EvalNode(node, fn);
}

// The node is evaluated as if nothing were known of its blocked slots; its solutions are then
// joined with what is known.
bool Executor::EvalMasked(const Algebra& node, RowFn fn) {
  std::vector<std::pair<int, Value>> hidden;
  node.blocked.ForEach([&](int slot) {
    if (Slot(slot) == kUnbound) return;
    hidden.emplace_back(slot, Slot(slot));
    Slot(slot) = kUnbound;
  });
  std::vector<Value> inner(hidden.size());
  const auto joined = [&] {
    for (const auto& [slot, value] : hidden) {
      if (Slot(slot) != kUnbound && Slot(slot) != value) return true;
    }
    for (size_t i = 0; i < hidden.size(); ++i) {
      inner[i] = Slot(hidden[i].first);
      Slot(hidden[i].first) = hidden[i].second;
    }
    const std::vector<Value> keep = inner;  // deeper calls use `inner` again
    const bool more = fn();
    for (size_t i = 0; i < hidden.size(); ++i) Slot(hidden[i].first) = keep[i];
    return more;
  };
  const bool more = EvalNode(node, joined);
  for (const auto& [slot, value] : hidden) Slot(slot) = value;
  return more;
}

bool Executor::EvalNode(const Algebra& node, RowFn fn) {
  if (!status_.ok()) return false;
  NodeInfo& info = Info(node);
  const auto counted = [&] {
    ++info.rows;
    return fn();
  };
  const RowFn out(counted);
  switch (node.kind) {
    case Kind::kUnit:
      return out();
    case Kind::kBgp:
      return EvalBgp(node, out);
    case Kind::kPath:
      return EvalPath(node, out);
    case Kind::kValues:
      return EvalValues(node, out);
    case Kind::kJoin:
      return EvalJoin(node, PlanJoin(node), 0, out);
    case Kind::kLeftJoin:
      return EvalLeftJoin(node, out);
    case Kind::kUnion:
      for (const Algebra& child : node.children) {
        if (!Eval(child, out)) return false;
      }
      return true;
    case Kind::kMinus:
      return EvalMinus(node, out);
    case Kind::kFilter:
      return EvalFilter(node, out);
    case Kind::kExtend:
      return EvalExtend(node, out);
    case Kind::kGraph:
      return EvalGraph(node, out);
    case Kind::kGroup:
      return EvalGroup(node, out);
    case Kind::kProject:
      return EvalProject(node, out);
    case Kind::kDistinct:
      return EvalDistinct(node, out);
    case Kind::kOrderBy:
      return EvalOrderBy(node, out, UINT64_MAX);
    case Kind::kSlice:
      return EvalSlice(node, out);
  }
  return true;
}

bool Executor::EvalJoin(const Algebra& node, const JoinPlan& plan, size_t at, RowFn fn) {
  if (at == plan.order.size()) return fn();
  const size_t child = plan.order[at];
  const auto next = [&] { return EvalJoin(node, plan, at + 1, fn); };
  if (plan.stored[child]) return EvalStored(node.children[child], BoundSlots(), next);
  return Eval(node.children[child], next);
}

bool Executor::EvalValues(const Algebra& node, RowFn fn) {
  std::vector<int> set;
  for (const std::vector<Value>& values : node.rows) {
    bool matches = true;
    set.clear();
    for (size_t i = 0; i < values.size() && matches; ++i) {
      Value& place = Slot(node.slots[i]);
      if (values[i] == kUnbound || place == values[i]) continue;
      if (place != kUnbound) {
        matches = false;
        break;
      }
      place = values[i];
      set.push_back(node.slots[i]);
    }
    const std::vector<int> mine = set;
    const bool more = Tick() && (!matches || fn());
    for (const int slot : mine) Slot(slot) = kUnbound;
    if (!more) return false;
  }
  return true;
}

namespace {

// Whether an expression depends on what it reads only, and on no pattern.
bool IsPure(const Expr& expr) {
  if (expr.pattern != nullptr) return false;
  if (expr.op == Operator::kCall &&
      (expr.function == Function::kRand || expr.function == Function::kBnode ||
       expr.function == Function::kUuid || expr.function == Function::kStrUuid)) {
    return false;
  }
  return std::all_of(expr.args.begin(), expr.args.end(), IsPure);
}

}  // namespace

Executor::Condition::Condition(const Expr* e) : expr(e), pure(IsPure(*e)) {
  if (pure && e->slots.size() == 1) e->slots.ForEach([&](int s) { slot = s; });
}

// Whether the condition asks of a slot that every row binds if it is in one run.
void Executor::FindMember(Condition* condition) const {
  const Expr& expr = *condition->expr;
  if (expr.pattern == nullptr || expr.pattern->kind != Kind::kBgp) return;
  const Algebra& node = *expr.pattern;
  if (node.triples.size() != 1 || node.graph.is_slot() || !node.blocked.empty()) return;
  const TriplePlaces& t = node.triples[0];
  const auto stays = [&](const Place& p) { return !p.is_slot() || fixed_.Has(p.slot); };
  // As a step that checks the triple would do: of two ends that stay, none is asked about.
  const bool tails = t.tail.is_slot();
  const Place& asked = tails ? t.tail : t.head;
  if (t.relation.is_slot() || stays(asked) || !stays(tails ? t.head : t.tail)) return;
  condition->member_slot = asked.slot;
  condition->member = {0, tails};
}

// The members by their ids, where that takes little room.
void Executor::SetBits(Condition* condition) {
  const SortedRun& run = condition->members.run;
  condition->bits_end = condition->members.end;
  condition->bits.clear();
  if (run.empty() || KindOf(run.front()) != KindOf(run.back())) return;
  const size_t words = IdOf(run.back()) / 64 + 1;
  if (words > run.size()) return;
  condition->bits_kind = KindOf(run.front());
  condition->bits.resize(words, 0);
  for (const Value value : run)
    condition->bits[IdOf(value) / 64] |= uint64_t{1} << (IdOf(value) % 64);
}

bool Executor::Holds(Condition* condition) {
  if (condition->member_slot >= 0 && Slot(condition->member_slot) != kUnbound) {
    const SortedRun* const run =
        ReadRun(*condition->expr->pattern, condition->member, &condition->members);
    if (run == nullptr) return false;
    const Value value = Slot(condition->member_slot);
    if (condition->bits_end != condition->members.end) SetBits(condition);
    bool found = false;
    if (!condition->bits.empty()) {
      const size_t word = IdOf(value) / 64;
      found = KindOf(value) == condition->bits_kind && word < condition->bits.size() &&
              (condition->bits[word] >> (IdOf(value) % 64) & 1) != 0;
    } else {
      found = std::binary_search(run->begin(), run->end(), value);
    }
    return found == (condition->expr->op == Operator::kExists);
  }
  const Value value = condition->slot < 0 ? kUnbound : Slot(condition->slot);
  if (value == kUnbound) return evaluator_.Holds(*condition->expr, row_.data());
  constexpr int kBits = 8;
  if (condition->verdicts.empty()) condition->verdicts.resize(size_t{1} << kBits, 0);
  Value& kept = condition->verdicts[(value * 0x9E3779B97F4A7C15u) >> (64 - kBits)];
  if (kept >> 1 != value) {
    kept = 2 * value + (evaluator_.Holds(*condition->expr, row_.data()) ? 1 : 0);
  }
  return (kept & 1) != 0;
}

bool Executor::Hold(std::vector<Condition>* conditions) {
  for (Condition& condition : *conditions) {
    if (!Holds(&condition)) return false;
  }
  return true;
}

bool Executor::Hold(const std::vector<Expr>& exprs) {
  for (const Expr& expr : exprs) {
    if (!evaluator_.Holds(expr, row_.data())) return false;
  }
  return true;
}

bool Executor::EvalLeftJoin(const Algebra& node, RowFn fn) {
  const Algebra& right = node.children[1];
  const bool stored = PlanJoin(node).stored[1];
  const auto with_left = [&] {
    bool any = false, wanted = true;
    const auto with_right = [&] {
      if (!Hold(node.exprs)) return status_.ok();
      any = true;
      wanted = fn();
      return wanted;
    };
    if (stored) {
      EvalStored(right, BoundSlots(), with_right);
    } else {
      Eval(right, with_right);
    }
    if (!status_.ok() || !wanted) return false;
    return any || fn();
  };
  return Eval(node.children[0], with_left);
}

bool Executor::EvalMinus(const Algebra& node, RowFn fn) {
  const Algebra& right = node.children[1];
  SlotSet shared = right.visible;
  shared.KeepOnly(node.children[0].visible);
  shared.RemoveAll(fixed_);
  // Where both sides always bind a shared variable, solutions that fit share it.
  SlotSet always = right.certain;
  always.KeepOnly(node.children[0].certain);
  always.RemoveAll(fixed_);
  if (shared.empty()) return Eval(node.children[0], fn);
  if (always.empty()) {
    // Which variables they share is known row by row: all solutions of the right side are kept.
    const auto with_left = [&] {
      bool removed = false;
      const std::vector<Value> left = row_;
      right.visible.ForEach([&](int slot) {
        if (!fixed_.Has(slot)) Slot(slot) = kUnbound;
      });
      const auto with_right = [&] {
        bool meet = false, fits = true;
        shared.ForEach([&](int slot) {
          const Value a = left[static_cast<size_t>(slot)], b = Slot(slot);
          if (a == kUnbound || b == kUnbound) return;
          meet = true;
          fits = fits && a == b;
        });
        removed = meet && fits;
        return !removed;
      };
      EvalStored(right, BoundSlots(), with_right);
      row_ = left;
      if (!status_.ok()) return false;
      return removed || fn();
    };
    return Eval(node.children[0], with_left);
  }
  const bool stored = PlanJoin(node).stored[1];
  const auto with_left = [&] {
    bool removed = false;
    const auto with_right = [&] {
      removed = true;
      return false;
    };
    if (stored) {
      EvalStored(right, BoundSlots(), with_right);
    } else {
      Eval(right, with_right);
    }
    if (!status_.ok()) return false;
    return removed || fn();
  };
  return Eval(node.children[0], with_left);
}

bool Executor::EvalFilter(const Algebra& node, RowFn fn) {
  std::vector<Condition>& rest = Info(node).rest;
  const auto judged = [&] { return Hold(&rest) ? fn() : status_.ok(); };
  return Eval(node.children[0], judged);
}

bool Executor::EvalExtend(const Algebra& node, RowFn fn) {
  const auto extended = [&] {
    evaluator_.NextRow();
    for (size_t i = 0; i < node.exprs.size(); ++i) {
      Slot(node.slots[i]) = evaluator_.EvalValue(node.exprs[i], row_.data());
    }
    const bool more = fn();
    for (const int slot : node.slots) Slot(slot) = kUnbound;
    return more;
  };
  return Eval(node.children[0], extended);
}

bool Executor::EvalGraph(const Algebra& node, RowFn fn) {
  const Value known = At(node.graph);
  if (!node.graph.is_slot()) {
    if (!std::binary_search(graph_names_.begin(), graph_names_.end(), known)) return true;
    return Eval(node.children[0], fn);
  }
  const int slot = node.graph.slot;
  bool more = true;
  for (const Value name : graph_names_) {
    if (known != kUnbound && known != name) continue;
    Slot(node.inner_graph) = name;
    const uint64_t outer = std::exchange(epoch_, ++next_epoch_);
    const auto named = [&] {
      const Value inner = Slot(slot);
      if (inner != kUnbound && inner != name) return true;
      Slot(slot) = name;
      const bool next = fn();
      Slot(slot) = inner;
      return next;
    };
    more = Eval(node.children[0], named);
    epoch_ = outer;
    Slot(node.inner_graph) = kUnbound;
    if (!more) break;
  }
  return more;
}

absl::StatusOr<bool> Executor::Exists(const Algebra& pattern, const Value*) {
  bool found = false;
  const uint64_t outer = std::exchange(epoch_, ++next_epoch_);
  const auto first = [&] {
    found = true;
    return false;
  };
  Eval(pattern, first);
  epoch_ = outer;
  UNDULA_RETURN_IF_ERROR(status_);
  return found;
}

}  // namespace undula::queries::pattern
