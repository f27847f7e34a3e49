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

// Takes bad records in the name of one file.
class BadRecordLog {
 public:
  // `report` outlives the log.
  BadRecordLog(std::string file, OnError on_error, ReadReport* report)
      : file_(std::move(file)), on_error_(on_error), report_(report) {}

  // kStop: InvalidArgument "file:line:column: message". kSkip: counts the record and returns Ok.
  absl::Status Add(int64_t line, int64_t column, std::string_view message);

  bool skips() const { return on_error_ == OnError::kSkip; }

 private:
  std::string file_;
  OnError on_error_;
  ReadReport* report_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_READ_REPORT_H_
