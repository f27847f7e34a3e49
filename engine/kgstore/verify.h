// Checks everything that a database file says against everything else it says.
#ifndef UNDULA_KGSTORE_VERIFY_H_
#define UNDULA_KGSTORE_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

struct VerifyReport {
  struct Finding {
    std::string what;    // "table in: its triples are not those of out"
    std::string remedy;  // "export what can be read ..."
  };
  static constexpr size_t kMaxFindings = 100;

  std::vector<Finding> findings;  // empty: the file is sound
  uint64_t entries = 0;           // of all tables, each with its checksum
  uint64_t pages = 0, free_pages = 0, lost_pages = 0;
  uint64_t models = 0;

  bool ok() const { return findings.empty(); }
};

// The pages (page_check), then, if they are sound: the checksum of every value and the sum of every
// table; that every value decodes, in order, with ids that exist; out = in = by_relation as sets,
// attributes = values; numbers and labels are those of the attributes; graphs only of stored
// triples; user_log = item_log; each dictionary from id to text and from text to id, no text twice;
// all counts; every tensor of every model; the change log and the import history.
//
// Damage is a finding, not an error. The file is opened read-only and may be written meanwhile: one
// consistent state is checked. Memory: 8 bytes a name and literal, one model. Errors: those of
// Database::Open other than DataLoss, `progress`.
absl::StatusOr<VerifyReport> VerifyFile(const std::string& path, Progress* progress);

// The same without the pages: `database` was opened with check = kPages or kFull.
absl::Status VerifyContents(const Database& database, VerifyReport* report, Progress* progress);

// Equal for two databases that hold the same data, whatever their ids and their history of imports
// are. Each is a sum, mod 2^64, of hashes of records with names instead of ids
// (docs/maintenance.md). Blank nodes count by their labels.
struct ContentSums {
  uint64_t graph = 0;  // triples and attributes with their graphs
  uint64_t interactions = 0;
  uint64_t items = 0;  // and users, with their columns
  uint64_t links = 0;
  uint64_t social = 0;

  uint64_t all() const;
};
absl::StatusOr<ContentSums> SumContent(const ReadView& view, Progress* progress);

namespace internal {
// Every value of every table and record against its checksum, every table against its sum; the
// file's id-space tag against the dictionaries. DataLoss.
absl::Status CheckValues(Store& store, const ViewState& view, uint64_t* entries,
                         Progress* progress);
}  // namespace internal

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_VERIFY_H_
