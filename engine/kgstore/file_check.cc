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
  // statfs(2) and linux/magic.h. FUSE is not in the list: it serves local disks as well, and its
  // number does not tell them from sshfs.
  struct NetworkFileSystem {
    uint32_t type;
    const char* name;
  };
  static constexpr NetworkFileSystem kNetwork[] = {
      {0x6969, "NFS"},      {0x517B, "SMB"},       {0xFF534D42, "CIFS"},     {0xFE534D42, "SMB2"},
      {0x01021997, "9P"},   {0x5346414F, "AFS"},   {0x6B414653, "AFS"},      {0x73757245, "Coda"},
      {0x564C, "NCP"},      {0x00C36400, "Ceph"},  {0x0BD00BD0, "Lustre"},   {0x47504653, "GPFS"},
      {0x01161970, "GFS2"}, {0x7461636F, "OCFS2"}, {0x20030528, "OrangeFS"},
  };
  const auto type = static_cast<uint32_t>(info.f_type);
  for (const NetworkFileSystem& network : kNetwork) {
    if (type != network.type) continue;
    return FailedPreconditionError(path, " lies on a network file system (", network.name,
                                   "), where locks and memory maps are not safe; put the "
                                   "database on a local disk");
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
