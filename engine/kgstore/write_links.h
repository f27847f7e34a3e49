// Writes links between stored items and stored entities, as found by linking.
#ifndef UNDULA_KGSTORE_WRITE_LINKS_H_
#define UNDULA_KGSTORE_WRITE_LINKS_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "base/progress.h"
#include "kgstore/database.h"

namespace undula::kgstore {

struct LinkRecord {
  ItemId item;
  EntityId entity;
  float confidence;  // (0, 1]
  LinkMethod method;
};

enum class LinkPolicy : uint8_t {
  kMerge,         // add to the item's links; the same (item, entity) takes the new values
  kReplaceItems,  // items named in the records lose their old links
  kReplaceAll,    // all old links go
};

struct LinkReport {
  uint64_t links = 0;         // stored afterwards
  uint64_t linked_items = 0;  // stored afterwards
};

// All or nothing, like an import. Of equal (item, entity) records the last one holds.
// InvalidArgument: an unknown id, a confidence outside (0, 1]. FailedPrecondition: read-only, or
// another writing call is under way.
absl::StatusOr<LinkReport> WriteLinks(Database& database, std::span<const LinkRecord> records,
                                      LinkPolicy policy, Progress* progress = nullptr);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_WRITE_LINKS_H_
