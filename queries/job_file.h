// The output of a resumable job: OUTPUT.part grows, OUTPUT.mark says how much of it is durable.
#ifndef UNDULA_QUERIES_JOB_FILE_H_
#define UNDULA_QUERIES_JOB_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::queries {

// Movable; closes itself and leaves the files as they are. One thread at a time.
class JobFile {
 public:
  // With `resume`, goes on after the last mark of the same fingerprint if there is one; else starts
  // an empty OUTPUT.part. A present OUTPUT stays until Finish.
  static absl::StatusOr<JobFile> Open(const std::string& output, std::string_view fingerprint,
                                      bool resume);
  JobFile(JobFile&& other) noexcept;
  JobFile& operator=(JobFile&&) = delete;
  ~JobFile();

  // Units of work that the durable part holds; 0 for a new file.
  int64_t units_done() const { return units_done_; }

  absl::Status Append(std::string_view bytes);
  // Makes everything appended durable and marks it as `units_done` units.
  absl::Status Mark(int64_t units_done);
  // OUTPUT.part becomes OUTPUT, the mark goes.
  absl::Status Finish();

 private:
  JobFile(std::string output, std::string fingerprint)
      : output_(std::move(output)), fingerprint_(std::move(fingerprint)) {}
  absl::Status Flush();

  std::string output_, fingerprint_;
  int fd_ = -1;
  int64_t bytes_ = 0;  // in the file
  int64_t units_done_ = 0;
  std::string buffer_;
};

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_JOB_FILE_H_
