// Executor: conditions such as ?year > 1990 as seeds: the literals that meet them, from the index
// of numbers, instead of a search through everything that has a year.
#include <algorithm>
#include <cmath>
#include <limits>

#include "queries/pattern/executor.h"

namespace undula::queries::pattern {
namespace {

struct Range {
  double from = -std::numeric_limits<double>::infinity();
  double to = std::numeric_limits<double>::infinity();
};

// Narrows *range to what the condition leaves of the numbers of a slot; false: it says nothing of
// them. Literals beyond are no solutions; those within are judged by the condition itself.
bool Narrow(const Expr& expr, int slot, Range* range) {
  if (expr.op == Operator::kAnd) {
    bool any = false;
    for (const Expr& arg : expr.args) any = Narrow(arg, slot, range) || any;
    return any;
  }
  const bool below = expr.op == Operator::kLess || expr.op == Operator::kLessEqual;
  const bool above = expr.op == Operator::kGreater || expr.op == Operator::kGreaterEqual;
  if (!below && !above && expr.op != Operator::kEqual) return false;
  const bool turned = expr.args[0].op == Operator::kConstant;
  const Expr& variable = expr.args[turned ? 1 : 0];
  const Expr& constant = expr.args[turned ? 0 : 1];
  if (variable.op != Operator::kVariable || variable.slot != slot ||
      constant.op != Operator::kConstant || !constant.constant.is_numeric()) {
    return false;
  }
  const double number = NumberOf(constant.constant);
  // Beyond, an xsd:float may have become infinite.
  if (!(std::abs(number) <= 1e30)) return false;
  // The index has doubles; the condition may compare floats, which are rounded further, and
  // decimals without what is behind their 18 digits.
  const double slack = std::abs(number) * 1e-6 + 1e-17;
  const bool has_lower = expr.op == Operator::kEqual || (turned ? below : above);
  const bool has_upper = expr.op == Operator::kEqual || (turned ? above : below);
  if (has_lower) range->from = std::max(range->from, number - slack);
  if (has_upper) range->to = std::min(range->to, number + slack);
  return true;
}

}  // namespace

// A step that binds a variable to the numbers that the conditions leave, if the triples that have
// them are far less than the `rows` of another step, or not more than a relation that would be read
// whole (`rows` 1e18). `tried`: variables that are not asked about again.
bool Executor::FindRange(const Algebra& node, const std::vector<const Expr*>& filters,
                         const SlotSet& bound, double rows, SlotSet* tried, Step* step) {
  for (const TriplePlaces& t : node.triples) {
    if (!t.tail.is_slot() || bound.Has(t.tail.slot) || tried->Has(t.tail.slot)) continue;
    if (t.relation.is_slot()) continue;
    Range range;
    bool any = false;
    for (const Expr* const filter : filters) any = Narrow(*filter, t.tail.slot, &range) || any;
    if (!any) continue;
    tried->Add(t.tail.slot);
    if (range.from > range.to) range.to = range.from;
    const absl::StatusOr<RelationRef> ref = source_->Relation(t.relation.value);
    if (!ref.ok()) return Fail(ref.status());
    // Where whole relations are to be read otherwise, the smallest one.
    double limit = rows / 8;
    for (size_t i = 0; rows >= 1e18 && i < node.triples.size(); ++i) {
      if (node.triples[i].relation.is_slot()) continue;
      const absl::StatusOr<RelationRef> other = source_->Relation(node.triples[i].relation.value);
      const absl::StatusOr<uint64_t> count =
          other.ok() ? source_->CountOf(*other) : absl::StatusOr<uint64_t>(other.status());
      if (!count.ok()) return Fail(count.status());
      limit = std::min(limit, static_cast<double>(*count));
    }
    auto numbers = source_->NumbersWithin(*ref, range.from, range.to, static_cast<uint64_t>(limit));
    if (!numbers.ok()) return Fail(numbers.status());
    if (!numbers->has_value()) continue;
    if (!Charge((*numbers)->size() * sizeof(Value))) return false;
    step->kind = Step::Kind::kExtend;
    step->slot = t.tail.slot;
    step->merged = **std::move(numbers);
    step->estimate = static_cast<double>(step->merged.size());
    return true;
  }
  return false;
}

}  // namespace undula::queries::pattern
