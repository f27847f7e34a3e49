#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/status.h"

namespace undula {
namespace {

// Some kernels refuse single transfers beyond 2 GiB.
constexpr int64_t kMaxTransfer = int64_t{1} << 30;

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const size_t n = std::min<size_t>(bytes.size(), kMaxTransfer);
    const ssize_t written = ::write(fd, bytes.data(), n);
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, Concat("cannot write ", path));
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path, std::span<const std::string_view> pieces) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return ErrnoError(errno, Concat("cannot create ", path));
  absl::Status status;
  for (const std::string_view piece : pieces) {
    status = WriteAll(fd, piece, path);
    if (!status.ok()) break;
  }
  if (status.ok() && ::fsync(fd) != 0) status = ErrnoError(errno, Concat("cannot sync ", path));
  // A full disk of a network file system may be reported by close() only.
  if (::close(fd) != 0 && status.ok()) status = ErrnoError(errno, Concat("cannot close ", path));
  return status;
}

}  // namespace

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe without a writer must not hang; regular files ignore it.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoError(errno, Concat("cannot open ", path));
  struct stat info;
  const int error = ::fstat(fd, &info) == 0 ? 0 : errno;
  if (error != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    if (error != 0) return ErrnoError(error, Concat("cannot stat ", path));
    if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, Concat("cannot read ", path));
    return FailedPreconditionError("cannot read ", path, ": not a regular file");
  }
  return InputFile(path, fd, static_cast<int64_t>(info.st_size));
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(other.fd_), size_(other.size_) {
  other.fd_ = -1;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status InputFile::ReadAt(int64_t offset, void* out, int64_t size) const {
  char* to = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = ::pread(fd_, to, static_cast<size_t>(std::min(size, kMaxTransfer)), offset);
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, Concat("cannot read ", path_));
    }
    if (got == 0) return DataLossError(path_, ": the file ends at byte ", offset);
    to += got;
    offset += got;
    size -= got;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t limit) {
  UNDULA_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  if (file.size() > limit) {
    return ResourceExhaustedError(path, ": ", file.size(), " bytes, more than the limit of ",
                                  limit);
  }
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  UNDULA_RETURN_IF_ERROR(file.ReadAt(0, bytes.data(), file.size()));
  return bytes;
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, Concat("cannot open directory ", directory));
  // Some file systems cannot sync directories and say so with EINVAL: nothing more can be done.
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  ::close(fd);
  return error == 0 ? absl::OkStatus()
                    : ErrnoError(error, Concat("cannot sync directory ", directory));
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::span<const std::string_view> pieces) {
  const std::string temporary = path + ".tmp";
  absl::Status status = WriteAndSync(temporary, pieces);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoError(errno, Concat("cannot rename ", temporary, " to ", path));
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

}  // namespace undula
