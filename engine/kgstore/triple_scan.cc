#include "kgstore/triple_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/import_record.h"
#include "kgstore/interaction_log.h"
#include "kgstore/link_value.h"
#include "kgstore/literal_key.h"
#include "kgstore/number_key.h"
#include "kgstore/store.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace {

using internal::AdjacencyReader;
using internal::Table;
using internal::TailKind;
using internal::ViewState;

Node EntityOf(uint32_t id) { return EntityNode(static_cast<EntityId>(id)); }
Node LiteralOf(uint32_t id) { return LiteralNode(static_cast<LiteralId>(id)); }

absl::Status Damaged(const ViewState& view, Table table) {
  return DataLossError(view.store().path(), ": table ", internal::SpecOf(table).name,
                       " is damaged; restore the file from a backup");
}

// A callback over a list that asks `pause` now and then, with the bytes that *out holds: after an
// error it passes over what is left.
template <class F, class T>
class Paused {
 public:
  Paused(F call, const TripleScan::PauseFn& ask, const std::vector<T>* out)
      : call_(call), ask_(ask), out_(out) {}
  template <class... Args>
  void operator()(Args... args) {
    if (++calls_ % 4096 == 0 && ask_ && status_.ok()) status_ = ask_(out_->capacity() * sizeof(T));
    if (status_.ok()) call_(args...);
  }
  // What a read with this callback returned, or else the error of the pause.
  absl::Status After(const absl::Status& read) const { return read.ok() ? status_ : read; }

 private:
  F call_;
  const TripleScan::PauseFn& ask_;
  const std::vector<T>* out_;
  uint32_t calls_ = 0;
  absl::Status status_;
};

// The place of a number in the table of numbers.
absl::StatusOr<uint64_t> OrderOf(double number) {
  std::string text = number > 0 ? "INF" : "-INF";
  if (std::isfinite(number)) {
    std::array<char, 32> digits;
    const int size = std::snprintf(digits.data(), digits.size(), "%.17g", number);
    text.assign(digits.data(), static_cast<size_t>(size));
  }
  std::string key;
  UNDULA_RETURN_IF_ERROR(
      internal::EncodeLiteral(text, "http://www.w3.org/2001/XMLSchema#double", "", &key));
  const std::optional<uint64_t> order = internal::NumberKey(key);
  return order.has_value() ? absl::StatusOr<uint64_t>(*order)
                           : InvalidArgumentError(text, " is no number");
}

template <class T>
void SortDistinct(std::vector<T>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

}  // namespace

bool TripleScan::Checks(const GraphChoice& graph) const {
  if (graph.any) return false;
  return view_.counts().quads > 0 || !graph.default_graph;
}

absl::StatusOr<bool> TripleScan::InGraph(uint32_t head, RelationId relation, Node tail,
                                         const GraphChoice& graph) const {
  const TailKind kind = IsLiteral(tail) ? TailKind::kLiteral : TailKind::kEntity;
  UNDULA_ASSIGN_OR_RETURN(
      const auto value,
      view_.state().Get(Table::kGraphs,
                        internal::GraphsKey(kind, {head, Index(relation), NodeId(tail)})));
  if (!value.has_value()) return graph.default_graph;
  std::vector<uint32_t> graphs;
  if (!internal::DecodeGraphs(*value, &graphs)) return Damaged(view_.state(), Table::kGraphs);
  for (const uint32_t g : graphs) {
    if (g == 0 ? graph.default_graph
               : std::binary_search(graph.named.begin(), graph.named.end(),
                                    static_cast<EntityId>(g - 1))) {
      return true;
    }
  }
  return false;
}

// Keeps what `keep` says of each element.
template <class T, class F>
absl::Status TripleScan::KeepIf(std::vector<T>* values, F&& keep) const {
  size_t kept = 0;
  for (size_t i = 0; i < values->size(); ++i) {
    if (i % 64 == 63) UNDULA_RETURN_IF_ERROR(Pause(values->capacity() * sizeof(T)));
    UNDULA_ASSIGN_OR_RETURN(const bool stays, keep((*values)[i]));
    if (stays) (*values)[kept++] = (*values)[i];
  }
  values->resize(kept);
  return absl::OkStatus();
}

absl::Status TripleScan::Tails(EntityId head, RelationId relation, const GraphChoice& graph,
                               std::vector<Node>* out) const {
  out->clear();
  const ViewState& view = view_.state();
  if (Index(head) >= view_.counts().entities) return absl::OkStatus();
  UNDULA_ASSIGN_OR_RETURN(const Counts counts, CountOf(relation));
  if (counts.triples > 0) {
    Paused entity([&](uint32_t c) { out->push_back(EntityOf(c)); }, pause_, out);
    UNDULA_RETURN_IF_ERROR(entity.After(
        AdjacencyReader(view, Table::kOut).ForEachOf(Index(head), Index(relation), entity)));
  }
  if (counts.attributes > 0) {
    Paused literal([&](uint32_t c) { out->push_back(LiteralOf(c)); }, pause_, out);
    UNDULA_RETURN_IF_ERROR(literal.After(AdjacencyReader(view, Table::kAttributes)
                                             .ForEachOf(Index(head), Index(relation), literal)));
  }
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](Node tail) { return InGraph(Index(head), relation, tail, graph); });
}

absl::Status TripleScan::Heads(RelationId relation, Node tail, const GraphChoice& graph,
                               std::vector<Node>* out) const {
  out->clear();
  const bool literal = IsLiteral(tail);
  if (NodeId(tail) >= (literal ? view_.counts().literals : view_.counts().entities)) {
    return absl::OkStatus();
  }
  Paused entity([&](uint32_t c) { out->push_back(EntityOf(c)); }, pause_, out);
  UNDULA_RETURN_IF_ERROR(
      entity.After(AdjacencyReader(view_.state(), literal ? Table::kValues : Table::kIn)
                       .ForEachOf(NodeId(tail), Index(relation), entity)));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](Node head) { return InGraph(NodeId(head), relation, tail, graph); });
}

absl::Status TripleScan::EdgesOf(uint32_t node, bool entities, bool tails, const RelationSet* only,
                                 std::vector<Edge>* out) const {
  if (only != nullptr && !(entities ? only->triples : only->attributes)) return absl::OkStatus();
  const bool literals = tails && !entities;
  Paused edge(
      [&](uint32_t b, uint32_t c) {
        out->push_back({static_cast<RelationId>(b), literals ? LiteralOf(c) : EntityOf(c)});
      },
      pause_, out);
  const Table table = tails      ? entities ? Table::kOut : Table::kAttributes
                      : entities ? Table::kIn
                                 : Table::kValues;
  const AdjacencyReader reader(view_.state(), table);
  if (only == nullptr) return edge.After(reader.ForEach(node, edge));
  const auto has = [&](uint32_t b) { return b < only->has.size() && only->has[b]; };
  return edge.After(reader.ForEachOfAny(node, only->ids, has, edge));
}

absl::Status TripleScan::Out(EntityId head, const GraphChoice& graph, std::vector<Edge>* out,
                             const RelationSet* only) const {
  out->clear();
  if (Index(head) >= view_.counts().entities) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(EdgesOf(Index(head), true, true, only, out));
  UNDULA_RETURN_IF_ERROR(EdgesOf(Index(head), false, true, only, out));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](const Edge& e) { return InGraph(Index(head), e.relation, e.end, graph); });
}

absl::Status TripleScan::In(Node tail, const GraphChoice& graph, std::vector<Edge>* out,
                            const RelationSet* only) const {
  out->clear();
  const bool literal = IsLiteral(tail);
  if (NodeId(tail) >= (literal ? view_.counts().literals : view_.counts().entities)) {
    return absl::OkStatus();
  }
  UNDULA_RETURN_IF_ERROR(EdgesOf(NodeId(tail), !literal, false, only, out));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out,
                [&](const Edge& e) { return InGraph(NodeId(e.end), e.relation, tail, graph); });
}

absl::StatusOr<RelationSet> TripleScan::SetOf(std::vector<RelationId> relations) const {
  RelationSet set;
  set.has.resize(view_.counts().relations);
  SortDistinct(&relations);
  for (const RelationId relation : relations) {
    if (Index(relation) >= set.has.size()) continue;
    UNDULA_ASSIGN_OR_RETURN(const Counts counts, CountOf(relation));
    set.ids.push_back(Index(relation));
    set.has[Index(relation)] = true;
    set.triples = set.triples || counts.triples > 0;
    set.attributes = set.attributes || counts.attributes > 0;
  }
  return set;
}

absl::Status TripleScan::All(RelationId relation, const GraphChoice& graph,
                             std::vector<ScannedTriple>* out) const {
  out->clear();
  const ViewState& view = view_.state();
  const bool one = relation != kNone<RelationId>;
  bool edges = true, attributes = true;
  if (one) {
    UNDULA_ASSIGN_OR_RETURN(const Counts counts, CountOf(relation));
    edges = counts.triples > 0;
    attributes = counts.attributes > 0;
  }
  const auto add = [&](uint32_t a, uint32_t b, Node tail) {
    out->push_back({EntityOf(a), static_cast<RelationId>(b), tail});
  };
  if (one && edges) {
    Paused pair([&](uint32_t tail, uint32_t head) { add(head, Index(relation), EntityOf(tail)); },
                pause_, out);
    UNDULA_RETURN_IF_ERROR(
        pair.After(AdjacencyReader(view, Table::kByRelation).ForEach(Index(relation), pair)));
  } else if (edges) {
    Paused edge([&](uint32_t a, uint32_t b, uint32_t c) { add(a, b, EntityOf(c)); }, pause_, out);
    UNDULA_RETURN_IF_ERROR(edge.After(AdjacencyReader(view, Table::kOut).Scan(edge)));
  }
  if (attributes) {
    Paused attribute(
        [&](uint32_t a, uint32_t b, uint32_t c) {
          if (!one || b == Index(relation)) add(a, b, LiteralOf(c));
        },
        pause_, out);
    UNDULA_RETURN_IF_ERROR(
        attribute.After(AdjacencyReader(view, Table::kAttributes).Scan(attribute)));
  }
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](const ScannedTriple& t) {
    return InGraph(NodeId(t.head), t.relation, t.tail, graph);
  });
}

absl::StatusOr<std::vector<Node>> TripleScan::Nodes(const GraphChoice& graph) const {
  std::vector<bool> entities(view_.counts().entities, false);
  std::vector<bool> literals(view_.counts().literals, false);
  const auto set = [](std::vector<bool>* bits, uint32_t id) {
    if (id < bits->size()) (*bits)[id] = true;
  };
  std::vector<Node> nodes;
  if (Checks(graph)) {
    std::vector<Edge> edges;
    for (uint32_t e = 0; e < view_.counts().entities; ++e) {
      if (e % 64 == 63) UNDULA_RETURN_IF_ERROR(Pause(0));
      UNDULA_RETURN_IF_ERROR(Out(static_cast<EntityId>(e), graph, &edges));
      if (!edges.empty()) set(&entities, e);
      for (const Edge& edge : edges) {
        set(IsLiteral(edge.end) ? &literals : &entities, NodeId(edge.end));
      }
    }
  } else {
    Paused edge(
        [&](uint32_t a, uint32_t, uint32_t c) {
          set(&entities, a);
          set(&entities, c);
        },
        pause_, &nodes);
    UNDULA_RETURN_IF_ERROR(edge.After(AdjacencyReader(view_.state(), Table::kOut).Scan(edge)));
    Paused attribute(
        [&](uint32_t a, uint32_t, uint32_t c) {
          set(&entities, a);
          set(&literals, c);
        },
        pause_, &nodes);
    UNDULA_RETURN_IF_ERROR(
        attribute.After(AdjacencyReader(view_.state(), Table::kAttributes).Scan(attribute)));
  }
  for (uint32_t i = 0; i < entities.size(); ++i) {
    if (entities[i]) nodes.push_back(EntityOf(i));
    if (i % 4096 == 4095) UNDULA_RETURN_IF_ERROR(Pause(nodes.capacity() * sizeof(Node)));
  }
  for (uint32_t i = 0; i < literals.size(); ++i) {
    if (literals[i]) nodes.push_back(LiteralOf(i));
    if (i % 4096 == 4095) UNDULA_RETURN_IF_ERROR(Pause(nodes.capacity() * sizeof(Node)));
  }
  return nodes;
}

absl::StatusOr<TripleScan::Ends> TripleScan::EndsOf(RelationId relation) const {
  std::vector<uint64_t> seen(view_.counts().entities / 64 + 1, 0);
  Ends ends;
  uint32_t last = 0;
  Paused pair(
      [&](uint32_t tail, uint32_t head) {
        ends.tails += ends.triples++ == 0 || tail != last ? 1 : 0;
        last = tail;
        uint64_t& word = seen[std::min<size_t>(head / 64, seen.size() - 1)];
        const uint64_t bit = uint64_t{1} << (head % 64);
        ends.heads += (word & bit) == 0 ? 1 : 0;
        word |= bit;
      },
      pause_, &seen);
  UNDULA_RETURN_IF_ERROR(pair.After(
      AdjacencyReader(view_.state(), Table::kByRelation).ForEach(Index(relation), pair)));
  return ends;
}

absl::StatusOr<TripleScan::Counts> TripleScan::CountOf(RelationId relation) const {
  if (!has_counts_) {
    UNDULA_ASSIGN_OR_RETURN(const auto stored, internal::ReadRelationCounts(view_.state()));
    for (const internal::RelationCounts& c : stored) counts_.push_back({c.triples, c.attributes});
    has_counts_ = true;
  }
  return Index(relation) < counts_.size() ? counts_[Index(relation)] : Counts{};
}

absl::StatusOr<std::optional<std::vector<Node>>> TripleScan::NumbersWithin(RelationId relation,
                                                                           double from, double to,
                                                                           uint64_t limit) const {
  UNDULA_ASSIGN_OR_RETURN(const uint64_t first, OrderOf(from));
  UNDULA_ASSIGN_OR_RETURN(const uint64_t last, OrderOf(to));
  std::vector<Node> literals;
  uint64_t triples = 0;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.state().Walk(Table::kNumbers));
  UNDULA_ASSIGN_OR_RETURN(bool more,
                          cursor->Seek(internal::EncodeNumberEntry({Index(relation), first, 0})));
  while (more) {
    const auto entry = internal::DecodeNumberEntry(cursor->key());
    if (!entry.has_value()) return Damaged(view_.state(), Table::kNumbers);
    if (entry->relation != Index(relation) || entry->number > last) break;
    UNDULA_ASSIGN_OR_RETURN(const uint64_t degree,
                            AdjacencyReader(view_.state(), Table::kValues).Degree(entry->literal));
    triples += degree;
    if (triples > limit) return std::optional<std::vector<Node>>();
    literals.push_back(LiteralOf(entry->literal));
    if (literals.size() % 64 == 0) {
      UNDULA_RETURN_IF_ERROR(Pause(literals.capacity() * sizeof(Node)));
    }
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  std::sort(literals.begin(), literals.end());
  return std::optional<std::vector<Node>>(std::move(literals));
}

absl::StatusOr<std::vector<EntityId>> TripleScan::GraphNames() const {
  std::vector<EntityId> names;
  if (view_.counts().quads == 0) return names;
  std::vector<bool> seen(view_.counts().entities, false);
  std::vector<uint32_t> graphs;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.state().Walk(Table::kGraphs));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  while (more) {
    if (!internal::DecodeGraphs(cursor->value(), &graphs)) {
      return Damaged(view_.state(), Table::kGraphs);
    }
    for (const uint32_t g : graphs) {
      if (g > seen.size()) return Damaged(view_.state(), Table::kGraphs);
      if (g > 0) seen[g - 1] = true;
    }
    UNDULA_RETURN_IF_ERROR(Pause(0));
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  for (uint32_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) names.push_back(static_cast<EntityId>(i));
  }
  return names;
}

// The ids of the other ones in a row of a log, of which there are `count`; ascending, distinct.
template <class Id>
static absl::StatusOr<std::vector<Id>> OthersOf(const ViewState& view, Table table, uint32_t row,
                                                uint32_t count) {
  std::vector<Id> others;
  others.reserve(std::min<size_t>(count, 128));
  UNDULA_RETURN_IF_ERROR(internal::LogReader(view, table).Others(row, [&](uint32_t other) {
    others.push_back(static_cast<Id>(other));
  }));
  // A row that is not sparse is sorted by the bits of a map.
  const size_t words = count / 64 + 1;
  if (words > 4 * others.size()) {
    SortDistinct(&others);
    return others;
  }
  std::vector<uint64_t> map(words, 0);
  for (const Id other : others) {
    if (Index(other) >= count) return Damaged(view, table);
    map[Index(other) / 64] |= uint64_t{1} << (Index(other) % 64);
  }
  others.clear();
  for (size_t i = 0; i < words; ++i) {
    for (uint64_t bits = map[i]; bits != 0; bits &= bits - 1) {
      others.push_back(static_cast<Id>(64 * i + static_cast<size_t>(std::countr_zero(bits))));
    }
  }
  return others;
}

absl::StatusOr<std::vector<UserId>> TripleScan::UsersOf(ItemId item) const {
  if (Index(item) >= view_.counts().items) return std::vector<UserId>();
  return OthersOf<UserId>(view_.state(), Table::kItemLog, Index(item), view_.counts().users);
}

absl::StatusOr<std::vector<ItemId>> TripleScan::ItemsOf(UserId user) const {
  if (Index(user) >= view_.counts().users) return std::vector<ItemId>();
  return OthersOf<ItemId>(view_.state(), Table::kUserLog, Index(user), view_.counts().items);
}

absl::StatusOr<std::vector<std::pair<ItemId, EntityId>>> TripleScan::AllLinks() const {
  std::vector<std::pair<ItemId, EntityId>> links;
  std::vector<EntityId> entities;
  for (uint32_t i = 0; i < view_.counts().items; ++i) {
    const auto item = static_cast<ItemId>(i);
    if (i % 64 == 63) UNDULA_RETURN_IF_ERROR(Pause(links.capacity() * sizeof(links[0])));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<Link> of_item, view_.Links(item));
    entities.clear();
    for (const Link& link : of_item) entities.push_back(link.entity);
    SortDistinct(&entities);
    for (const EntityId entity : entities) links.emplace_back(item, entity);
  }
  return links;
}

absl::StatusOr<std::vector<std::pair<UserId, UserId>>> TripleScan::AllSocial() const {
  std::vector<std::pair<UserId, UserId>> edges;
  if (view_.counts().social == 0) return edges;
  for (uint32_t i = 0; i < view_.counts().users; ++i) {
    const auto user = static_cast<UserId>(i);
    if (i % 64 == 63) UNDULA_RETURN_IF_ERROR(Pause(edges.capacity() * sizeof(edges[0])));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<SocialLink> of_user, view_.Social(user));
    for (const SocialLink& link : of_user) edges.emplace_back(user, link.user);
  }
  return edges;
}

absl::StatusOr<std::vector<std::pair<UserId, ItemId>>> TripleScan::AllInteractions() const {
  std::vector<std::pair<UserId, ItemId>> pairs;
  for (uint32_t i = 0; i < view_.counts().users; ++i) {
    const auto user = static_cast<UserId>(i);
    UNDULA_RETURN_IF_ERROR(Pause(pairs.capacity() * sizeof(pairs[0])));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<ItemId> items, ItemsOf(user));
    for (const ItemId item : items) pairs.emplace_back(user, item);
  }
  return pairs;
}

}  // namespace undula::kgstore
