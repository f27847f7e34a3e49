// Which names a renumbered copy keeps, and in which order (kgstore/renumber.h).
#ifndef UNDULA_KGSTORE_ENTITY_ORDER_H_
#define UNDULA_KGSTORE_ENTITY_ORDER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

struct EntityOrder {
  std::vector<uint32_t> entity, literal;             // new id by old id; kNoIndex: dropped
  std::vector<uint32_t> old_entities, old_literals;  // old id by new id
};

// `segments`: numbers of entities of the models, in any order. `also_used`: entities that are used
// by something else than the tables. DataLoss: a table is damaged or names an unknown id.
absl::StatusOr<EntityOrder> OrderEntities(const ViewState& view, std::vector<uint32_t> segments,
                                          std::span<const uint32_t> also_used);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_ENTITY_ORDER_H_
