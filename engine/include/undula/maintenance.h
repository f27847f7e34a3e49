// Keeping a database file whole: backup, compaction, verification, and the sum that compares the
// contents of two databases.
#ifndef UNDULA_MAINTENANCE_H_
#define UNDULA_MAINTENANCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/database.h"
#include "undula/progress.h"

namespace undula {

struct CopyReport {
  int64_t bytes = 0;                        // of the copy
  int64_t bytes_before = 0;                 // of the original
  std::vector<std::string> dropped_models;  // by CompactOptions.drop_models
};

// Writes the last committed state to the new file `to`, while other processes read and write. The
// copy appears under its name only when it is whole, synced and checked. AlreadyExists: `to`
// exists; ResourceExhausted: the disk is full; DataLoss: the original is damaged. Nothing is left
// behind after an error.
absl::StatusOr<CopyReport> Backup(const std::string& path, const std::string& to,
                                  Progress* progress = nullptr);

struct CompactOptions {
  // Puts the copy in the place of the original, in place of writing another file.
  // FailedPrecondition while any process has the file open.
  bool replace = false;
  // "keep", or the form that the copy's dictionary gets: "compact" (zstd, about half the space
  // of names, slower look-ups) or "plain".
  std::string dictionary = "keep";
  // Gives entities new ids, by descending degree, and drops names that nothing refers to; stored
  // models and vectors follow, and models score bit for bit as before. The copy has another
  // id-space tag: snapshots and models outside the file no longer fit. FailedPrecondition names the
  // first model that cannot be brought along (of a family unknown to this program, or damaged).
  bool renumber = false;
  // With renumber: models that cannot be brought along are left out of the copy.
  bool drop_models = false;
};

// The same without free pages. `to` is empty with options.replace. Needs room for a second copy
// where the dictionary changes its form or ids change.
absl::StatusOr<CopyReport> Compact(const std::string& path, const std::string& to,
                                   const CompactOptions& options = {},
                                   Progress* progress = nullptr);

struct VerifyReport {
  struct Finding {
    std::string what, remedy;
  };
  std::vector<Finding> findings;  // the first 100; empty: the file is sound
  int64_t entries = 0;            // whose checksums were computed
  int64_t models = 0;

  bool ok() const { return findings.empty(); }
};

// Checks pages, checksums, every value, and the tables against one another. Damage is a finding; an
// error means that it could not be looked for (no such file, cancelled). Other processes may read
// and write meanwhile.
absl::StatusOr<VerifyReport> Verify(const std::string& path, Progress* progress = nullptr);

// Equal for databases of equal contents, whatever ids and imports they come from: sums of hashes of
// all records with names in place of ids. Models are not part of it.
struct ContentSums {
  uint64_t all = 0, graph = 0, interactions = 0, items = 0, links = 0, social = 0;
};
absl::StatusOr<ContentSums> SumContent(const std::string& path, Progress* progress = nullptr);

}  // namespace undula

#endif  // UNDULA_MAINTENANCE_H_
