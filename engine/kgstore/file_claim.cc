#include "kgstore/file_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <set>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

struct Registry {
  std::mutex mutex;
  std::set<std::pair<dev_t, ino_t>> open;
};

Registry& OpenFiles() {
  static auto* registry = new Registry;  // lives as long as the process
  return *registry;
}

absl::Status Lock(int fd, int how, const std::string& path, const char* who) {
  if (flock(fd, how | LOCK_NB) == 0) return absl::OkStatus();
  if (errno == EWOULDBLOCK) return FailedPreconditionError(path, " is locked by ", who);
  return ErrnoError(errno, path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileClaim>> FileClaim::Take(const std::string& path,
                                                           ClaimKind kind) {
  const int access = kind == ClaimKind::kWrite ? O_RDWR : O_RDONLY;
  const int fd = open(path.c_str(), access | O_CLOEXEC);
  if (fd < 0) {
    if (errno == EISDIR) {
      return InvalidArgumentError(path, " is a directory; name the database file in it");
    }
    if (errno == ENOENT) {
      return NotFoundError(path, ": no such file; create the database with an import");
    }
    if (kind == ClaimKind::kWrite && (errno == EACCES || errno == EROFS || errno == EPERM)) {
      return FailedPreconditionError(path,
                                     " is not writable; open it read-only or change its "
                                     "permissions");
    }
    return ErrnoError(errno, path);
  }
  std::unique_ptr<FileClaim> claim(new FileClaim(path, fd));
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, path);
  if (S_ISREG(info.st_mode)) {  // CheckFile() speaks of the others
    claim->key_ = {info.st_dev, info.st_ino};
    Registry& registry = OpenFiles();
    const std::lock_guard<std::mutex> lock(registry.mutex);
    if (!registry.open.insert(claim->key_).second) {
      return FailedPreconditionError(path,
                                     " is already open in this process; share that Database "
                                     "or close it first");
    }
    claim->registered_ = true;
  }
  if (kind == ClaimKind::kWrite) {
    UNDULA_RETURN_IF_ERROR(Lock(fd, LOCK_EX, path,
                                "another writing process (or by a reader that could make no lock "
                                "file); wait until it is done, or open the file read-only"));
  } else if (kind == ClaimKind::kReadUnlocked) {
    UNDULA_RETURN_IF_ERROR(claim->LockForUnlockedReading());
  }
  return claim;
}

absl::Status FileClaim::LockForUnlockedReading() {
  return Lock(fd_, LOCK_SH, path_,
              "a writing process, and no lock file can be made beside it for safe reading; wait "
              "until it is done, or make the folder writable");
}

FileClaim::~FileClaim() {
  if (registered_) {
    Registry& registry = OpenFiles();
    const std::lock_guard<std::mutex> lock(registry.mutex);
    registry.open.erase(key_);
  }
  close(fd_);  // also drops the lock
}

}  // namespace undula::kgstore::internal
