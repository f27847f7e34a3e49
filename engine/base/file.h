// Whole files: read with a size limit, written so that a reader sees the old file or the new one.
// Thread-safe; two writers of the same path at once are the caller's mistake.
#ifndef UNDULA_BASE_FILE_H_
#define UNDULA_BASE_FILE_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula {

// The bytes of a regular file. A missing file is NotFound, a directory or an unreadable one
// FailedPrecondition, more than `limit` bytes ResourceExhausted.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t limit);

// Writes the pieces one after the other to PATH.tmp, fsyncs it, renames it to PATH and fsyncs the
// directory. On an error PATH is as before and PATH.tmp is removed.
absl::Status WriteFileAtomically(const std::string& path, std::span<const std::string_view> pieces);
inline absl::Status WriteFileAtomically(const std::string& path,
                                        std::initializer_list<std::string_view> pieces) {
  return WriteFileAtomically(path, std::span(pieces.begin(), pieces.size()));
}

// Makes renames and removals in the directory of `path` durable.
absl::Status SyncDirectoryOf(const std::string& path);

// An open file, read at given positions. Movable; closes itself.
class InputFile {
 public:
  // Errors as of ReadWholeFile.
  static absl::StatusOr<InputFile> Open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  int64_t size() const { return size_; }  // when it was opened
  const std::string& path() const { return path_; }
  // Reads exactly `size` bytes at `offset`; DataLoss where the file ends earlier.
  absl::Status ReadAt(int64_t offset, void* out, int64_t size) const;

 private:
  InputFile(std::string path, int fd, int64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}

  std::string path_;
  int fd_;
  int64_t size_;
};

}  // namespace undula

#endif  // UNDULA_BASE_FILE_H_
