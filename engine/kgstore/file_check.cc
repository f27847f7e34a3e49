#include "kgstore/file_check.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdint>

#include "base/status.h"
#include "kgstore/meta_page.h"

namespace undula::kgstore::internal {

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
  return ReadMetaPages(fd, path).status();
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
