#include "base/progress.h"

#include "base/status.h"

namespace undula {

absl::Status Progress::Report(int64_t done, int64_t total, std::string_view message) {
  if (cancelled()) return CancelledError(message, ": cancelled");
  const auto now = std::chrono::steady_clock::now();
  if (deadline_.has_value() && now >= *deadline_) {
    return DeadlineExceededError(message, ": deadline exceeded");
  }
  const bool finished = total > 0 && done >= total;
  if (callback_ && (finished || now - last_call_ >= std::chrono::milliseconds(50))) {
    last_call_ = now;
    callback_(done, total, message);
  }
  return absl::OkStatus();
}

absl::Status Progress::ReportBytes(int64_t done, int64_t total, std::string_view message) {
  in_bytes_ = true;
  absl::Status status = Report(done, total, message);
  in_bytes_ = false;
  return status;
}

}  // namespace undula
