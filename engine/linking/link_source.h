// What linking reads: items with their catalogue columns, and entities by label, name or literal.
// store_link_source.h implements it over a database view, the tests in memory.
#ifndef UNDULA_LINKING_LINK_SOURCE_H_
#define UNDULA_LINKING_LINK_SOURCE_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"

namespace undula::linking {

// One item. The views are valid during the visit only.
struct ItemRow {
  ItemId id;
  std::string_view text;                                         // the item's own id
  std::span<const std::pair<std::string, std::string>> columns;  // of the catalogue; may be empty
  bool linked = false;                                           // has at least one link
};

// One thread at a time.
class LinkSource {
 public:
  virtual ~LinkSource() = default;
  // All items by ascending id; the first error of `visit` ends the loop and is returned.
  virtual absl::Status ForEachItem(
      const std::function<absl::Status(const ItemRow&)>& visit) const = 0;
  virtual int64_t ItemCount() const = 0;
  // Entities with this normalized label or alias, ascending, distinct.
  virtual absl::StatusOr<std::vector<EntityId>> EntitiesByLabel(
      std::string_view normalized) const = 0;
  // kNone<...> where the name is unknown.
  virtual absl::StatusOr<EntityId> FindEntity(std::string_view name) const = 0;
  virtual absl::StatusOr<RelationId> FindRelation(std::string_view name) const = 0;
  // Entities with a literal of this lexical form under the relation, ascending, distinct.
  virtual absl::StatusOr<std::vector<EntityId>> EntitiesByValue(RelationId relation,
                                                                std::string_view lexical) const = 0;
  // Lexical forms of the entity's literals under the relation.
  virtual absl::StatusOr<std::vector<std::string>> Values(EntityId entity,
                                                          RelationId relation) const = 0;
  virtual absl::StatusOr<std::string> EntityName(EntityId entity) const = 0;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_LINK_SOURCE_H_
