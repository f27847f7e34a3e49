#include "kgstore/read_report.h"

#include "base/status.h"

namespace undula::kgstore {

absl::Status BadRecordLog::Add(int64_t line, int64_t column, std::string_view message) {
  if (on_error_ == OnError::kStop) {
    return InvalidArgumentError(file_, ':', line, ':', column, ": ", message);
  }
  ++report_->skipped;
  if (report_->errors.size() < ReadReport::kMaxErrors) {
    report_->errors.push_back({line, column, std::string(message)});
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore
