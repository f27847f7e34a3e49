#include "kgstore/triple_scan.h"

#include <algorithm>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/import_record.h"
#include "kgstore/interaction_log.h"
#include "kgstore/link_value.h"
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
static absl::Status KeepIf(std::vector<T>* values, F&& keep) {
  size_t kept = 0;
  for (size_t i = 0; i < values->size(); ++i) {
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
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(view, Table::kOut).ForEachOf(Index(head), Index(relation), [&](uint32_t c) {
          out->push_back(EntityOf(c));
        }));
  }
  if (counts.attributes > 0) {
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(view, Table::kAttributes)
                               .ForEachOf(Index(head), Index(relation),
                                          [&](uint32_t c) { out->push_back(LiteralOf(c)); }));
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
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(view_.state(), literal ? Table::kValues : Table::kIn)
                             .ForEachOf(NodeId(tail), Index(relation),
                                        [&](uint32_t c) { out->push_back(EntityOf(c)); }));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](Node head) { return InGraph(NodeId(head), relation, tail, graph); });
}

absl::Status TripleScan::Out(EntityId head, const GraphChoice& graph,
                             std::vector<Edge>* out) const {
  out->clear();
  if (Index(head) >= view_.counts().entities) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(
      AdjacencyReader(view_.state(), Table::kOut).ForEach(Index(head), [&](uint32_t b, uint32_t c) {
        out->push_back({static_cast<RelationId>(b), EntityOf(c)});
      }));
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(view_.state(), Table::kAttributes)
                             .ForEach(Index(head), [&](uint32_t b, uint32_t c) {
                               out->push_back({static_cast<RelationId>(b), LiteralOf(c)});
                             }));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](const Edge& e) { return InGraph(Index(head), e.relation, e.end, graph); });
}

absl::Status TripleScan::In(Node tail, const GraphChoice& graph, std::vector<Edge>* out) const {
  out->clear();
  const bool literal = IsLiteral(tail);
  if (NodeId(tail) >= (literal ? view_.counts().literals : view_.counts().entities)) {
    return absl::OkStatus();
  }
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(view_.state(), literal ? Table::kValues : Table::kIn)
                             .ForEach(NodeId(tail), [&](uint32_t b, uint32_t c) {
                               out->push_back({static_cast<RelationId>(b), EntityOf(c)});
                             }));
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out,
                [&](const Edge& e) { return InGraph(NodeId(e.end), e.relation, tail, graph); });
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
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(view, Table::kByRelation)
                               .ForEach(Index(relation), [&](uint32_t tail, uint32_t head) {
                                 add(head, Index(relation), EntityOf(tail));
                               }));
  } else if (edges) {
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(view, Table::kOut).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
          add(a, b, EntityOf(c));
        }));
  }
  if (attributes) {
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(view, Table::kAttributes).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
          if (!one || b == Index(relation)) add(a, b, LiteralOf(c));
        }));
  }
  if (!Checks(graph)) return absl::OkStatus();
  return KeepIf(out, [&](const ScannedTriple& t) {
    return InGraph(NodeId(t.head), t.relation, t.tail, graph);
  });
}

absl::StatusOr<TripleScan::Counts> TripleScan::CountOf(RelationId relation) const {
  if (!has_counts_) {
    UNDULA_ASSIGN_OR_RETURN(const auto stored, internal::ReadRelationCounts(view_.state()));
    for (const internal::RelationCounts& c : stored) counts_.push_back({c.triples, c.attributes});
    has_counts_ = true;
  }
  return Index(relation) < counts_.size() ? counts_[Index(relation)] : Counts{};
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
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  for (uint32_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) names.push_back(static_cast<EntityId>(i));
  }
  return names;
}

absl::StatusOr<std::vector<UserId>> TripleScan::UsersOf(ItemId item) const {
  std::vector<UserId> users;
  if (Index(item) >= view_.counts().items) return users;
  UNDULA_RETURN_IF_ERROR(internal::LogReader(view_.state(), Table::kItemLog)
                             .Row(Index(item), [&](uint32_t, uint32_t user, float, int64_t) {
                               users.push_back(static_cast<UserId>(user));
                             }));
  SortDistinct(&users);
  return users;
}

absl::StatusOr<std::vector<std::pair<ItemId, EntityId>>> TripleScan::AllLinks() const {
  std::vector<std::pair<ItemId, EntityId>> links;
  for (uint32_t i = 0; i < view_.counts().items; ++i) {
    const auto item = static_cast<ItemId>(i);
    UNDULA_ASSIGN_OR_RETURN(const std::vector<Link> of_item, view_.Links(item));
    for (const Link& link : of_item) links.emplace_back(item, link.entity);
  }
  SortDistinct(&links);
  return links;
}

absl::StatusOr<std::vector<std::pair<UserId, UserId>>> TripleScan::AllSocial() const {
  std::vector<std::pair<UserId, UserId>> edges;
  if (view_.counts().social == 0) return edges;
  for (uint32_t i = 0; i < view_.counts().users; ++i) {
    const auto user = static_cast<UserId>(i);
    UNDULA_ASSIGN_OR_RETURN(const std::vector<SocialLink> of_user, view_.Social(user));
    for (const SocialLink& link : of_user) edges.emplace_back(user, link.user);
  }
  return edges;
}

absl::StatusOr<std::vector<std::pair<UserId, ItemId>>> TripleScan::AllInteractions() const {
  std::vector<std::pair<UserId, ItemId>> pairs;
  UNDULA_RETURN_IF_ERROR(internal::LogReader(view_.state(), Table::kUserLog)
                             .Scan([&](uint32_t user, uint32_t item, float, int64_t) {
                               pairs.emplace_back(static_cast<UserId>(user),
                                                  static_cast<ItemId>(item));
                             }));
  SortDistinct(&pairs);
  return pairs;
}

}  // namespace undula::kgstore
