// Brings a snapshot up to date from the log of changes (kgstore/change_log.h).
#ifndef UNDULA_KGSTORE_REFRESH_SNAPSHOT_H_
#define UNDULA_KGSTORE_REFRESH_SNAPSHOT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"
#include "kgstore/take_snapshot.h"

namespace undula::kgstore {

struct RefreshReport {
  uint64_t rows = 0;   // decoded anew, of all arrays together
  int parts_read = 0;  // of out, in, by_user, by_item, links, social: decoded as a whole
};

// Equal, bit by bit, to TakeSnapshot(view, arena, options), `old` being a snapshot that was taken
// from the same file before (of any options). Rows that the commits in between have changed are
// decoded anew, the others moved to their places within the arrays of `old`. A part is decoded as a
// whole where `old` does not have it, the log says that all of it has changed (bulk imports, huge
// updates), more than one row in eight has, or the log does not reach back to `old`. Errors:
// those of TakeSnapshot.
absl::StatusOr<Snapshot> RefreshSnapshot(Snapshot old, const ReadView& view, TaskArena& arena,
                                         const SnapshotOptions& options = {},
                                         RefreshReport* report = nullptr);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_REFRESH_SNAPSHOT_H_
