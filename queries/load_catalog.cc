#include "queries/load_catalog.h"

#include <string_view>
#include <utility>

#include "base/status.h"

namespace undula::queries {

absl::StatusOr<std::unique_ptr<Catalog>> LoadCatalog(const kgstore::ReadView& view,
                                                     const Snapshot& snapshot,
                                                     std::span<const std::string> languages,
                                                     std::string_view title_column) {
  auto catalog = std::make_unique<Catalog>();
  UNDULA_RETURN_IF_ERROR(
      view.ForEachUserName([&](UserId, std::string_view name) { catalog->users.Add(name); }));
  UNDULA_RETURN_IF_ERROR(
      view.ForEachItemName([&](ItemId, std::string_view name) { catalog->items.Add(name); }));
  UNDULA_RETURN_IF_ERROR(view.ForEachEntityName(
      [&](EntityId, std::string_view name) { catalog->entities.Add(name); }));
  for (uint32_t i = 0; i < catalog->items.size(); ++i) {
    UNDULA_ASSIGN_OR_RETURN(const auto columns, view.ItemColumns(ItemId{i}));
    std::string_view title;
    for (const auto& [name, value] : columns) {
      if (name == title_column) title = value;
    }
    catalog->titles.Add(title);
    catalog->item_entity.push_back(i < snapshot.links.rows() ? snapshot.links.best(ItemId{i})
                                                             : kNone<EntityId>);
  }
  for (uint32_t e = 0; e < catalog->entities.size(); ++e) {
    UNDULA_ASSIGN_OR_RETURN(const std::string label, view.BestLabel(EntityId{e}, languages));
    // BestLabel falls back to the name; the catalog keeps that apart.
    catalog->entity_labels.Add(label == catalog->entities[e] ? std::string_view() : label);
  }
  for (uint32_t r = 0; r < view.counts().relations; ++r) {
    UNDULA_ASSIGN_OR_RETURN(const std::string name, view.RelationName(RelationId{r}));
    // A relation that is described in the graph itself has a label there.
    UNDULA_ASSIGN_OR_RETURN(const EntityId described, view.FindEntity(name));
    std::string_view label;
    if (described != kNone<EntityId>) label = catalog->entity_labels[Index(described)];
    catalog->relations.Add(name);
    if (label.empty()) {
      catalog->relation_labels.Add(WordsOfName(name));
    } else {
      catalog->relation_labels.Add(label);
    }
  }
  catalog->BuildIndexes();
  return catalog;
}

}  // namespace undula::queries
