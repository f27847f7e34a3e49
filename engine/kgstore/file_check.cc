#include "kgstore/file_check.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdint>

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// Offsets within a meta page of LMDB 0.9 on a 64-bit machine: a page header of 16 bytes, then
// struct MDB_meta. On a 32-bit machine the header has 12 bytes.
constexpr int kMagicAt = 16;
constexpr int kMagicAt32Bit = 12;
constexpr int kFlagsAt = 10;
constexpr int kVersionAt = 20;
constexpr int kPageSizeAt = 40;
constexpr int kFreeRootAt = 80;
constexpr int kMainRootAt = 128;
constexpr int kLastPageAt = 136;
constexpr int kTransactionAt = 144;
constexpr int kMetaBytes = 152;
constexpr uint16_t kMetaPageFlag = 0x08;
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kMagicSwapped = 0xDEC0EFBE;
constexpr uint32_t kDataVersion = 1;
constexpr uint64_t kNoPage = ~uint64_t{0};

struct MetaPage {
  std::array<char, kMetaBytes> bytes{};
  bool complete = false;

  template <class T>
  T at(int offset) const {
    return LoadFixed<T>(bytes.data() + offset);
  }
  bool valid() const {
    const auto page = at<uint32_t>(kPageSizeAt);
    return complete && (at<uint16_t>(kFlagsAt) & kMetaPageFlag) != 0 &&
           at<uint32_t>(kMagicAt) == kMagic && at<uint32_t>(kVersionAt) == kDataVersion &&
           std::has_single_bit(page) && page >= 512 && page <= 65536 && RootOk(kFreeRootAt) &&
           RootOk(kMainRootAt);
  }
  bool RootOk(int offset) const {
    const auto root = at<uint64_t>(offset);
    return root == kNoPage || (root >= 2 && root <= at<uint64_t>(kLastPageAt));
  }
};

MetaPage ReadMeta(int fd, int64_t offset) {
  MetaPage meta;
  meta.complete = pread(fd, meta.bytes.data(), kMetaBytes, offset) == kMetaBytes;
  return meta;
}

}  // namespace

absl::Status CheckFile(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, path);
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgumentError(path, " is a directory; name the database file in it");
  }
  if (!S_ISREG(info.st_mode)) return InvalidArgumentError(path, " is not a regular file");
  if (info.st_size == 0) {
    return InvalidArgumentError(path,
                                " is empty, not an Undula database; delete it first if a "
                                "new database shall take its place");
  }
  const MetaPage first = ReadMeta(fd, 0);
  if (first.complete && (first.at<uint32_t>(kMagicAt) == kMagicSwapped ||
                         first.at<uint32_t>(kMagicAt32Bit) == kMagicSwapped ||
                         first.at<uint32_t>(kMagicAt32Bit) == kMagic)) {
    return FailedPreconditionError(path,
                                   " was written on a machine of another byte order or word "
                                   "size; export it there and import it here");
  }
  // Where page 0 is damaged the second meta page is looked for at the usual page size.
  const int64_t page_size = first.valid() ? first.at<uint32_t>(kPageSizeAt) : 4096;
  const MetaPage second = ReadMeta(fd, page_size);
  if (!first.valid() && !second.valid()) {
    return InvalidArgumentError(path, " is not an Undula database");
  }
  if (first.valid() && info.st_size < 2 * page_size) {
    return DataLossError(path, " is truncated: ", info.st_size, " bytes of at least ",
                         2 * page_size, "; restore it from a backup");
  }
  if (!first.valid() || !second.valid() ||
      first.at<uint32_t>(kPageSizeAt) != second.at<uint32_t>(kPageSizeAt)) {
    return DataLossError(path, ": a meta page is damaged; restore the file from a backup");
  }
  const MetaPage& newest =
      first.at<uint64_t>(kTransactionAt) > second.at<uint64_t>(kTransactionAt) ? first : second;
  const auto last_page = newest.at<uint64_t>(kLastPageAt);
  const auto pages = static_cast<uint64_t>(info.st_size) / static_cast<uint64_t>(page_size);
  if (last_page >= pages) {
    return DataLossError(path, " is truncated: it has ", pages, " pages of ", page_size,
                         " bytes, its last one should be number ", last_page,
                         "; restore it from a backup");
  }
  return absl::OkStatus();
}

absl::Status CheckFileSystem(int fd, const std::string& path) {
  struct statfs info;
  if (fstatfs(fd, &info) != 0) return ErrnoError(errno, path);
  constexpr uint32_t kNfs = 0x6969, kSmb = 0x517B, kCifs = 0xFF534D42, kSmb2 = 0xFE534D42;
  const auto type = static_cast<uint32_t>(info.f_type);
  if (type == kNfs || type == kSmb || type == kCifs || type == kSmb2) {
    return FailedPreconditionError(path,
                                   " lies on a network file system, where locks and memory "
                                   "maps are not safe; put the database on a local disk");
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
