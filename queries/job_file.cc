#include "queries/job_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/status.h"

namespace undula::queries {
namespace {

constexpr size_t kBuffer = 1 << 20;

// The mark is three lines: fingerprint, units, bytes.
struct MarkRecord {
  std::string fingerprint;
  int64_t units = 0, bytes = 0;
};

bool ReadMark(const std::string& path, MarkRecord* mark) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, 1 << 16);
  if (!text.ok()) return false;
  const size_t line = text->find('\n');
  if (line == std::string::npos) return false;
  mark->fingerprint = text->substr(0, line);
  long long units = 0, bytes = 0;
  if (std::sscanf(text->c_str() + line + 1, "%lld\n%lld\n", &units, &bytes) != 2) return false;
  mark->units = units;
  mark->bytes = bytes;
  return units >= 0 && bytes >= 0;
}

}  // namespace

absl::StatusOr<JobFile> JobFile::Open(const std::string& output, std::string_view fingerprint,
                                      bool resume) {
  struct stat info = {};
  if (stat(output.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return FailedPreconditionError(output, " is a directory; give a file name");
  }
  JobFile job(output, std::string(fingerprint));
  const std::string part = output + ".part";
  MarkRecord mark;
  const bool found = resume && ReadMark(output + ".mark", &mark) &&
                     mark.fingerprint == fingerprint && stat(part.c_str(), &info) == 0 &&
                     info.st_size >= mark.bytes;
  // What lies behind the mark was never promised; a part without a mark is from another job.
  job.fd_ = open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (job.fd_ < 0) return ErrnoError(errno, part);
  if (!found) mark = MarkRecord();
  if (ftruncate(job.fd_, mark.bytes) != 0) return ErrnoError(errno, part);
  if (lseek(job.fd_, mark.bytes, SEEK_SET) < 0) return ErrnoError(errno, part);
  job.bytes_ = mark.bytes;
  job.units_done_ = mark.units;
  job.buffer_.reserve(kBuffer + (kBuffer >> 2));
  return job;
}

JobFile::JobFile(JobFile&& other) noexcept
    : output_(std::move(other.output_)),
      fingerprint_(std::move(other.fingerprint_)),
      fd_(std::exchange(other.fd_, -1)),
      bytes_(other.bytes_),
      units_done_(other.units_done_),
      buffer_(std::move(other.buffer_)) {}

JobFile::~JobFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status JobFile::Append(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() < kBuffer ? absl::OkStatus() : Flush();
}

absl::Status JobFile::Flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, output_ + ".part");
    }
    done += static_cast<size_t>(n);
  }
  bytes_ += static_cast<int64_t>(buffer_.size());
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status JobFile::Mark(int64_t units_done) {
  UNDULA_RETURN_IF_ERROR(Flush());
  if (fdatasync(fd_) != 0) return ErrnoError(errno, output_ + ".part");
  units_done_ = units_done;
  return WriteFileAtomically(output_ + ".mark",
                             {Concat(fingerprint_, "\n", units_done, "\n", bytes_, "\n")});
}

absl::Status JobFile::Finish() {
  UNDULA_RETURN_IF_ERROR(Flush());
  if (fsync(fd_) != 0) return ErrnoError(errno, output_ + ".part");
  close(std::exchange(fd_, -1));
  if (std::rename((output_ + ".part").c_str(), output_.c_str()) != 0) {
    return ErrnoError(errno, output_);
  }
  unlink((output_ + ".mark").c_str());
  return SyncDirectoryOf(output_);
}

}  // namespace undula::queries
