// Executor: property paths with repetition and negated sets (SPARQL 1.1, section 18.4), breadth
// first, without recursion over the data.
#include <algorithm>
#include <utility>

#include "queries/pattern/executor.h"
#include "queries/pattern/ticking_sort.h"
#include "queries/pattern/tuple_set.h"

namespace undula::queries::pattern {
namespace {

using PathKind = Path::Kind;

bool IsClosure(PathKind kind) {
  return kind == PathKind::kZeroOrMore || kind == PathKind::kOneOrMore ||
         kind == PathKind::kZeroOrOne;
}

// Which relations a negated set leaves out, in the stored and in the other direction.
void NegatedSets(const PathTree& tree, std::vector<Value>* forward, std::vector<Value>* backward,
                 bool* any_forward, bool* any_backward) {
  *any_forward = tree.parts.empty();
  *any_backward = false;
  for (const PathTree& part : tree.parts) {
    if (part.kind == PathKind::kInverse) {
      backward->push_back(part.parts[0].relation);
      *any_backward = true;
    } else {
      forward->push_back(part.relation);
      *any_forward = true;
    }
  }
}

bool Has(const std::vector<Value>& values, Value value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool Executor::SortDistinct(std::vector<Value>* values) {
  if (!TickingSort(values, std::less<Value>(), [&] { return Tick(); })) return false;
  values->erase(std::unique(values->begin(), values->end()), values->end());
  return true;
}

// Null, with the status set, where the relations cannot be read.
const Executor::Alternatives* Executor::AlternativesOf(const PathTree& tree) {
  const auto known = alternatives_.find(&tree);
  if (known != alternatives_.end()) return &known->second;
  Alternatives parts;
  std::vector<RelationId> forward, backward;
  for (const PathTree& part : tree.parts) {
    const bool inverse =
        part.kind == PathKind::kInverse && part.parts[0].kind == PathKind::kRelation;
    const PathTree& relation = inverse ? part.parts[0] : part;
    absl::StatusOr<RelationRef> ref = RelationRef();
    if (relation.kind == PathKind::kRelation) ref = source_->Relation(relation.relation);
    if (!Check(ref.status())) return nullptr;
    if (ref->kind == RelationRef::Kind::kGraph) {
      (inverse ? backward : forward).push_back(ref->id);
    } else {
      parts.others.push_back(&part);
    }
  }
  for (const bool stored : {true, false}) {
    absl::StatusOr<kgstore::RelationSet> set =
        source_->SetOf(std::move(stored ? forward : backward));
    if (!Check(set.status())) return nullptr;
    (stored ? parts.forward : parts.backward) = *std::move(set);
  }
  return &alternatives_.emplace(&tree, std::move(parts)).first->second;
}

// What one walk of the path leads to from a node; a node that two walks lead to may come twice.
void Executor::Next(const PathTree& tree, Value from, bool forward,
                    const kgstore::GraphChoice& graph, std::vector<Value>* out) {
  if (!Tick()) return;
  switch (tree.kind) {
    case PathKind::kRelation: {
      const absl::StatusOr<RelationRef> ref = source_->Relation(tree.relation);
      if (!ref.ok()) {
        Fail(ref.status());
        return;
      }
      Check(forward ? source_->Tails(*ref, from, graph, &path_run_)
                    : source_->Heads(*ref, from, graph, &path_run_));
      out->insert(out->end(), path_run_.begin(), path_run_.end());
      return;
    }
    case PathKind::kInverse:
      Next(tree.parts[0], from, !forward, graph, out);
      return;
    case PathKind::kAlternative: {
      const Alternatives* const parts = AlternativesOf(tree);
      if (parts == nullptr) return;
      for (const bool stored : {true, false}) {
        const kgstore::RelationSet& relations = stored ? parts->forward : parts->backward;
        if (relations.ids.empty()) continue;
        Check(source_->Edges(from, stored == forward, graph, &path_edges_, &relations));
        for (const kgstore::Edge& e : path_edges_) out->push_back(e.end);
      }
      for (const PathTree* const part : parts->others) Next(*part, from, forward, graph, out);
      return;
    }
    case PathKind::kSequence: {
      std::vector<Value> now = {from}, next;
      for (size_t i = 0; i < tree.parts.size(); ++i) {
        const PathTree& part = tree.parts[forward ? i : tree.parts.size() - 1 - i];
        next.clear();
        for (const Value node : now) Next(part, node, forward, graph, &next);
        SortDistinct(&next);
        now.swap(next);
      }
      out->insert(out->end(), now.begin(), now.end());
      return;
    }
    case PathKind::kNegated: {
      std::vector<Value> not_forward, not_backward;
      bool any_forward = false, any_backward = false;
      NegatedSets(tree, &not_forward, &not_backward, &any_forward, &any_backward);
      std::vector<ValueEdge> edges;
      for (const bool stored : {true, false}) {
        if (stored ? !any_forward : !any_backward) continue;
        const bool along = stored == forward;
        Check(along ? source_->Out(from, graph, &edges) : source_->In(from, graph, &edges));
        for (const ValueEdge& e : edges) {
          if (!Has(stored ? not_forward : not_backward, e.relation)) out->push_back(e.end);
        }
      }
      return;
    }
    default:
      Reach(tree, from, forward, graph, out);
  }
}

// The distinct nodes that a repeated path leads to.
void Executor::Reach(const PathTree& tree, Value from, bool forward,
                     const kgstore::GraphChoice& graph, std::vector<Value>* out) {
  TupleSet seen(1);
  bool is_new = false;
  std::vector<Value> now = {from}, next;
  if (tree.kind != PathKind::kOneOrMore) {
    seen.Add({&from, 1}, &is_new);
    out->push_back(from);
  }
  while (!now.empty() && status_.ok()) {
    next.clear();
    for (const Value node : now) Next(tree.parts[0], node, forward, graph, &next);
    now.clear();
    for (const Value node : next) {
      if (!Tick()) return;
      seen.Add({&node, 1}, &is_new);
      if (is_new) now.push_back(node);
    }
    // In the order in which they are stored.
    if (!TickingSort(&now, std::less<Value>(), [&] { return Tick(); })) return;
    out->insert(out->end(), now.begin(), now.end());
    if (!Charge(now.size() * 48)) return;
    if (tree.kind == PathKind::kZeroOrOne) return;
  }
}

// All nodes of the graph, and those of the catalogue's relations in the path.
void Executor::AllNodes(const PathTree& tree, const kgstore::GraphChoice& graph,
                        std::vector<Value>* out) {
  absl::StatusOr<std::vector<Value>> nodes = source_->Nodes(graph);
  if (!Check(nodes.status())) return;
  *out = *std::move(nodes);
  std::vector<const PathTree*> open = {&tree};
  while (!open.empty()) {
    const PathTree* const part = open.back();
    open.pop_back();
    for (const PathTree& inner : part->parts) open.push_back(&inner);
    if (part->kind != PathKind::kRelation) continue;
    const absl::StatusOr<RelationRef> ref = source_->Relation(part->relation);
    if (!ref.ok()) {
      Fail(ref.status());
      return;
    }
    if (ref->kind == RelationRef::Kind::kGraph || ref->kind == RelationRef::Kind::kNone) continue;
    std::vector<std::pair<Value, Value>> pairs;
    if (!Check(source_->Pairs(*ref, graph, &pairs))) return;
    for (const auto& [from, to] : pairs) {
      out->push_back(from);
      out->push_back(to);
    }
  }
  if (SortDistinct(out)) Charge(out->size() * sizeof(Value));
}

// Whether a triple of the graph has the value at an end. Users and items are always nodes.
bool Executor::IsNode(Value value, const kgstore::GraphChoice& graph) {
  if (KindOf(value) == ValueKind::kUser || KindOf(value) == ValueKind::kItem) return true;
  std::vector<ValueEdge> edges;
  if (!Check(source_->In(value, graph, &edges))) return false;
  if (edges.empty() && !Check(source_->Out(value, graph, &edges))) return false;
  return !edges.empty();
}

// The solutions that start at `from`, the other end being open or known.
bool Executor::EvalClosure(const Algebra& node, bool forward, Value from, RowFn fn) {
  const Place& other = forward ? node.tail : node.head;
  std::vector<Value> ends;
  if (IsClosure(node.path.kind)) {
    Reach(node.path, from, forward, GraphOf(node), &ends);
  } else {
    Next(node.path, from, forward, GraphOf(node), &ends);
  }
  if (!status_.ok()) return false;
  const Value known = At(other);
  const auto open = [&](const Place& place) { return place.is_slot() && !fixed_.Has(place.slot); };
  // Between two variables a path of no length leads from nodes of the graph only.
  const bool nodes_only = node.path.kind != PathKind::kOneOrMore && IsClosure(node.path.kind) &&
                          open(node.head) && open(node.tail) &&
                          (known == kUnbound || known == from);
  const bool skip_start = nodes_only && !IsNode(from, GraphOf(node));
  for (const Value end : ends) {
    if (skip_start && end == from) continue;
    if (known != kUnbound && known != end) continue;
    if (other.is_slot()) Slot(other.slot) = end;
    const bool more = Tick() && fn();
    if (other.is_slot()) Slot(other.slot) = known;
    if (!more) return false;
  }
  return true;
}

bool Executor::EvalPath(const Algebra& node, RowFn fn) {
  const Value head = At(node.head), tail = At(node.tail);
  if (head != kUnbound) return EvalClosure(node, true, head, fn);
  if (tail != kUnbound) return EvalClosure(node, false, tail, fn);
  std::vector<Value> starts;
  const PathTree& inner = IsClosure(node.path.kind) ? node.path.parts[0] : node.path;
  if (node.path.kind == PathKind::kOneOrMore && inner.kind == PathKind::kRelation) {
    const absl::StatusOr<RelationRef> ref = source_->Relation(inner.relation);
    if (!ref.ok()) return Fail(ref.status());
    std::vector<std::pair<Value, Value>> pairs;
    if (!Check(source_->Pairs(*ref, GraphOf(node), &pairs))) return false;
    for (const auto& [from, to] : pairs) starts.push_back(from);
    SortDistinct(&starts);
  } else {
    AllNodes(node.path, GraphOf(node), &starts);
  }
  bool more = status_.ok();
  for (const Value start : starts) {
    Slot(node.head.slot) = start;
    more = EvalClosure(node, true, start, fn);
    if (!more) break;
  }
  Slot(node.head.slot) = kUnbound;
  return more;
}

}  // namespace undula::queries::pattern
