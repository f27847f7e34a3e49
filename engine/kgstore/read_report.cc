#include "kgstore/read_report.h"

#include "base/status.h"

namespace undula::kgstore {

absl::Status BadRecordLog::Add(int64_t line, int64_t column, std::string_view message) {
  if (limits_.rejects != nullptr) {
    UNDULA_RETURN_IF_ERROR(limits_.rejects->Add(file_, line, column, message));
  }
  if (on_error_ == OnError::kStop) {
    return InvalidArgumentError(file_, ':', line, ':', column, ": ", message);
  }
  if (limits_.left != nullptr && --*limits_.left < 0) {
    return InvalidArgumentError(file_, ':', line, ':', column, ": ", message,
                                " (one bad record more than the limit allows)");
  }
  ++report_->skipped;
  if (report_->errors.size() < ReadReport::kMaxErrors) {
    report_->errors.push_back({line, column, std::string(message)});
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore
