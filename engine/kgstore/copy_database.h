// Copies of a database file: as it stands (backup) or without free pages (compact), then also with
// its dictionary in another form or with other ids.
#ifndef UNDULA_KGSTORE_COPY_DATABASE_H_
#define UNDULA_KGSTORE_COPY_DATABASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/database.h"
#include "kgstore/renumber.h"

namespace undula::kgstore {

enum class CopyKind : uint8_t {
  kBackup,   // page by page: fastest, keeps free pages
  kCompact,  // pages in the order of the trees, none free
};

enum class DictionaryForm : uint8_t { kKeep, kPlain, kCompact };

struct CopyReport {
  uint64_t bytes = 0;
  uint64_t transaction = 0;                 // the state that was copied
  std::vector<std::string> dropped_models;  // of a renumbered copy
};

// Writes the last committed state to the new file `to`, while others read and write. The file is
// written under a temporary name in the same folder, synced, its pages are checked (page_check),
// and then it appears under its name; ids, models and the id-space tag are those of the original.
//
// AlreadyExists: `to` exists (it is never replaced); ResourceExhausted: no disk space; NotFound: no
// such folder; DataLoss: the original is damaged; Cancelled by `progress`. Nothing is left behind
// then. Needs no memory to speak of.
absl::StatusOr<CopyReport> CopyDatabase(const Database& database, const std::string& to,
                                        CopyKind kind, Progress* progress);

// A compact copy whose dictionary has that form; with `renumber` also with new ids
// (kgstore/renumber.h says which, and which errors). Either needs room for two copies beside `to`.
absl::StatusOr<CopyReport> CompactDatabase(const Database& database, const std::string& to,
                                           DictionaryForm form, Progress* progress,
                                           const ModelRenumberer* renumber = nullptr);

// Puts such a copy in the place of `path`. FailedPrecondition where any process has the file
// open; a crash leaves the old file or the new one. Other processes that open the file meanwhile
// wait or are refused.
absl::StatusOr<CopyReport> CompactInPlace(const std::string& path, DictionaryForm form,
                                          Progress* progress,
                                          const ModelRenumberer* renumber = nullptr);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_COPY_DATABASE_H_
