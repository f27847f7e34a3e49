// The bytes of a file or of standard input, decompressed on the way. Compression (gzip, bzip2, xz,
// zstd, each with any number of members) is found by content, not by name.
#ifndef UNDULA_KGSTORE_INPUT_STREAM_H_
#define UNDULA_KGSTORE_INPUT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::kgstore {

// Not thread-safe.
class InputStream {
 public:
  // "-" is standard input. A missing file is NotFound; a directory InvalidArgument; a file without
  // read permission FailedPrecondition; a damaged compression header DataLoss.
  static absl::StatusOr<std::unique_ptr<InputStream>> Open(const std::string& path);

  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // Fills the front of `buffer` and returns how many bytes; 0 only at the end. Truncated or damaged
  // compressed data is DataLoss. After an error every call returns the same error.
  absl::StatusOr<size_t> Read(std::span<char> buffer);

  const std::string& name() const { return name_; }  // the path, or "stdin"
  std::string_view compression() const;              // "", "gz", "bz2", "xz" or "zst"
  int64_t position() const;                          // bytes taken from the file, compressed
  int64_t size() const;                              // bytes of the file; 0 where unknown

 private:
  struct Impl;
  explicit InputStream(std::string name);

  std::string name_;
  std::unique_ptr<Impl> impl_;
  absl::Status status_;
};

// `path` without its directory and without a compression suffix (.gz .bz2 .xz .zst).
std::string PlainFileName(std::string_view path);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_INPUT_STREAM_H_
