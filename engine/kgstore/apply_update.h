// One batch of updates as collected, and the transaction that applies it.
#ifndef UNDULA_KGSTORE_APPLY_UPDATE_H_
#define UNDULA_KGSTORE_APPLY_UPDATE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/edit_rows.h"
#include "kgstore/store.h"
#include "kgstore/term_table.h"
#include "kgstore/update_ops.h"

namespace undula::kgstore::internal {

// Names by provisional id; `create`: something is added under the name.
struct PendingNames {
  TermTable texts;
  std::vector<bool> create;
};

struct PendingTriple {
  TripleOp op{};
  bool has_graph = false;  // op.graph is then a provisional entity
  bool is_final = false;   // ids are those of the database
};

// With provisional ids.
struct PendingOps {
  std::array<PendingNames, kSpaces> names;
  std::vector<PendingTriple> triples;
  UpdateOps ops;  // but for its triples
  uint64_t count = 0;
};

// The caller holds the WriteTurn. Uses *pending up; sets *counts to those of the new state. May
// throw std::bad_alloc; nothing is then stored.
absl::Status ApplyUpdate(Store* store, PendingOps* pending, UpdateReport* report, Counts* counts);

// Writes what a transaction of updates ends with (relation counts apart): change log, sums, state.
absl::Status FinishUpdate(const OpenTables& open, const ChangeRecord& record, State* next);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_APPLY_UPDATE_H_
