// Where things stand in a page of an LMDB 0.9 file on a 64-bit machine (struct MDB_page and
// MDB_node, documented in mdb.c), for the readers that do without LMDB.
#ifndef UNDULA_KGSTORE_PAGE_FORMAT_H_
#define UNDULA_KGSTORE_PAGE_FORMAT_H_

#include <cstddef>
#include <cstdint>

namespace undula::kgstore::internal {

// Page: number (8 bytes), pad (2), flags (2), then lower and upper (2 each) or the count of
// overflow pages (4); the node table of 2-byte offsets begins behind it and ends at lower.
inline constexpr size_t kPageHeader = 16;
inline constexpr size_t kFlagsAt = 10, kLowerAt = 12, kUpperAt = 14;
inline constexpr uint16_t kBranchPage = 0x01, kLeafPage = 0x02, kOverflowPage = 0x04;

// Node: low and high half of the data size (or of the child's number), flags (or the child's bits
// 32 to 47), key size; then key and data.
inline constexpr size_t kNodeHeader = 8;
inline constexpr uint16_t kBigData = 0x01, kSubTree = 0x02;

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_PAGE_FORMAT_H_
