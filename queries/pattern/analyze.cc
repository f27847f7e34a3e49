#include "queries/pattern/analyze.h"

#include <utility>

namespace undula::queries::pattern {
namespace {

using Kind = Algebra::Kind;

void AddPlace(const Place& place, SlotSet* slots) {
  if (place.is_slot()) slots->Add(place.slot);
}

// `visible`: what the rows have over which the expression is evaluated.
void AnalyzeExpr(Expr* expr, const SlotSet& visible, const SlotSet& outside) {
  if (expr->slot >= 0) expr->slots.Add(expr->slot);
  if (expr->pattern != nullptr) {
    SlotSet known = visible;
    known.AddAll(outside);
    Analyze(expr->pattern.get(), known);
    CollectSlots(*expr->pattern, &expr->slots);
  }
  for (Expr& arg : expr->args) {
    AnalyzeExpr(&arg, visible, outside);
    expr->slots.AddAll(arg.slots);
  }
}

void CollectExpr(const Expr& expr, SlotSet* slots) {
  if (expr.slot >= 0) slots->Add(expr.slot);
  if (expr.pattern != nullptr) CollectSlots(*expr.pattern, slots);
  for (const Expr& arg : expr.args) CollectExpr(arg, slots);
}

// A variable that an expression reads must have the value of the row, and no other.
void BlockExpr(const Expr& expr, const SlotSet& certain, SlotSet* blocked) {
  SlotSet open = expr.slots;
  open.RemoveAll(certain);
  blocked->AddAll(open);
}

}  // namespace

void CollectSlots(const Algebra& node, SlotSet* slots) {
  for (const TriplePlaces& t : node.triples) {
    AddPlace(t.head, slots);
    AddPlace(t.relation, slots);
    AddPlace(t.tail, slots);
  }
  AddPlace(node.head, slots);
  AddPlace(node.tail, slots);
  AddPlace(node.graph, slots);
  for (const int slot : node.slots) slots->Add(slot);
  for (const Expr& expr : node.exprs) CollectExpr(expr, slots);
  for (const SortKey& key : node.sort) CollectExpr(key.expr, slots);
  for (const AggregateCall& call : node.aggregates) {
    CollectExpr(call.arg, slots);
    slots->Add(call.slot);
  }
  for (const Algebra& child : node.children) CollectSlots(child, slots);
}

void Analyze(Algebra* node, const SlotSet& outside) {
  SlotSet within = outside;
  if (node->inner_graph >= 0) within.Add(node->inner_graph);
  for (Algebra& child : node->children) Analyze(&child, within);
  SlotSet &visible = node->visible, &certain = node->certain, &blocked = node->blocked;
  const Algebra* const first = node->children.empty() ? nullptr : &node->children[0];
  switch (node->kind) {
    case Kind::kUnit:
      break;
    case Kind::kBgp:
      for (const TriplePlaces& t : node->triples) {
        AddPlace(t.head, &visible);
        AddPlace(t.relation, &visible);
        AddPlace(t.tail, &visible);
      }
      certain = visible;
      break;
    case Kind::kPath:
      AddPlace(node->head, &visible);
      AddPlace(node->tail, &visible);
      certain = visible;
      break;
    case Kind::kValues:
      for (size_t i = 0; i < node->slots.size(); ++i) {
        visible.Add(node->slots[i]);
        bool all = true;
        for (const auto& row : node->rows) all = all && row[i] != kUnbound;
        if (all) certain.Add(node->slots[i]);
      }
      break;
    case Kind::kJoin:
      for (const Algebra& child : node->children) {
        visible.AddAll(child.visible);
        certain.AddAll(child.certain);
      }
      break;
    case Kind::kUnion:
      certain = first->certain;
      for (const Algebra& child : node->children) {
        visible.AddAll(child.visible);
        certain.KeepOnly(child.certain);
      }
      break;
    case Kind::kLeftJoin: {
      const Algebra& right = node->children[1];
      visible = first->visible;
      visible.AddAll(right.visible);
      certain = first->certain;
      for (Expr& expr : node->exprs) {
        AnalyzeExpr(&expr, visible, outside);
        BlockExpr(expr, first->certain, &blocked);
      }
      SlotSet open = right.visible;
      open.RemoveAll(first->certain);
      blocked.AddAll(open);
      break;
    }
    case Kind::kMinus: {
      visible = first->visible;
      certain = first->certain;
      SlotSet open = node->children[1].visible;
      open.RemoveAll(first->certain);
      blocked.AddAll(open);
      break;
    }
    case Kind::kFilter:
      visible = first->visible;
      certain = first->certain;
      for (Expr& expr : node->exprs) {
        AnalyzeExpr(&expr, visible, outside);
        BlockExpr(expr, certain, &blocked);
      }
      break;
    case Kind::kExtend: {
      visible = first->visible;
      certain = first->certain;
      SlotSet seen = first->certain;
      for (size_t i = 0; i < node->exprs.size(); ++i) {
        AnalyzeExpr(&node->exprs[i], visible, outside);
        BlockExpr(node->exprs[i], seen, &blocked);
        visible.Add(node->slots[i]);
        blocked.Add(node->slots[i]);
      }
      break;
    }
    case Kind::kGraph:
      visible = first->visible;
      certain = first->certain;
      AddPlace(node->graph, &visible);
      AddPlace(node->graph, &certain);
      break;
    case Kind::kGroup: {
      for (const int slot : node->slots) {
        visible.Add(slot);
        if (first->certain.Has(slot)) certain.Add(slot);
      }
      for (AggregateCall& call : node->aggregates) {
        AnalyzeExpr(&call.arg, first->visible, outside);
        visible.Add(call.slot);
        blocked.Add(call.slot);
        BlockExpr(call.arg, certain, &blocked);
      }
      // Only a key may be bound before; without keys there is one group whatever comes.
      SlotSet all;
      CollectSlots(*first, &all);
      all.RemoveAll(certain);
      blocked.AddAll(all);
      SlotSet open = visible;
      open.RemoveAll(certain);
      blocked.AddAll(open);
      break;
    }
    case Kind::kProject: {
      for (const int slot : node->slots) visible.Add(slot);
      visible.KeepOnly(first->visible);
      certain = first->certain;
      certain.KeepOnly(visible);
      break;
    }
    case Kind::kDistinct:
      visible = first->visible;
      certain = first->certain;
      blocked = visible;
      blocked.RemoveAll(certain);
      break;
    case Kind::kOrderBy:
      visible = first->visible;
      certain = first->certain;
      for (SortKey& key : node->sort) {
        AnalyzeExpr(&key.expr, visible, outside);
        BlockExpr(key.expr, certain, &blocked);
      }
      break;
    case Kind::kSlice:
      visible = first->visible;
      certain = first->certain;
      CollectSlots(*first, &blocked);
      break;
  }
  blocked.RemoveAll(within);
}

static void NumberExists(Expr* expr, int* next) {
  if (expr->pattern != nullptr) NumberNodes(expr->pattern.get(), next);
  for (Expr& arg : expr->args) NumberExists(&arg, next);
}

void NumberNodes(Algebra* node, int* next) {
  node->number = (*next)++;
  for (Expr& expr : node->exprs) NumberExists(&expr, next);
  for (SortKey& key : node->sort) NumberExists(&key.expr, next);
  for (AggregateCall& call : node->aggregates) NumberExists(&call.arg, next);
  for (Algebra& child : node->children) NumberNodes(&child, next);
}

Algebra Over(Algebra node, Algebra child) {
  node.children.push_back(std::move(child));
  return node;
}

Algebra Joined(Algebra left, Algebra right) {
  if (left.kind == Kind::kUnit) return right;
  if (right.kind == Kind::kUnit) return left;
  Algebra join;
  join.kind = Kind::kJoin;
  if (left.kind == Kind::kJoin) {
    join = std::move(left);
  } else {
    join.children.push_back(std::move(left));
  }
  if (right.kind == Kind::kJoin) {
    for (Algebra& child : right.children) join.children.push_back(std::move(child));
  } else {
    join.children.push_back(std::move(right));
  }
  return join;
}

std::vector<Algebra> Components(Algebra bgp) {
  std::vector<Algebra> parts;
  std::vector<SlotSet> slots;
  for (TriplePlaces& t : bgp.triples) {
    SlotSet own;
    for (const Place* p : {&t.head, &t.relation, &t.tail}) {
      if (p->is_slot()) own.Add(p->slot);
    }
    Algebra part;
    part.kind = Kind::kBgp;
    part.graph = bgp.graph;
    for (size_t i = 0; i < parts.size();) {
      if (!slots[i].Meets(own)) {
        ++i;
        continue;
      }
      part.triples.insert(part.triples.end(), parts[i].triples.begin(), parts[i].triples.end());
      own.AddAll(slots[i]);
      parts.erase(parts.begin() + static_cast<ptrdiff_t>(i));
      slots.erase(slots.begin() + static_cast<ptrdiff_t>(i));
    }
    part.triples.push_back(t);
    parts.push_back(std::move(part));
    slots.push_back(own);
  }
  return parts;
}

}  // namespace undula::queries::pattern
