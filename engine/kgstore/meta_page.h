// The two meta pages of an LMDB 0.9 file, read without LMDB. Facts of the format: lmdb.h and the
// structures that mdb.c documents (MDB_meta, MDB_db), as on a 64-bit machine.
#ifndef UNDULA_KGSTORE_META_PAGE_H_
#define UNDULA_KGSTORE_META_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::kgstore::internal {

inline constexpr uint64_t kNoPage = ~uint64_t{0};  // the root of an empty tree
inline constexpr uint64_t kMetaPages = 2;
inline constexpr uint16_t kMaxTreeDepth = 32;  // LMDB's cursors go no deeper
inline constexpr size_t kTreeRecordBytes = 48;
inline constexpr uint16_t kIntegerKeyFlag = 0x08;   // MDB_INTEGERKEY
inline constexpr uint16_t kPersistentFlags = 0x7f;  // all that LMDB stores of a table's flags

// MDB_db: one B+tree.
struct TreeRecord {
  uint32_t pad = 0;
  uint16_t flags = 0, depth = 0;
  uint64_t branch_pages = 0, leaf_pages = 0, overflow_pages = 0, entries = 0, root = kNoPage;
};
// `bytes` are kTreeRecordBytes.
TreeRecord DecodeTreeRecord(std::string_view bytes);

struct MetaPage {
  uint64_t transaction = 0, last_page = 0;
  uint32_t page_bytes = 0;
  TreeRecord free_list, main;
};

// The two states that the file holds; the older one's pages may be overwritten already.
struct MetaPages {
  MetaPage newest, older;
};

// Checks both meta pages and the file's length against the newest. `fd` is open for reading;
// another process may be writing (the pages are read until they stand still). InvalidArgument:
// another kind of file; FailedPrecondition: a foreign byte order or word size; DataLoss: a damaged
// meta page, a truncated file.
absl::StatusOr<MetaPages> ReadMetaPages(int fd, const std::string& path);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_META_PAGE_H_
