// Which row of an entity table stands for each item.
#ifndef UNDULA_MODELS_DATA_ITEM_ROWS_H_
#define UNDULA_MODELS_DATA_ITEM_ROWS_H_

#include <cstdint>
#include <vector>

#include "base/snapshot.h"

namespace undula::models {

// Item i has the row of its best linked entity, or, without a link, a row of its own after the
// entities (in the order of the items). Returns the number of linked items.
uint32_t MapItems(const Snapshot& snapshot, std::vector<uint32_t>* item_row);

// Rows of the table: the entities and the items without a link.
uint32_t EntityRows(uint32_t n_entities, const std::vector<uint32_t>& item_row);

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_ITEM_ROWS_H_
