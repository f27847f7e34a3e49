// Walks the pages of an LMDB 0.9 file with its own bounds-checked reader, never through LMDB, which
// trusts page headers. Facts of the format: lmdb.h and the structures documented in mdb.c (page and
// node headers, MDB_db); docs/file-format.md lists what is checked.
#ifndef UNDULA_KGSTORE_PAGE_CHECK_H_
#define UNDULA_KGSTORE_PAGE_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/meta_page.h"

namespace undula::kgstore::internal {

struct PageReport {
  struct Table {
    std::string name;
    bool integer_key = false;
    uint64_t entries = 0;
    uint64_t pages = 0;
  };
  uint64_t transaction = 0;
  uint32_t page_bytes = 0;
  uint64_t pages = 0;  // of the state that was walked, meta pages included
  uint64_t free_pages = 0;
  // Neither used nor free: space that is lost until `compact`, no damage.
  uint64_t lost_pages = 0;
  std::vector<Table> tables;  // of the main tree, by name
};

// Checks the state that `meta` names: the list of free pages, the main tree and every table: page
// numbers in range, each page used once or free, flags, bounds of the node table, nodes side by
// side within the page, key sizes and order, separators of branch pages, overflow pages, equal
// depth of all leaves, and the counts in the table's record. Only the kinds of tables that Undula
// writes are accepted (byte-string keys, or integer keys of 4 bytes; no duplicates).
//
// Reads with pread() (a truncated file is an error, never a signal); memory is one page a level and
// two bits a page of the file. `fd` is open for reading. While another process writes, the pages of
// `meta` must be held by an open read transaction: `meta` was read after that began and names the
// same transaction.
//
// DataLoss names the page and what is wrong with it. Cancelled by `progress` (may be null).
absl::StatusOr<PageReport> CheckPages(int fd, const std::string& path, const MetaPage& meta,
                                      Progress* progress);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_PAGE_CHECK_H_
