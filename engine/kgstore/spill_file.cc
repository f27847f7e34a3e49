#include "kgstore/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kMost = size_t{1} << 30;  // of one call of the system

}  // namespace

SpillFile::~SpillFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status SpillFile::Open() {
  fd_ = open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    // A file system that has no nameless files.
    std::string name = folder_ + "/undula-import-XXXXXX";
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ >= 0) unlink(name.c_str());
  }
  if (fd_ >= 0) return absl::OkStatus();
  return ErrnoError(errno, Concat(folder_, ": making a temporary file of a bounded import"));
}

absl::Status SpillFile::Append(const void* data, size_t bytes) {
  if (fd_ < 0) UNDULA_RETURN_IF_ERROR(Open());
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = pwrite(fd_, p, std::min(bytes, kMost), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return ErrnoError(n < 0 ? errno : ENOSPC,
                        Concat(folder_,
                               ": writing a temporary file of a bounded import; make room there or "
                               "choose another folder for them"));
    }
    p += n;
    bytes -= static_cast<size_t>(n);
    size_ += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status SpillFile::Read(uint64_t offset, void* data, size_t bytes) const {
  char* p = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t n = pread(fd_, p, std::min(bytes, kMost), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return ErrnoError(n < 0 ? errno : EIO,
                        Concat(folder_, ": reading a temporary file of a bounded import"));
    }
    p += n;
    bytes -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
