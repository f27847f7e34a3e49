#include "naive_evaluator.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text/normalize.h"
#include "queries/pattern/aggregate.h"

namespace undula::queries::pattern {
namespace {

using Kind = Algebra::Kind;
using Row = std::vector<Value>;
using Rows = std::vector<Row>;
using Triples = std::set<MemoryGraph::Triple>;

bool Compatible(const Row& a, const Row& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != kUnbound && b[i] != kUnbound && a[i] != b[i]) return false;
  }
  return true;
}

bool ShareDomain(const Row& a, const Row& b, const Row& fixed) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != kUnbound && b[i] != kUnbound && fixed[i] == kUnbound) return true;
  }
  return false;
}

Row Merged(const Row& a, const Row& b) {
  Row row = a;
  for (size_t i = 0; i < a.size(); ++i) {
    if (row[i] == kUnbound) row[i] = b[i];
  }
  return row;
}

class Naive {
 public:
  Naive(const Translated& query, const MemoryGraph& graph, MemoryTerms* terms)
      : query_(query), graph_(graph), terms_(terms), evaluator_(terms, {0, 1, query.base}) {
    evaluator_.set_exists([&](const Algebra& pattern, const Value* row) -> absl::StatusOr<bool> {
      const Row fixed(row, row + query_.slots);
      return !Eval(pattern, fixed).empty();
    });
    if (query.has_dataset) {
      for (const std::string& iri : query.from) {
        const auto found = graph.named.find(Iri(iri));
        if (found != graph.named.end()) {
          default_.insert(found->second.begin(), found->second.end());
        }
      }
      for (const std::string& iri : query.from_named) names_.push_back(Iri(iri));
    } else {
      default_ = graph.triples;
      for (const auto& [name, triples] : graph.named) names_.push_back(name);
    }
  }

  // `fixed`: values that stand for their variables everywhere within.
  Rows Eval(const Algebra& node, const Row& fixed) {
    switch (node.kind) {
      case Kind::kUnit:
        return {fixed};
      case Kind::kBgp: {
        Rows rows = {fixed};
        for (const TriplePlaces& t : node.triples) {
          Rows next;
          for (const Row& row : rows) {
            for (const auto& [head, relation, tail] : GraphOf(node.graph, row)) {
              Row out = row;
              if (Bind(t.head, head, &out) && Bind(t.relation, relation, &out) &&
                  Bind(t.tail, tail, &out)) {
                next.push_back(std::move(out));
              }
            }
          }
          rows = std::move(next);
        }
        return rows;
      }
      case Kind::kPath: {
        Rows rows;
        const Triples& triples = GraphOf(node.graph, fixed);
        std::set<Value> extra;
        for (const Place* p : {&node.head, &node.tail}) {
          const Value v = p->is_slot() ? fixed[static_cast<size_t>(p->slot)] : p->value;
          if (v != kUnbound) extra.insert(v);
        }
        for (const auto& [from, to] : Pairs(node.path, triples, extra)) {
          Row out = fixed;
          if (Bind(node.head, from, &out) && Bind(node.tail, to, &out)) {
            rows.push_back(std::move(out));
          }
        }
        return rows;
      }
      case Kind::kValues: {
        Rows rows;
        for (const auto& values : node.rows) {
          Row out = fixed;
          bool ok = true;
          for (size_t i = 0; i < values.size(); ++i) {
            Value& place = out[static_cast<size_t>(node.slots[i])];
            if (values[i] == kUnbound) continue;
            ok = ok && (place == kUnbound || place == values[i]);
            place = values[i];
          }
          if (ok) rows.push_back(std::move(out));
        }
        return rows;
      }
      case Kind::kJoin: {
        Rows rows = {fixed};
        for (const Algebra& child : node.children) rows = Join(rows, Eval(child, fixed));
        return rows;
      }
      case Kind::kUnion: {
        Rows rows;
        for (const Algebra& child : node.children) {
          for (Row& row : Eval(child, fixed)) rows.push_back(std::move(row));
        }
        return rows;
      }
      case Kind::kLeftJoin: {
        Rows rows;
        const Rows right = Eval(node.children[1], fixed);
        for (const Row& a : Eval(node.children[0], fixed)) {
          bool any = false;
          for (const Row& b : right) {
            if (!Compatible(a, b)) continue;
            const Row both = Merged(a, b);
            if (!Hold(node.exprs, both)) continue;
            rows.push_back(both);
            any = true;
          }
          if (!any) rows.push_back(a);
        }
        return rows;
      }
      case Kind::kMinus: {
        Rows rows;
        const Rows right = Eval(node.children[1], fixed);
        for (const Row& a : Eval(node.children[0], fixed)) {
          const bool out = std::any_of(right.begin(), right.end(), [&](const Row& b) {
            return Compatible(a, b) && ShareDomain(a, b, fixed);
          });
          if (!out) rows.push_back(a);
        }
        return rows;
      }
      case Kind::kFilter: {
        Rows rows;
        for (Row& row : Eval(node.children[0], fixed)) {
          if (Hold(node.exprs, row)) rows.push_back(std::move(row));
        }
        return rows;
      }
      case Kind::kExtend: {
        Rows rows = Eval(node.children[0], fixed);
        for (Row& row : rows) {
          evaluator_.NextRow();
          for (size_t i = 0; i < node.exprs.size(); ++i) {
            row[static_cast<size_t>(node.slots[i])] =
                evaluator_.EvalValue(node.exprs[i], row.data());
          }
        }
        return rows;
      }
      case Kind::kGraph: {
        if (!node.graph.is_slot()) {
          const bool known =
              std::find(names_.begin(), names_.end(), node.graph.value) != names_.end();
          return known ? Eval(node.children[0], fixed) : Rows();
        }
        Rows rows;
        for (const Value name : names_) {
          Row inner = fixed;
          inner[static_cast<size_t>(node.inner_graph)] = name;
          for (Row& row : Eval(node.children[0], inner)) {
            Value& place = row[static_cast<size_t>(node.graph.slot)];
            if (place != kUnbound && place != name) continue;
            place = name;
            row[static_cast<size_t>(node.inner_graph)] = kUnbound;
            rows.push_back(std::move(row));
          }
        }
        return rows;
      }
      case Kind::kGroup:
        return Group(node, fixed);
      case Kind::kProject: {
        Rows rows = Eval(node.children[0], fixed);
        for (Row& row : rows) {
          Row out = fixed;
          for (const int slot : node.slots) {
            out[static_cast<size_t>(slot)] = row[static_cast<size_t>(slot)];
          }
          row = std::move(out);
        }
        return rows;
      }
      case Kind::kDistinct: {
        Rows rows;
        std::set<Row> seen;
        for (Row& row : Eval(node.children[0], fixed)) {
          if (seen.insert(row).second) rows.push_back(std::move(row));
        }
        return rows;
      }
      case Kind::kOrderBy: {
        Rows rows = Eval(node.children[0], fixed);
        std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
          for (const SortKey& key : node.sort) {
            Operand x, y;
            x = evaluator_.Eval(key.expr, a.data(), &x);
            y = evaluator_.Eval(key.expr, b.data(), &y);
            const int order = OrderOperands(x, y);
            if (order != 0) return key.descending ? order > 0 : order < 0;
          }
          return false;
        });
        return rows;
      }
      case Kind::kSlice: {
        Rows rows = Eval(node.children[0], fixed);
        const size_t from = std::min<size_t>(rows.size(), node.offset);
        rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(from));
        if (rows.size() > node.limit) rows.resize(node.limit);
        return rows;
      }
    }
    return {};
  }

 private:
  Value Iri(const std::string& iri) { return *terms_->Intern({TermKind::kIri, iri, "", ""}); }

  const Triples& GraphOf(const Place& graph, const Row& row) {
    static const Triples none;
    const Value name = graph.is_slot() ? row[static_cast<size_t>(graph.slot)] : graph.value;
    if (name == kUnbound) return default_;
    const auto found = graph_.named.find(name);
    return found == graph_.named.end() ? none : found->second;
  }

  static bool Bind(const Place& place, Value value, Row* row) {
    if (!place.is_slot()) return place.value == value;
    Value& at = (*row)[static_cast<size_t>(place.slot)];
    if (at != kUnbound && at != value) return false;
    at = value;
    return true;
  }

  bool Hold(const std::vector<Expr>& exprs, const Row& row) {
    return std::all_of(exprs.begin(), exprs.end(),
                       [&](const Expr& e) { return evaluator_.Holds(e, row.data()); });
  }

  static Rows Join(const Rows& a, const Rows& b) {
    Rows rows;
    for (const Row& x : a) {
      for (const Row& y : b) {
        if (Compatible(x, y)) rows.push_back(Merged(x, y));
      }
    }
    return rows;
  }

  // (from, to), as often as the path leads there.
  using PairList = std::vector<std::pair<Value, Value>>;
  PairList Pairs(const PathTree& path, const Triples& triples, const std::set<Value>& extra) {
    PairList out;
    switch (path.kind) {
      case Path::Kind::kRelation:
        for (const auto& [h, r, t] : triples) {
          if (r == path.relation) out.emplace_back(h, t);
        }
        return out;
      case Path::Kind::kInverse:
        for (const auto& [a, b] : Pairs(path.parts[0], triples, extra)) out.emplace_back(b, a);
        return out;
      case Path::Kind::kSequence: {
        out = Pairs(path.parts[0], triples, extra);
        for (size_t i = 1; i < path.parts.size(); ++i) {
          PairList next;
          const PairList more = Pairs(path.parts[i], triples, extra);
          for (const auto& [a, b] : out) {
            for (const auto& [c, d] : more) {
              if (b == c) next.emplace_back(a, d);
            }
          }
          out = std::move(next);
        }
        return out;
      }
      case Path::Kind::kAlternative:
        for (const PathTree& part : path.parts) {
          for (const auto& pair : Pairs(part, triples, extra)) out.push_back(pair);
        }
        return out;
      case Path::Kind::kNegated: {
        std::set<Value> forward, backward;
        bool any_forward = path.parts.empty(), any_backward = false;
        for (const PathTree& part : path.parts) {
          if (part.kind == Path::Kind::kInverse) {
            backward.insert(part.parts[0].relation);
            any_backward = true;
          } else {
            forward.insert(part.relation);
            any_forward = true;
          }
        }
        for (const auto& [h, r, t] : triples) {
          if (any_forward && !forward.contains(r)) out.emplace_back(h, t);
          if (any_backward && !backward.contains(r)) out.emplace_back(t, h);
        }
        return out;
      }
      default: {
        std::set<std::pair<Value, Value>> closure;
        const PairList step = Pairs(path.parts[0], triples, extra);
        closure.insert(step.begin(), step.end());
        if (path.kind != Path::Kind::kZeroOrOne) {
          for (size_t size = 0; size != closure.size();) {
            size = closure.size();
            const PairList have(closure.begin(), closure.end());
            for (const auto& [a, b] : have) {
              for (const auto& [c, d] : step) {
                if (b == c) closure.emplace(a, d);
              }
            }
          }
        }
        if (path.kind != Path::Kind::kOneOrMore) {
          for (const auto& [h, r, t] : triples) closure.insert({{h, h}, {t, t}});
          for (const Value v : extra) closure.emplace(v, v);
        }
        return PairList(closure.begin(), closure.end());
      }
    }
  }

  Rows Group(const Algebra& node, const Row& fixed) {
    std::map<Row, std::vector<Aggregator>> groups;
    std::vector<int> row_slots;
    node.children[0].visible.ForEach([&](int slot) { row_slots.push_back(slot); });
    const auto group_of = [&](const Row& key) -> std::vector<Aggregator>& {
      std::vector<Aggregator>& group = groups[key];
      group.resize(node.aggregates.size());
      return group;
    };
    std::vector<AggregateState> states;
    for (const AggregateCall& call : node.aggregates) states.emplace_back(&call, row_slots);
    std::map<Row, Value> numbers;
    if (node.slots.empty()) group_of({});
    for (const Row& row : Eval(node.children[0], fixed)) {
      Row key;
      for (const int slot : node.slots) key.push_back(row[static_cast<size_t>(slot)]);
      const Value number = numbers.try_emplace(key, numbers.size()).first->second;
      std::vector<Aggregator>& group = group_of(key);
      for (size_t i = 0; i < group.size(); ++i) {
        group[i].Add(&evaluator_, row.data(), number, &states[i]);
      }
    }
    Rows rows;
    for (const auto& [key, aggregators] : groups) {
      Row row = fixed;
      for (size_t i = 0; i < key.size(); ++i) row[static_cast<size_t>(node.slots[i])] = key[i];
      for (size_t i = 0; i < aggregators.size(); ++i) {
        row[static_cast<size_t>(node.aggregates[i].slot)] =
            aggregators[i].Result(&evaluator_, states[i]);
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  const Translated& query_;
  const MemoryGraph& graph_;
  MemoryTerms* terms_;
  Evaluator evaluator_;
  Triples default_;
  std::vector<Value> names_;
};

}  // namespace

absl::StatusOr<Value> MemoryTerms::Intern(const Term& term) {
  const auto [place, is_new] = values_.try_emplace(
      {term.kind, term.text, term.datatype, LowerText(term.language)}, kUnbound);
  if (is_new) {
    place->second = MakeValue(ValueKind::kComputed, static_cast<uint32_t>(terms_.size()));
    terms_.push_back(term);
  }
  return place->second;
}

NaiveResult EvaluateNaively(const Translated& query, const MemoryGraph& graph, MemoryTerms* terms,
                            const std::vector<Value>& params) {
  Row fixed(static_cast<size_t>(query.slots), kUnbound);
  std::copy(params.begin(), params.end(), fixed.begin());
  Naive naive(query, graph, terms);
  const Rows rows = naive.Eval(query.root, fixed);
  NaiveResult result;
  result.answer = !rows.empty();
  for (const Row& row : rows) {
    Row& out = result.rows.emplace_back();
    for (const int slot : query.column_slots) out.push_back(row[static_cast<size_t>(slot)]);
  }
  return result;
}

}  // namespace undula::queries::pattern
