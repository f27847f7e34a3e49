// Changes single labels within a write transaction.
#ifndef UNDULA_KGSTORE_EDIT_LABELS_H_
#define UNDULA_KGSTORE_EDIT_LABELS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "kgstore/edit_adjacency.h"

namespace undula::kgstore::internal {

// (normalized label, entity) -> whether it is to be there. Each block is read and written once.
// Returns by how many pairs the table has grown.
absl::StatusOr<int64_t> EditLabelBlocks(
    const OpenTables& open, const std::map<std::pair<std::string, uint32_t>, bool>& wanted);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_LABELS_H_
