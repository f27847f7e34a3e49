// Turns collected records into the next generation of the tables.
#ifndef UNDULA_KGSTORE_COMMIT_IMPORT_H_
#define UNDULA_KGSTORE_COMMIT_IMPORT_H_

#include "absl/status/status.h"
#include "base/progress.h"
#include "kgstore/import_data.h"
#include "kgstore/import_spill.h"
#include "kgstore/importer.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

// Uses *data and *spill (may be null; used where it has runs) up. Fills the "new" fields of
// *report. The caller holds the WriteTurn. May throw std::bad_alloc; the database is then as
// before.
absl::Status CommitImport(Store* store, ImportData* data, ImportSpill* spill,
                          const ImportOptions& options, Progress* progress, ImportReport* report);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_COMMIT_IMPORT_H_
