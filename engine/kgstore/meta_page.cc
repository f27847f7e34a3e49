#include "kgstore/meta_page.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// Offsets within a meta page on a 64-bit machine: a page header of 16 bytes, then MDB_meta. On a
// 32-bit machine the header has 12 bytes.
constexpr int kNumberAt = 0;
constexpr int kPageFlagsAt = 10;
constexpr int kMagicAt = 16;
constexpr int kMagicAt32Bit = 12;
constexpr int kVersionAt = 20;
constexpr int kFreeListAt = 40;  // its pad is the page size, its flags are the environment's too
constexpr int kMainAt = 88;
constexpr int kLastPageAt = 136;
constexpr int kTransactionAt = 144;
constexpr int kMetaBytes = 152;
constexpr uint16_t kMetaPageFlag = 0x08;
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kMagicSwapped = 0xDEC0EFBE;
constexpr uint32_t kDataVersion = 1;
constexpr int kReads = 1000;

struct RawMeta {
  std::array<char, kMetaBytes> bytes{};
  bool complete = false;

  template <class T>
  T at(int offset) const {
    return LoadFixed<T>(bytes.data() + offset);
  }
  bool operator==(const RawMeta& other) const {
    return complete == other.complete && bytes == other.bytes;
  }
  TreeRecord Tree(int offset) const {
    return DecodeTreeRecord({bytes.data() + offset, kTreeRecordBytes});
  }
  uint64_t transaction() const { return at<uint64_t>(kTransactionAt); }

  // LMDB decides by the parity of the transaction which page holds it.
  bool Valid(uint64_t number) const {
    const TreeRecord free_list = Tree(kFreeListAt), main = Tree(kMainAt);
    const uint32_t page = free_list.pad;
    return complete && at<uint64_t>(kNumberAt) == number &&
           at<uint16_t>(kPageFlagsAt) == kMetaPageFlag && at<uint32_t>(kMagicAt) == kMagic &&
           at<uint32_t>(kVersionAt) == kDataVersion && std::has_single_bit(page) && page >= 512 &&
           page <= 65536 && (free_list.flags & kPersistentFlags) == kIntegerKeyFlag &&
           main.flags == 0 && RootOk(free_list) && RootOk(main) &&
           (transaction() == 0 || transaction() % kMetaPages == number);
  }
  MetaPage Decode() const {
    const TreeRecord free_list = Tree(kFreeListAt);
    return {transaction(), at<uint64_t>(kLastPageAt), free_list.pad, free_list, Tree(kMainAt)};
  }
  bool RootOk(const TreeRecord& tree) const {
    return tree.root == kNoPage ? tree.depth == 0
                                : tree.root >= kMetaPages && tree.root <= at<uint64_t>(kLastPageAt);
  }
};

RawMeta Read(int fd, int64_t offset) {
  RawMeta meta;
  meta.complete = pread(fd, meta.bytes.data(), kMetaBytes, offset) == kMetaBytes;
  return meta;
}

}  // namespace

TreeRecord DecodeTreeRecord(std::string_view bytes) {
  FieldReader in(bytes);
  TreeRecord tree;
  tree.pad = in.Fixed<uint32_t>();
  tree.flags = in.Fixed<uint16_t>();
  tree.depth = in.Fixed<uint16_t>();
  for (uint64_t* field :
       {&tree.branch_pages, &tree.leaf_pages, &tree.overflow_pages, &tree.entries, &tree.root}) {
    *field = in.Fixed<uint64_t>();
  }
  return tree;
}

absl::StatusOr<MetaPages> ReadMetaPages(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, path);
  RawMeta first = Read(fd, 0);
  if (first.complete && (first.at<uint32_t>(kMagicAt) == kMagicSwapped ||
                         first.at<uint32_t>(kMagicAt32Bit) == kMagicSwapped ||
                         first.at<uint32_t>(kMagicAt32Bit) == kMagic)) {
    return FailedPreconditionError(path,
                                   " was written on a machine of another byte order or word "
                                   "size; export it there and import it here");
  }
  // Where page 0 is damaged the second meta page is looked for at the usual page size.
  const int64_t page_size = first.Valid(0) ? first.Tree(kFreeListAt).pad : 4096;
  RawMeta second = Read(fd, page_size);
  // Another process may commit between the reads.
  for (int i = 0; i < kReads; ++i) {
    const RawMeta again = Read(fd, 0), second_again = Read(fd, page_size);
    if (again == first && second_again == second) break;
    first = again;
    second = second_again;
  }
  const bool first_ok = first.Valid(0), second_ok = second.Valid(1);
  if (!first_ok && !second_ok && first.at<uint32_t>(kMagicAt) != kMagic &&
      second.at<uint32_t>(kMagicAt) != kMagic) {
    return InvalidArgumentError(path, " is not an Undula database");
  }
  if (first_ok && info.st_size < 2 * page_size) {
    return DataLossError(path, " is truncated: ", info.st_size, " bytes of at least ",
                         2 * page_size, "; restore it from a backup");
  }
  // Commits alternate between the two pages, so that their transactions are neighbors.
  const uint64_t low = std::min(first.transaction(), second.transaction());
  const uint64_t high = std::max(first.transaction(), second.transaction());
  if (!first_ok || !second_ok || first.Tree(kFreeListAt).pad != second.Tree(kFreeListAt).pad ||
      !(high == low + 1 || high == 0)) {
    return DataLossError(path, ": a meta page is damaged; restore the file from a backup");
  }
  const bool swapped = first.transaction() < second.transaction();
  const MetaPages pages{(swapped ? second : first).Decode(), (swapped ? first : second).Decode()};
  const MetaPage& newest = pages.newest;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, path);  // it may have grown meanwhile
  const auto length = static_cast<uint64_t>(info.st_size) / newest.page_bytes;
  if (newest.last_page >= length) {
    return DataLossError(path, " is truncated: it has ", length, " pages of ", newest.page_bytes,
                         " bytes, its last one should be number ", newest.last_page,
                         "; restore it from a backup");
  }
  return pages;
}

}  // namespace undula::kgstore::internal
