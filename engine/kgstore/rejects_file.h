// The file that takes the bad records of an import: a line each of file, line, column and reason,
// separated by tabs.
#ifndef UNDULA_KGSTORE_REJECTS_FILE_H_
#define UNDULA_KGSTORE_REJECTS_FILE_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/read_report.h"

namespace undula::kgstore {

// Not thread-safe.
class RejectsFile final : public RejectSink {
 public:
  static constexpr int64_t kMaxLines = 1000000;  // what follows is only counted by the reader

  // Replaces a file of that name. FailedPrecondition or NotFound where it cannot be made.
  static absl::StatusOr<std::unique_ptr<RejectsFile>> Create(const std::string& path);
  ~RejectsFile() override;

  absl::Status Add(std::string_view file, int64_t line, int64_t column,
                   std::string_view message) override;
  // Writes what is buffered. ResourceExhausted where the disk is full.
  absl::Status Finish();

 private:
  RejectsFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  absl::Status WriteError() const;

  std::string path_;
  std::FILE* file_;
  int64_t lines_ = 0;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_REJECTS_FILE_H_
