// A temporary file without a name: nothing of it is left whatever happens to the process.
#ifndef UNDULA_KGSTORE_SPILL_FILE_H_
#define UNDULA_KGSTORE_SPILL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace undula::kgstore::internal {

// Made at the first Append. Not thread-safe. ResourceExhausted where the disk is full.
class SpillFile {
 public:
  explicit SpillFile(std::string folder) : folder_(std::move(folder)) {}
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Unbuffered: in large pieces.
  absl::Status Append(const void* data, size_t bytes);
  uint64_t size() const { return size_; }
  // Exactly these bytes.
  absl::Status Read(uint64_t offset, void* data, size_t bytes) const;
  const std::string& folder() const { return folder_; }

 private:
  absl::Status Open();

  std::string folder_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_SPILL_FILE_H_
