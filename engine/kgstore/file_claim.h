// Who may have a database file open: once per process, one writing process at a time.
#ifndef UNDULA_KGSTORE_FILE_CLAIM_H_
#define UNDULA_KGSTORE_FILE_CLAIM_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace undula::kgstore::internal {

enum class ClaimKind : uint8_t {
  kRead,          // beside any others; LMDB's lock file keeps readers safe
  kReadUnlocked,  // no lock file can be made: only while no process writes, and keeps writers out
  kWrite,         // the only writer
};

// Holds an open descriptor of the file, its place in the process-wide registry of open files
// (opening the same file twice in one process would drop the first one's POSIX locks) and, as
// flock() on the file itself, the advisory lock of its kind.
class FileClaim {
 public:
  // Waits at most `wait_seconds` for the lock of another process, not for this one's own Database.
  // FailedPrecondition: already open in this process; locked by another process (named by its
  // number where the system tells it); not writable. NotFound: no such file.
  static absl::StatusOr<std::unique_ptr<FileClaim>> Take(const std::string& path, ClaimKind kind,
                                                         double wait_seconds = 0);
  ~FileClaim();
  FileClaim(const FileClaim&) = delete;
  FileClaim& operator=(const FileClaim&) = delete;

  int fd() const { return fd_; }
  // Trades a kRead claim for kReadUnlocked. FailedPrecondition while a process writes.
  absl::Status LockForUnlockedReading(double wait_seconds = 0);

 private:
  FileClaim(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
  bool registered_ = false;
  std::pair<dev_t, ino_t> key_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_FILE_CLAIM_H_
