// What a reader did: records handed to the sink, records skipped and why. Shared by ReadRdf and
// ReadTable.
#ifndef UNDULA_KGSTORE_READ_REPORT_H_
#define UNDULA_KGSTORE_READ_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace undula::kgstore {

// What to do with a bad record: end with its error, or count it, keep its message and go on.
enum class OnError : uint8_t { kStop, kSkip };

struct SkippedRecord {
  int64_t line = 0;     // from 1
  int64_t column = 0;   // from 1, in bytes
  std::string message;  // without the position
};

struct ReadReport {
  static constexpr size_t kMaxErrors = 20;

  int64_t records = 0;                // given to the sink
  int64_t skipped = 0;                // bad records, counted exactly (only with kSkip)
  std::vector<SkippedRecord> errors;  // the first kMaxErrors of them, in file order
};

// Where all bad records go, e.g. a rejects file (kgstore/rejects_file.h).
class RejectSink {
 public:
  virtual ~RejectSink() = default;
  virtual absl::Status Add(std::string_view file, int64_t line, int64_t column,
                           std::string_view message) = 0;
};

// What a reader does about bad records beside OnError.
struct ErrorLimits {
  // With kSkip: more bad records than this in one import end it. Counts down; shared by the files
  // of an import. Null: no limit.
  int64_t* left = nullptr;
  RejectSink* rejects = nullptr;  // null: none
};

// Takes bad records in the name of one file.
class BadRecordLog {
 public:
  // `report` and what `limits` points to outlive the log.
  BadRecordLog(std::string file, OnError on_error, ReadReport* report, ErrorLimits limits = {})
      : file_(std::move(file)), on_error_(on_error), report_(report), limits_(limits) {}

  // kStop: InvalidArgument "file:line:column: message". kSkip: counts the record and returns Ok, or
  // InvalidArgument where it is one too many.
  absl::Status Add(int64_t line, int64_t column, std::string_view message);

  bool skips() const { return on_error_ == OnError::kSkip; }

 private:
  std::string file_;
  OnError on_error_;
  ReadReport* report_;
  ErrorLimits limits_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_READ_REPORT_H_
