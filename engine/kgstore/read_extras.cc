// The parts of ReadView that read the smaller tables.
#include <algorithm>
#include <utility>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/literal_key.h"
#include "kgstore/number_key.h"
#include "kgstore/read_view.h"
#include "kgstore/store.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace {

using internal::AdjacencyReader;
using internal::Space;
using internal::Table;
using internal::TailKind;
using internal::Triple;
using internal::ViewState;

absl::Status Damaged(const ViewState& view, Table table) {
  return DataLossError(view.store().path(), ": table ", internal::SpecOf(table).name,
                       " is damaged; restore the file from a backup");
}

absl::Status CheckId(const ViewState& view, Space space, uint32_t id) {
  const uint32_t count = view.state().CountOf(space);
  if (id < count) return absl::OkStatus();
  return InvalidArgumentError(internal::SpaceName(space), " id ", id,
                              " is unknown; the database has ", count);
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Columns(
    const ViewState& view, Table table, uint32_t id, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> columns;
  UNDULA_ASSIGN_OR_RETURN(const auto value, view.Row(table, id));
  if (!value.has_value()) return columns;
  internal::ColumnMap decoded;
  if (!internal::DecodeColumns(*value, &decoded)) return Damaged(view, table);
  for (auto& [column, text] : decoded) {
    if (column >= names.size()) return Damaged(view, table);
    columns.emplace_back(names[column], std::move(text));
  }
  std::sort(columns.begin(), columns.end());
  return columns;
}

absl::StatusOr<std::vector<EntityId>> GraphsOf(const ViewState& view, TailKind kind,
                                               const Triple& triple) {
  const bool to_entity = kind == TailKind::kEntity;
  UNDULA_RETURN_IF_ERROR(CheckId(view, Space::kEntity, triple.a));
  UNDULA_RETURN_IF_ERROR(CheckId(view, Space::kRelation, triple.b));
  UNDULA_RETURN_IF_ERROR(CheckId(view, to_entity ? Space::kEntity : Space::kLiteral, triple.c));
  std::vector<EntityId> result;
  UNDULA_ASSIGN_OR_RETURN(const auto value,
                          view.Get(Table::kGraphs, internal::GraphsKey(kind, triple)));
  bool in_default = false;
  if (value.has_value()) {
    std::vector<uint32_t> graphs;
    if (!internal::DecodeGraphs(*value, &graphs)) return Damaged(view, Table::kGraphs);
    for (const uint32_t graph : graphs) {
      if (graph > view.state().counts.entities) return Damaged(view, Table::kGraphs);
      if (graph == 0) {
        in_default = true;
      } else {
        result.push_back(static_cast<EntityId>(graph - 1));
      }
    }
  } else {
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(view, to_entity ? Table::kOut : Table::kAttributes)
                               .ForEachOf(triple.a, triple.b, [&](uint32_t c) {
                                 in_default = in_default || c == triple.c;
                               }));
  }
  if (in_default) result.push_back(kNone<EntityId>);
  return result;
}

absl::StatusOr<uint64_t> OrderOf(const Literal& literal) {
  std::string key;
  UNDULA_RETURN_IF_ERROR(
      internal::EncodeLiteral(literal.text, literal.datatype, literal.language, &key));
  const std::optional<uint64_t> number = internal::NumberKey(key);
  if (number.has_value()) return *number;
  return InvalidArgumentError("'", literal.text, "' of datatype <", literal.datatype,
                              "> has no place in an order; give a number or a date of an XML "
                              "Schema datatype, such as xsd:integer or xsd:date");
}

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadView::ItemColumns(
    ItemId item) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kItem, Index(item)));
  return Columns(*state_, Table::kItems, Index(item), state_->state().item_columns);
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadView::UserColumns(
    UserId user) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kUser, Index(user)));
  return Columns(*state_, Table::kUsers, Index(user), state_->state().user_columns);
}

absl::StatusOr<std::vector<SocialLink>> ReadView::Social(UserId user) const {
  const uint32_t id = Index(user);
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kUser, id));
  std::vector<SocialLink> result;
  UNDULA_ASSIGN_OR_RETURN(const auto value, state_->Row(Table::kSocial, id));
  std::vector<internal::SocialEdge> edges;
  if (value.has_value() && !internal::DecodeSocial(*value, &edges)) {
    return Damaged(*state_, Table::kSocial);
  }
  for (const internal::SocialEdge& edge : edges) {
    result.push_back({static_cast<UserId>(edge.other), edge.weight});
  }
  return result;
}

absl::StatusOr<std::vector<EntityId>> ReadView::Graphs(EntityId head, RelationId relation,
                                                       EntityId tail) const {
  return GraphsOf(*state_, TailKind::kEntity, {Index(head), Index(relation), Index(tail)});
}

absl::StatusOr<std::vector<EntityId>> ReadView::Graphs(EntityId head, RelationId relation,
                                                       LiteralId tail) const {
  return GraphsOf(*state_, TailKind::kLiteral, {Index(head), Index(relation), Index(tail)});
}

absl::StatusOr<std::vector<LiteralId>> ReadView::LiteralsByRange(
    RelationId relation, const std::optional<Literal>& from,
    const std::optional<Literal>& to) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kRelation, Index(relation)));
  if (!from.has_value() && !to.has_value()) {
    return InvalidArgumentError("a range needs at least one bound");
  }
  uint64_t first = 0, last = ~uint64_t{0};
  if (from.has_value()) {
    UNDULA_ASSIGN_OR_RETURN(first, OrderOf(*from));
    if (!to.has_value() && !internal::IsTime(first)) last = internal::kFirstTime - 1;
  }
  if (to.has_value()) {
    UNDULA_ASSIGN_OR_RETURN(last, OrderOf(*to));
    if (!from.has_value() && internal::IsTime(last)) first = internal::kFirstTime;
  }
  if (internal::IsTime(first) != internal::IsTime(last)) {
    return InvalidArgumentError("a range goes from a number to a number or from a date to a date");
  }
  std::vector<LiteralId> literals;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, state_->Walk(Table::kNumbers));
  UNDULA_ASSIGN_OR_RETURN(bool more,
                          cursor->Seek(internal::EncodeNumberEntry({Index(relation), first, 0})));
  while (more) {
    const auto entry = internal::DecodeNumberEntry(cursor->key());
    if (!entry.has_value()) return Damaged(*state_, Table::kNumbers);
    if (entry->relation != Index(relation) || entry->number > last) break;
    literals.push_back(static_cast<LiteralId>(entry->literal));
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return literals;
}

absl::StatusOr<std::vector<EntityId>> ReadView::EntitiesByRange(
    RelationId relation, const std::optional<Literal>& from,
    const std::optional<Literal>& to) const {
  UNDULA_ASSIGN_OR_RETURN(const auto literals, LiteralsByRange(relation, from, to));
  std::vector<EntityId> entities;
  for (const LiteralId literal : literals) {
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(*state_, Table::kValues)
                               .ForEachOf(Index(literal), Index(relation), [&](uint32_t entity) {
                                 entities.push_back(static_cast<EntityId>(entity));
                               }));
  }
  std::sort(entities.begin(), entities.end());
  entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
  return entities;
}

}  // namespace undula::kgstore
