#include "kgstore/file_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>

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

// " (process 123)" for the process that holds a lock on the file, "" where the system does not tell
// (no /proc, or a process of another container).
std::string Holder(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return "";
  char file[64];
  std::snprintf(file, sizeof file, " %02x:%02x:%llu ", major(info.st_dev), minor(info.st_dev),
                static_cast<unsigned long long>(info.st_ino));
  // 1: FLOCK  ADVISORY  WRITE 123 fe:01:456 0 EOF; those who wait have "->" behind the number.
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    const size_t at = line.find(file);
    if (at == std::string::npos || line.find("FLOCK") == std::string::npos ||
        line.find("->") != std::string::npos) {
      continue;
    }
    const size_t space = line.rfind(' ', at - 1);
    const std::string process = line.substr(space + 1, at - space - 1);
    if (std::atol(process.c_str()) > 0) return Concat(" (process ", process, ")");
  }
  return "";
}

absl::Status Lock(int fd, int how, const std::string& path, double wait_seconds,
                  std::string_view who, std::string_view remedy) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  // flock() itself cannot give up at a deadline.
  for (auto pause = std::chrono::milliseconds(1);;
       pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    if (flock(fd, how | LOCK_NB) == 0) return absl::OkStatus();
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoError(errno, path);
    const double left = wait_seconds - std::chrono::duration<double>(Clock::now() - start).count();
    if (left <= 0) break;
    std::this_thread::sleep_for(
        std::min<std::chrono::duration<double>>(pause, std::chrono::duration<double>(left)));
  }
  return FailedPreconditionError(path, " is locked by ", who, Holder(fd),
                                 wait_seconds > 0 ? ", also after the time to wait; " : "; ",
                                 remedy);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileClaim>> FileClaim::Take(const std::string& path, ClaimKind kind,
                                                           double wait_seconds) {
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
    UNDULA_RETURN_IF_ERROR(Lock(fd, LOCK_EX, path, wait_seconds,
                                "another writing process, or a reader that could make no lock file",
                                "wait until it is done, or open the file read-only"));
  } else if (kind == ClaimKind::kReadUnlocked) {
    UNDULA_RETURN_IF_ERROR(claim->LockForUnlockedReading(wait_seconds));
  }
  return claim;
}

absl::Status FileClaim::LockForUnlockedReading(double wait_seconds) {
  return Lock(fd_, LOCK_SH, path_, wait_seconds,
              "a writing process, and no lock file can be made beside it for safe reading",
              "wait until it is done, or make the folder writable");
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
