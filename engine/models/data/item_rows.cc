#include "models/data/item_rows.h"

#include <algorithm>

namespace undula::models {

uint32_t MapItems(const Snapshot& snapshot, std::vector<uint32_t>* item_row) {
  uint32_t linked = 0;
  item_row->resize(snapshot.n_items);
  for (uint32_t i = 0; i < snapshot.n_items; ++i) {
    const EntityId e = static_cast<int64_t>(i) < snapshot.links.rows()
                           ? snapshot.links.best(ItemId{i})
                           : kNone<EntityId>;
    const bool has_link = Index(e) < snapshot.n_entities;
    (*item_row)[i] = has_link ? Index(e) : snapshot.n_entities + (i - linked);
    linked += has_link;
  }
  return linked;
}

uint32_t EntityRows(uint32_t n_entities, const std::vector<uint32_t>& item_row) {
  uint32_t rows = n_entities;
  for (const uint32_t row : item_row) rows = std::max(rows, row + 1);
  return rows;
}

}  // namespace undula::models
