#include "kgstore/read_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/dictionary.h"
#include "kgstore/interaction_log.h"
#include "kgstore/labels.h"
#include "kgstore/link_value.h"
#include "kgstore/literal_key.h"
#include "kgstore/store.h"

namespace undula::kgstore {
namespace {

using internal::AdjacencyReader;
using internal::DictionaryReader;
using internal::Space;
using internal::Table;
using internal::ViewState;

template <class Id>
absl::StatusOr<Id> Find(const ViewState& view, Space space, std::string_view text) {
  UNDULA_ASSIGN_OR_RETURN(const uint32_t id, DictionaryReader(view, space).Find(text));
  return static_cast<Id>(id);
}

template <class Id>
absl::Status ForEachName(const ViewState& view, Space space,
                         const std::function<void(Id, std::string_view)>& fn) {
  return DictionaryReader(view, space).ForEach([&](uint32_t id, std::string_view text) {
    fn(static_cast<Id>(id), text);
    return absl::OkStatus();
  });
}

absl::Status CheckId(const ViewState& view, Space space, uint32_t id) {
  const uint32_t count = view.state().CountOf(space);
  if (id < count) return absl::OkStatus();
  return InvalidArgumentError(internal::SpaceName(space), " id ", id,
                              " is unknown; the database has ", count);
}

template <class End, class F>
absl::Status ForEachOfMany(const ViewState& view, Table table, std::span<const EntityId> entities,
                           const F& fn) {
  for (const EntityId entity : entities) {
    UNDULA_RETURN_IF_ERROR(CheckId(view, Space::kEntity, Index(entity)));
  }
  return AdjacencyReader(view, table).ForEach(entities, [&](size_t i, uint32_t b, uint32_t c) {
    fn(i, static_cast<RelationId>(b), static_cast<End>(c));
  });
}

void SortDistinct(std::vector<EntityId>* entities) {
  std::sort(entities->begin(), entities->end());
  entities->erase(std::unique(entities->begin(), entities->end()), entities->end());
}

absl::Status Damaged(const ViewState& view, Table table) {
  return DataLossError(view.store().path(), ": table ", internal::SpecOf(table).name,
                       " is damaged; restore the file from a backup");
}

bool SameLanguage(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

ReadView::ReadView(std::unique_ptr<ViewState> state) : state_(std::move(state)) {}
ReadView::~ReadView() = default;
ReadView::ReadView(ReadView&&) noexcept = default;
ReadView& ReadView::operator=(ReadView&&) noexcept = default;

const Counts& ReadView::counts() const { return state_->state().counts; }
uint64_t ReadView::id_space() const { return state_->store().id_space(); }
uint64_t ReadView::transaction() const { return mdb_txn_id(state_->txn()); }
uint32_t ReadView::generation() const { return state_->state().generation; }

absl::StatusOr<EntityId> ReadView::FindEntity(std::string_view text) const {
  return Find<EntityId>(*state_, Space::kEntity, text);
}
absl::StatusOr<RelationId> ReadView::FindRelation(std::string_view text) const {
  return Find<RelationId>(*state_, Space::kRelation, text);
}
absl::StatusOr<UserId> ReadView::FindUser(std::string_view text) const {
  return Find<UserId>(*state_, Space::kUser, text);
}
absl::StatusOr<ItemId> ReadView::FindItem(std::string_view text) const {
  return Find<ItemId>(*state_, Space::kItem, text);
}
absl::StatusOr<LiteralId> ReadView::FindLiteral(const Literal& literal) const {
  std::string key;
  UNDULA_RETURN_IF_ERROR(
      internal::EncodeLiteral(literal.text, literal.datatype, literal.language, &key));
  return Find<LiteralId>(*state_, Space::kLiteral, key);
}

absl::StatusOr<std::vector<LiteralId>> ReadView::FindLiterals(std::string_view text) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<uint32_t> ids,
                          DictionaryReader(*state_, Space::kLiteral).FindByHashedPart(text));
  std::vector<LiteralId> result;
  for (const uint32_t id : ids) result.push_back(static_cast<LiteralId>(id));
  return result;
}

absl::StatusOr<std::string> ReadView::EntityName(EntityId id) const {
  return DictionaryReader(*state_, Space::kEntity).Text(Index(id));
}
absl::StatusOr<std::string> ReadView::RelationName(RelationId id) const {
  return DictionaryReader(*state_, Space::kRelation).Text(Index(id));
}
absl::StatusOr<std::string> ReadView::UserName(UserId id) const {
  return DictionaryReader(*state_, Space::kUser).Text(Index(id));
}
absl::StatusOr<std::string> ReadView::ItemName(ItemId id) const {
  return DictionaryReader(*state_, Space::kItem).Text(Index(id));
}
absl::StatusOr<Literal> ReadView::GetLiteral(LiteralId id) const {
  UNDULA_ASSIGN_OR_RETURN(const std::string key,
                          DictionaryReader(*state_, Space::kLiteral).Text(Index(id)));
  return internal::DecodeLiteral(key);
}

absl::Status ReadView::ForEachEntityName(
    const std::function<void(EntityId, std::string_view)>& fn) const {
  return ForEachName(*state_, Space::kEntity, fn);
}
absl::Status ReadView::ForEachItemName(
    const std::function<void(ItemId, std::string_view)>& fn) const {
  return ForEachName(*state_, Space::kItem, fn);
}
absl::Status ReadView::ForEachUserName(
    const std::function<void(UserId, std::string_view)>& fn) const {
  return ForEachName(*state_, Space::kUser, fn);
}

absl::Status ReadView::ForEachOutEdge(EntityId head, const EdgeFn& fn) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kEntity, Index(head)));
  return AdjacencyReader(*state_, Table::kOut).ForEach(Index(head), [&](uint32_t b, uint32_t c) {
    fn(static_cast<RelationId>(b), static_cast<EntityId>(c));
  });
}

absl::Status ReadView::ForEachInEdge(EntityId tail, const EdgeFn& fn) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kEntity, Index(tail)));
  return AdjacencyReader(*state_, Table::kIn).ForEach(Index(tail), [&](uint32_t b, uint32_t c) {
    fn(static_cast<RelationId>(b), static_cast<EntityId>(c));
  });
}

absl::Status ReadView::ForEachRelationEdge(
    RelationId relation, const std::function<void(EntityId, EntityId)>& fn) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kRelation, Index(relation)));
  return AdjacencyReader(*state_, Table::kByRelation)
      .ForEach(Index(relation), [&](uint32_t tail, uint32_t head) {
        fn(static_cast<EntityId>(head), static_cast<EntityId>(tail));
      });
}

absl::StatusOr<std::vector<EntityId>> ReadView::Heads(RelationId relation, EntityId tail) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kRelation, Index(relation)));
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kEntity, Index(tail)));
  std::vector<EntityId> heads;
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(*state_, Table::kIn)
                             .ForEachOf(Index(tail), Index(relation), [&](uint32_t head) {
                               heads.push_back(static_cast<EntityId>(head));
                             }));
  return heads;
}

absl::StatusOr<bool> ReadView::HasTriple(EntityId head, RelationId relation, EntityId tail) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kEntity, Index(head)));
  bool found = false;
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(*state_, Table::kOut)
                             .ForEachOf(Index(head), Index(relation),
                                        [&](uint32_t c) { found = found || c == Index(tail); }));
  return found;
}

absl::Status ReadView::ForEachAttribute(
    EntityId entity, const std::function<void(RelationId, LiteralId)>& fn) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kEntity, Index(entity)));
  return AdjacencyReader(*state_, Table::kAttributes)
      .ForEach(Index(entity), [&](uint32_t b, uint32_t c) {
        fn(static_cast<RelationId>(b), static_cast<LiteralId>(c));
      });
}

absl::Status ReadView::ForEachOutEdge(std::span<const EntityId> heads, const EdgeOfFn& fn) const {
  return ForEachOfMany<EntityId>(*state_, Table::kOut, heads, fn);
}

absl::Status ReadView::ForEachInEdge(std::span<const EntityId> tails, const EdgeOfFn& fn) const {
  return ForEachOfMany<EntityId>(*state_, Table::kIn, tails, fn);
}

absl::Status ReadView::ForEachAttribute(
    std::span<const EntityId> entities,
    const std::function<void(size_t, RelationId, LiteralId)>& fn) const {
  return ForEachOfMany<LiteralId>(*state_, Table::kAttributes, entities, fn);
}

absl::StatusOr<std::vector<Attribute>> ReadView::Attributes(EntityId entity) const {
  std::vector<Attribute> attributes;
  UNDULA_RETURN_IF_ERROR(ForEachAttribute(entity, [&](RelationId relation, LiteralId literal) {
    attributes.push_back({relation, literal});
  }));
  return attributes;
}

absl::StatusOr<std::vector<EntityId>> ReadView::EntitiesByValue(RelationId relation,
                                                                std::string_view text) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kRelation, Index(relation)));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<LiteralId> literals, FindLiterals(text));
  std::vector<EntityId> entities;
  for (const LiteralId literal : literals) {
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(*state_, Table::kValues)
                               .ForEachOf(Index(literal), Index(relation), [&](uint32_t entity) {
                                 entities.push_back(static_cast<EntityId>(entity));
                               }));
  }
  SortDistinct(&entities);
  return entities;
}

absl::StatusOr<std::vector<EntityId>> ReadView::EntitiesByAnyValue(std::string_view text) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<LiteralId> literals, FindLiterals(text));
  std::vector<EntityId> entities;
  for (const LiteralId literal : literals) {
    UNDULA_RETURN_IF_ERROR(AdjacencyReader(*state_, Table::kValues)
                               .ForEach(Index(literal), [&](uint32_t, uint32_t entity) {
                                 entities.push_back(static_cast<EntityId>(entity));
                               }));
  }
  SortDistinct(&entities);
  return entities;
}

absl::StatusOr<std::string> ReadView::BestLabel(EntityId entity,
                                                std::span<const std::string> languages) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<Attribute> attributes, Attributes(entity));
  const auto& labels = state_->state().label_relations;
  std::tuple<size_t, uint8_t, LiteralId> best;
  std::string text;
  bool found = false;
  for (const Attribute& attribute : attributes) {
    const auto label = std::find_if(labels.begin(), labels.end(), [&](const auto& l) {
      return l.relation == attribute.relation;
    });
    if (label == labels.end()) continue;
    UNDULA_ASSIGN_OR_RETURN(Literal literal, GetLiteral(attribute.literal));
    size_t language = 0;
    while (language < languages.size() && !SameLanguage(languages[language], literal.language)) {
      ++language;
    }
    const std::tuple candidate(language, label->rank, attribute.literal);
    if (found && candidate >= best) continue;
    best = candidate;
    found = true;
    text = std::move(literal.text);
  }
  return found ? text : EntityName(entity);
}

absl::StatusOr<std::vector<EntityId>> ReadView::EntitiesByLabel(std::string_view normalized) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<uint32_t> ids,
                          internal::FindLabel(*state_, normalized));
  std::vector<EntityId> entities;
  for (const uint32_t id : ids) entities.push_back(static_cast<EntityId>(id));
  return entities;
}

absl::Status ReadView::ForEachLabel(
    const std::function<void(std::string_view, std::span<const EntityId>)>& fn) const {
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, state_->Walk(Table::kLabels));
  std::vector<EntityId> entities;
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  while (more) {
    const bool ok =
        internal::ReadLabelBlock(cursor->key(), cursor->value(),
                                 [&](std::string_view label, const std::vector<uint32_t>& ids) {
                                   entities.clear();
                                   for (const uint32_t id : ids)
                                     entities.push_back(static_cast<EntityId>(id));
                                   fn(label, entities);
                                   return true;
                                 });
    if (!ok) return Damaged(*state_, Table::kLabels);
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Link>> ReadView::Links(ItemId item) const {
  const uint32_t id = Index(item);
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kItem, id));
  std::vector<Link> links;
  UNDULA_ASSIGN_OR_RETURN(const auto value, state_->Row(Table::kLinks, id));
  if (value.has_value() &&
      !internal::DecodeLinks(*value, [&](const Link& link) { links.push_back(link); })) {
    return Damaged(*state_, Table::kLinks);
  }
  return links;
}

absl::StatusOr<std::vector<Interaction>> ReadView::UserLog(UserId user) const {
  UNDULA_RETURN_IF_ERROR(CheckId(*state_, Space::kUser, Index(user)));
  std::vector<Interaction> log;
  UNDULA_RETURN_IF_ERROR(
      internal::LogReader(*state_, Table::kUserLog)
          .Row(Index(user), [&](uint32_t, uint32_t item, float weight, int64_t time) {
            log.push_back({static_cast<ItemId>(item), weight, time});
          }));
  return log;
}

}  // namespace undula::kgstore
