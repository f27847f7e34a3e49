// Syntax tree -> algebra: SPARQL 1.1, section 18.2.
#include <algorithm>
#include <map>
#include <utility>

#include "base/status.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/analyze.h"
#include "queries/pattern/functions.h"
#include "queries/pattern/lexer.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

using Kind = Algebra::Kind;

// The names of one SELECT and their slots.
struct Scope {
  std::map<std::string, int> slots;  // blank nodes as "_:label"
};

class Translator {
 public:
  Translator(const std::vector<std::string>& params, TermMap* terms) : terms_(terms) {
    out_.params = params;
    for (const std::string& name : params) param_slots_[name] = NewSlot(name);
  }

  absl::StatusOr<Translated> Run(const Query& query) {
    if (query.form == QueryForm::kConstruct || query.form == QueryForm::kDescribe) {
      return UnimplementedError(query.form == QueryForm::kConstruct ? "CONSTRUCT" : "DESCRIBE",
                                " is not supported: write SELECT, or `undula export` for triples");
    }
    out_.form = query.form;
    out_.base = query.base;
    out_.from = query.from;
    out_.from_named = query.from_named;
    out_.has_dataset = !query.from.empty() || !query.from_named.empty();
    Scope scope;
    if (query.form == QueryForm::kAsk) {
      UNDULA_ASSIGN_OR_RETURN(out_.root, Body(query, &scope));
    } else {
      UNDULA_ASSIGN_OR_RETURN(out_.root, Select(query, &scope, &out_.columns, &out_.column_slots));
    }
    out_.slots = static_cast<int>(out_.slot_names.size());
    SlotSet outside;
    for (size_t i = 0; i < out_.params.size(); ++i) outside.Add(static_cast<int>(i));
    Analyze(&out_.root, outside);
    NumberNodes(&out_.root, &out_.nodes);
    return std::move(out_);
  }

 private:
  int NewSlot(std::string name) {
    out_.slot_names.push_back(std::move(name));
    return static_cast<int>(out_.slot_names.size()) - 1;
  }

  int SlotOf(const std::string& name, Scope* scope) {
    if (const auto param = param_slots_.find(name); param != param_slots_.end()) {
      return param->second;
    }
    const auto [place, is_new] = scope->slots.emplace(name, 0);
    if (is_new) place->second = NewSlot(name.starts_with("_:") ? "" : name);
    return place->second;
  }

  absl::StatusOr<Place> PlaceOf(const Node& node, Scope* scope) {
    Place place;
    place.at = node.at;
    switch (node.kind) {
      case Node::Kind::kVariable:
        place.slot = SlotOf(node.name, scope);
        break;
      case Node::Kind::kBlank:
        place.slot = SlotOf("_:" + node.name, scope);
        break;
      case Node::Kind::kTerm: {
        UNDULA_ASSIGN_OR_RETURN(place.value, terms_->Intern(node.term));
      }
    }
    return place;
  }

  // --- queries ---

  // What SELECT yields before the projection: pattern, groups, expressions, order.
  absl::StatusOr<Algebra> Body(const Query& query, Scope* scope) {
    UNDULA_ASSIGN_OR_RETURN(Algebra node, Group(query.where, scope, nullptr));
    std::vector<AggregateCall> aggregates;
    Algebra having, extend;
    having.kind = Kind::kFilter;
    extend.kind = Kind::kExtend;
    for (const Expression& e : query.having) {
      UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(e, scope, &aggregates));
      having.exprs.push_back(std::move(expr));
    }
    for (const Projection& p : query.projection) {
      if (!p.expression.has_value()) continue;
      UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(*p.expression, scope, &aggregates));
      extend.slots.push_back(SlotOf(p.variable, scope));
      extend.exprs.push_back(std::move(expr));
    }
    std::vector<SortKey> sort;
    for (const OrderKey& key : query.order_by) {
      SortKey k;
      k.descending = key.descending;
      UNDULA_ASSIGN_OR_RETURN(k.expr, Translate(key.expression, scope, &aggregates));
      sort.push_back(std::move(k));
    }
    if (query.grouped || !aggregates.empty()) {
      UNDULA_ASSIGN_OR_RETURN(node, Grouped(query, std::move(node), std::move(aggregates), scope));
    }
    if (!having.exprs.empty()) node = Over(std::move(having), std::move(node));
    if (query.values.has_value()) {
      UNDULA_ASSIGN_OR_RETURN(Algebra values, Values(*query.values, scope));
      node = Joined(std::move(node), std::move(values));
    }
    if (!extend.exprs.empty()) node = Over(std::move(extend), std::move(node));
    if (!sort.empty()) {
      Algebra order;
      order.kind = Kind::kOrderBy;
      order.sort = std::move(sort);
      node = Over(std::move(order), std::move(node));
    }
    return node;
  }

  absl::StatusOr<Algebra> Grouped(const Query& query, Algebra node,
                                  std::vector<AggregateCall> aggregates, Scope* scope) {
    Algebra group, extend;
    group.kind = Kind::kGroup;
    extend.kind = Kind::kExtend;
    for (const GroupKey& key : query.group_by) {
      if (key.expression.op == Operator::kVariable && key.variable == key.expression.leaf.name) {
        group.slots.push_back(SlotOf(key.variable, scope));
        continue;
      }
      UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(key.expression, scope, nullptr));
      const int slot = key.variable.empty() ? NewSlot("") : SlotOf(key.variable, scope);
      group.slots.push_back(slot);
      extend.slots.push_back(slot);
      extend.exprs.push_back(std::move(expr));
    }
    group.aggregates = std::move(aggregates);
    if (!extend.exprs.empty()) node = Over(std::move(extend), std::move(node));
    return Over(std::move(group), std::move(node));
  }

  absl::StatusOr<Algebra> Select(const Query& query, Scope* scope, std::vector<std::string>* names,
                                 std::vector<int>* slots) {
    UNDULA_ASSIGN_OR_RETURN(Algebra node, Body(query, scope));
    if (query.star) {
      std::set<std::string> visible;
      CollectVisible(query.where, &visible);
      if (query.values.has_value()) {
        visible.insert(query.values->variables.begin(), query.values->variables.end());
      }
      names->assign(visible.begin(), visible.end());
      std::stable_sort(names->begin(), names->end(), [&](const auto& a, const auto& b) {
        return SlotOf(a, scope) < SlotOf(b, scope);  // as they stand in the text
      });
    } else {
      for (const Projection& p : query.projection) names->push_back(p.variable);
    }
    for (const std::string& name : *names) slots->push_back(SlotOf(name, scope));
    Algebra project;
    project.kind = Kind::kProject;
    project.slots = *slots;
    node = Over(std::move(project), std::move(node));
    if (query.distinct) {  // REDUCED allows what it finds
      Algebra distinct;
      distinct.kind = Kind::kDistinct;
      distinct.slots = *slots;
      node = Over(std::move(distinct), std::move(node));
    }
    if (query.offset > 0 || query.limit.has_value()) {
      Algebra slice;
      slice.kind = Kind::kSlice;
      slice.offset = query.offset;
      slice.limit = query.limit.value_or(UINT64_MAX);
      node = Over(std::move(slice), std::move(node));
    }
    return node;
  }

  absl::StatusOr<Algebra> SubSelect(const Query& query, Scope* outer) {
    Scope inner;
    if (query.star) {
      std::set<std::string> visible;
      CollectVisible(query.where, &visible);
      if (query.values.has_value()) {
        visible.insert(query.values->variables.begin(), query.values->variables.end());
      }
      for (const std::string& name : visible) inner.slots[name] = SlotOf(name, outer);
    }
    for (const Projection& p : query.projection) {
      inner.slots[p.variable] = SlotOf(p.variable, outer);
    }
    std::vector<std::string> names;
    std::vector<int> slots;
    return Select(query, &inner, &names, &slots);
  }

  // --- patterns ---

  // `filters`: where not null, gets the conditions of the group's own filters, which are then not
  // in the result.
  absl::StatusOr<Algebra> Group(const GroupPattern& group, Scope* scope,
                                std::vector<Expr>* filters) {
    Algebra node;
    std::vector<const Expression*> own;
    for (const Element& element : group.elements) {
      switch (element.kind) {
        case Element::Kind::kFilter:
          own.push_back(&element.expression);
          break;
        case Element::Kind::kOptional: {
          Algebra left;
          left.kind = Kind::kLeftJoin;
          UNDULA_ASSIGN_OR_RETURN(Algebra right, Group(element.groups[0], scope, &left.exprs));
          left.children.push_back(std::move(node));
          left.children.push_back(std::move(right));
          node = std::move(left);
          break;
        }
        case Element::Kind::kMinus: {
          UNDULA_ASSIGN_OR_RETURN(Algebra right, Group(element.groups[0], scope, nullptr));
          Algebra minus;
          minus.kind = Kind::kMinus;
          minus.children.push_back(std::move(node));
          minus.children.push_back(std::move(right));
          node = std::move(minus);
          break;
        }
        case Element::Kind::kBind: {
          Algebra extend;
          extend.kind = Kind::kExtend;
          UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(element.expression, scope, nullptr));
          extend.exprs.push_back(std::move(expr));
          extend.slots.push_back(SlotOf(element.variable, scope));
          node = Over(std::move(extend), std::move(node));
          break;
        }
        default: {
          UNDULA_ASSIGN_OR_RETURN(Algebra right, One(element, scope));
          node = Joined(std::move(node), std::move(right));
        }
      }
    }
    Algebra filter;
    filter.kind = Kind::kFilter;
    for (const Expression* e : own) UNDULA_RETURN_IF_ERROR(Conjuncts(*e, scope, &filter.exprs));
    if (filters != nullptr) {
      *filters = std::move(filter.exprs);
    } else if (!filter.exprs.empty()) {
      node = Over(std::move(filter), std::move(node));
    }
    return node;
  }

  // "a && b" are two conditions.
  absl::Status Conjuncts(const Expression& e, Scope* scope, std::vector<Expr>* out) {
    if (e.op == Operator::kAnd) {
      for (const Expression& arg : e.args) UNDULA_RETURN_IF_ERROR(Conjuncts(arg, scope, out));
      return absl::OkStatus();
    }
    UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(e, scope, nullptr));
    out->push_back(std::move(expr));
    return absl::OkStatus();
  }

  absl::StatusOr<Algebra> One(const Element& element, Scope* scope) {
    switch (element.kind) {
      case Element::Kind::kTriples:
        return Triples(element.triples, scope);
      case Element::Kind::kUnion: {
        Algebra result;
        result.kind = Kind::kUnion;
        for (const GroupPattern& g : element.groups) {
          UNDULA_ASSIGN_OR_RETURN(Algebra child, Group(g, scope, nullptr));
          result.children.push_back(std::move(child));
        }
        return result;
      }
      case Element::Kind::kGroup:
        return Group(element.groups[0], scope, nullptr);
      case Element::Kind::kGraph: {
        const Place outer = graph_;
        Algebra result;
        result.kind = Kind::kGraph;
        UNDULA_ASSIGN_OR_RETURN(result.graph, PlaceOf(element.graph, scope));
        graph_ = result.graph;
        if (result.graph.is_slot()) {
          result.inner_graph = NewSlot("");
          graph_.slot = result.inner_graph;
        }
        absl::StatusOr<Algebra> child = Group(element.groups[0], scope, nullptr);
        graph_ = outer;
        UNDULA_RETURN_IF_ERROR(child.status());
        return Over(std::move(result), *std::move(child));
      }
      case Element::Kind::kValues:
        return Values(element.values, scope);
      case Element::Kind::kSubSelect:
        return SubSelect(*element.select, scope);
      case Element::Kind::kService:
        return UnimplementedError(element.at.line, ":", element.at.column,
                                  ": SERVICE is not supported: a query reads its own database");
      default:
        return InternalError("a part of a pattern without a translation");
    }
  }

  absl::StatusOr<Algebra> Values(const ValuesBlock& block, Scope* scope) {
    Algebra node;
    node.kind = Kind::kValues;
    for (const std::string& name : block.variables) node.slots.push_back(SlotOf(name, scope));
    for (const auto& row : block.rows) {
      std::vector<Value>& values = node.rows.emplace_back();
      for (const std::optional<Term>& term : row) {
        if (!term.has_value()) {
          values.push_back(kUnbound);
          continue;
        }
        UNDULA_ASSIGN_OR_RETURN(const Value value, terms_->Intern(*term));
        values.push_back(value);
      }
    }
    return node;
  }

  absl::StatusOr<Algebra> Triples(const std::vector<TriplePattern>& triples, Scope* scope) {
    Algebra bgp, node;
    std::vector<Algebra> others;
    bgp.kind = Kind::kBgp;
    bgp.graph = graph_;
    for (const TriplePattern& t : triples) {
      UNDULA_ASSIGN_OR_RETURN(const Place head, PlaceOf(t.head, scope));
      if (t.path.kind == Path::Kind::kRelation && t.path.node.kind != Node::Kind::kTerm) {
        UNDULA_RETURN_IF_ERROR(PlaceOf(t.path.node, scope).status());  // slots as in the text
      }
      UNDULA_ASSIGN_OR_RETURN(const Place tail, PlaceOf(t.tail, scope));
      UNDULA_RETURN_IF_ERROR(AddPath(head, t.path, tail, scope, &bgp, &others));
    }
    for (Algebra& part : Components(std::move(bgp)))
      node = Joined(std::move(node), std::move(part));
    for (Algebra& other : others) node = Joined(std::move(node), std::move(other));
    return node;
  }

  // Section 18.2.2.4: what a path without repetition stands for.
  absl::Status AddPath(const Place& head, const Path& path, const Place& tail, Scope* scope,
                       Algebra* bgp, std::vector<Algebra>* others) {
    switch (path.kind) {
      case Path::Kind::kRelation: {
        UNDULA_ASSIGN_OR_RETURN(const Place relation, PlaceOf(path.node, scope));
        bgp->triples.push_back({head, relation, tail});
        return absl::OkStatus();
      }
      case Path::Kind::kInverse:
        return AddPath(tail, path.parts[0], head, scope, bgp, others);
      case Path::Kind::kSequence: {
        Place from = head;
        for (size_t i = 0; i < path.parts.size(); ++i) {
          Place to = tail;
          if (i + 1 < path.parts.size()) {
            to = Place();
            to.slot = NewSlot("");
            to.at = path.at;
          }
          UNDULA_RETURN_IF_ERROR(AddPath(from, path.parts[i], to, scope, bgp, others));
          from = to;
        }
        return absl::OkStatus();
      }
      case Path::Kind::kAlternative: {
        Algebra result;
        result.kind = Kind::kUnion;
        for (const Path& part : path.parts) {
          Algebra inner, node;
          std::vector<Algebra> more;
          inner.kind = Kind::kBgp;
          inner.graph = graph_;
          UNDULA_RETURN_IF_ERROR(AddPath(head, part, tail, scope, &inner, &more));
          if (!inner.triples.empty()) node = std::move(inner);
          for (Algebra& other : more) node = Joined(std::move(node), std::move(other));
          result.children.push_back(std::move(node));
        }
        others->push_back(std::move(result));
        return absl::OkStatus();
      }
      default: {
        Algebra node;
        node.kind = Kind::kPath;
        node.head = head;
        node.tail = tail;
        node.graph = graph_;
        UNDULA_ASSIGN_OR_RETURN(node.path, Tree(path));
        others->push_back(std::move(node));
        return absl::OkStatus();
      }
    }
  }

  absl::StatusOr<PathTree> Tree(const Path& path) {
    PathTree tree;
    tree.kind = path.kind;
    if (path.kind == Path::Kind::kRelation) {
      tree.name = path.node.term.text;
      UNDULA_ASSIGN_OR_RETURN(tree.relation, terms_->Intern(path.node.term));
    }
    for (const Path& part : path.parts) {
      UNDULA_ASSIGN_OR_RETURN(PathTree inner, Tree(part));
      tree.parts.push_back(std::move(inner));
    }
    return tree;
  }

  // --- expressions ---

  // `aggregates`: where not null, gets the aggregates, which become variables.
  absl::StatusOr<Expr> Translate(const Expression& e, Scope* scope,
                                 std::vector<AggregateCall>* aggregates) {
    Expr out;
    out.op = e.op;
    out.function = e.function;
    switch (e.op) {
      case Operator::kVariable:
        out.slot = SlotOf(e.leaf.name, scope);
        return out;
      case Operator::kBound:
        out.slot = SlotOf(e.args[0].leaf.name, scope);
        return out;
      case Operator::kConstant:
      case Operator::kCast: {
        out.constant = OperandOf(e.leaf.term);
        if (e.op == Operator::kCast) break;
        UNDULA_ASSIGN_OR_RETURN(out.constant.value, terms_->Intern(e.leaf.term));
        return out;
      }
      case Operator::kExists:
      case Operator::kNotExists: {
        UNDULA_ASSIGN_OR_RETURN(Algebra pattern, Group(*e.pattern, scope, nullptr));
        out.pattern = std::make_shared<Algebra>(std::move(pattern));
        return out;
      }
      case Operator::kAggregate: {
        if (aggregates == nullptr) return SyntaxError(e.at, "an aggregate cannot stand here");
        AggregateCall call;
        call.kind = e.aggregate;
        call.distinct = e.distinct;
        call.star = e.star;
        call.separator = e.separator;
        if (!e.star) {
          UNDULA_ASSIGN_OR_RETURN(call.arg, Translate(e.args[0], scope, nullptr));
        }
        call.slot = NewSlot("");
        out.op = Operator::kVariable;
        out.slot = call.slot;
        aggregates->push_back(std::move(call));
        return out;
      }
      default:
        break;
    }
    for (const Expression& arg : e.args) {
      UNDULA_ASSIGN_OR_RETURN(Expr expr, Translate(arg, scope, aggregates));
      out.args.push_back(std::move(expr));
    }
    return out;
  }

  TermMap* terms_;
  Translated out_;
  std::map<std::string, int> param_slots_;
  Place graph_;
};

}  // namespace

absl::StatusOr<Translated> Translate(const Query& query, const std::vector<std::string>& params,
                                     TermMap* terms) {
  return Translator(params, terms).Run(query);
}

}  // namespace undula::queries::pattern
