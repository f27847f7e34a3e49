// The import history and the per-relation counts in `meta`.
#ifndef UNDULA_KGSTORE_IMPORT_RECORD_H_
#define UNDULA_KGSTORE_IMPORT_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kgstore/stats.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

struct RelationCounts {
  uint64_t triples = 0;
  uint64_t attributes = 0;
};

std::string EncodeImportRecord(const ImportRecord& record);
std::string ImportRecordKey(uint32_t generation);
absl::StatusOr<std::vector<ImportRecord>> ReadImportRecords(const ViewState& view);

std::string EncodeRelationCounts(const std::vector<RelationCounts>& counts);
// One entry per relation.
absl::StatusOr<std::vector<RelationCounts>> ReadRelationCounts(const ViewState& view);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_IMPORT_RECORD_H_
