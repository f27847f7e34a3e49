// LinkSource over one view of a database.
#ifndef UNDULA_LINKING_STORE_LINK_SOURCE_H_
#define UNDULA_LINKING_STORE_LINK_SOURCE_H_

#include "kgstore/read_view.h"
#include "linking/link_source.h"

namespace undula::linking {

// `view` must outlive it; one thread at a time, as the view.
class StoreLinkSource final : public LinkSource {
 public:
  explicit StoreLinkSource(const kgstore::ReadView& view) : view_(view) {}

  // Holds the names of all items during the loop.
  absl::Status ForEachItem(const std::function<absl::Status(const ItemRow&)>& visit) const override;
  int64_t ItemCount() const override;
  absl::StatusOr<std::vector<EntityId>> EntitiesByLabel(std::string_view normalized) const override;
  absl::StatusOr<EntityId> FindEntity(std::string_view name) const override;
  absl::StatusOr<RelationId> FindRelation(std::string_view name) const override;
  absl::StatusOr<std::vector<EntityId>> EntitiesByValue(RelationId relation,
                                                        std::string_view lexical) const override;
  absl::StatusOr<std::vector<std::string>> Values(EntityId entity,
                                                  RelationId relation) const override;
  absl::StatusOr<std::string> EntityName(EntityId entity) const override;

 private:
  const kgstore::ReadView& view_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_STORE_LINK_SOURCE_H_
