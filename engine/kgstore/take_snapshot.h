// The store's graph, interactions and links as plain arrays (base/snapshot.h).
#ifndef UNDULA_KGSTORE_TAKE_SNAPSHOT_H_
#define UNDULA_KGSTORE_TAKE_SNAPSHOT_H_

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

struct SnapshotOptions {
  bool graph = true;         // out and in; else these have no rows
  bool in_edges = true;      // of graph; without them only `out` is filled
  bool interactions = true;  // by_user and by_item
  bool links = true;
  bool social = true;
};

// Decodes one read transaction; the sizes are known from the counts, so every array is allocated
// once. The parts are decoded in parallel in the database's arena; the result does not depend on
// the number of threads. DataLoss where the tables contradict the counts.
absl::StatusOr<Snapshot> TakeSnapshot(const Database& database,
                                      const SnapshotOptions& options = {});
absl::StatusOr<Snapshot> TakeSnapshot(const ReadView& view, TaskArena& arena,
                                      const SnapshotOptions& options = {});

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TAKE_SNAPSHOT_H_
