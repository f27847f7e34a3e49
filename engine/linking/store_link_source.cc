#include "linking/store_link_source.h"

#include <utility>

#include "base/status.h"

namespace undula::linking {

absl::Status StoreLinkSource::ForEachItem(
    const std::function<absl::Status(const ItemRow&)>& visit) const {
  // Names first: other reads of the view do not belong into its own loop.
  std::vector<std::pair<ItemId, std::string>> names;
  names.reserve(static_cast<size_t>(ItemCount()));
  UNDULA_RETURN_IF_ERROR(view_.ForEachItemName(
      [&names](ItemId id, std::string_view name) { names.emplace_back(id, name); }));
  for (const auto& [id, name] : names) {
    UNDULA_ASSIGN_OR_RETURN(const auto columns, view_.ItemColumns(id));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Link> links, view_.Links(id));
    UNDULA_RETURN_IF_ERROR(visit(ItemRow{id, name, columns, !links.empty()}));
  }
  return absl::OkStatus();
}

int64_t StoreLinkSource::ItemCount() const { return static_cast<int64_t>(view_.counts().items); }

absl::StatusOr<std::vector<EntityId>> StoreLinkSource::EntitiesByLabel(
    std::string_view normalized) const {
  return view_.EntitiesByLabel(normalized);
}

absl::StatusOr<EntityId> StoreLinkSource::FindEntity(std::string_view name) const {
  return view_.FindEntity(name);
}

absl::StatusOr<RelationId> StoreLinkSource::FindRelation(std::string_view name) const {
  return view_.FindRelation(name);
}

absl::StatusOr<std::vector<EntityId>> StoreLinkSource::EntitiesByValue(
    RelationId relation, std::string_view lexical) const {
  return view_.EntitiesByValue(relation, lexical);
}

absl::StatusOr<std::vector<std::string>> StoreLinkSource::Values(EntityId entity,
                                                                 RelationId relation) const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Attribute> attributes,
                          view_.Attributes(entity));
  std::vector<std::string> values;
  for (const kgstore::Attribute& attribute : attributes) {
    if (attribute.relation != relation) continue;
    UNDULA_ASSIGN_OR_RETURN(kgstore::Literal literal, view_.GetLiteral(attribute.literal));
    values.push_back(std::move(literal.text));
  }
  return values;
}

absl::StatusOr<std::string> StoreLinkSource::EntityName(EntityId entity) const {
  return view_.EntityName(entity);
}

}  // namespace undula::linking
