// Earlier states of the links table, kept as text files beside the database
// (NAME.undula.links/000001.tsv: item, entity, confidence, method; the last kKept ones), so that a
// run of the linker or an imported review can be taken back; and the items that a review left
// without a link for good (NAME.undula.links/rejected.tsv: item), which no later run links.
#ifndef UNDULA_API_LINK_HISTORY_H_
#define UNDULA_API_LINK_HISTORY_H_

#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/database.h"

namespace undula::api {

inline constexpr int kKeptLinkStates = 5;

// Names of items that a review rejected all links of.
using RejectedItems = std::set<std::string, std::less<>>;
absl::StatusOr<RejectedItems> ReadRejectedItems(const kgstore::Database& database);
absl::Status WriteRejectedItems(const kgstore::Database& database, const RejectedItems& items);

// Writes the present links and rejected items as the newest state and removes the oldest ones
// beyond kKeptLinkStates.
absl::Status SaveLinkState(const kgstore::Database& database);
// Makes the newest saved state the present one and removes it. Returns the number of links; links
// whose item or entity is no longer there are left out. NotFound: nothing is saved.
absl::StatusOr<int64_t> RestoreLinkState(kgstore::Database& database, Progress* progress);

}  // namespace undula::api

#endif  // UNDULA_API_LINK_HISTORY_H_
