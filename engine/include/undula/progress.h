// Progress of a long call: reports (done, total, message) and asks whether to go on. Checked at
// least every few milliseconds of work. Cancel() may be called from any thread or a signal handler,
// AddRecords() and records() from any thread; everything else belongs to the thread that makes the
// long call.
#ifndef UNDULA_PROGRESS_H_
#define UNDULA_PROGRESS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace undula {

class Progress {
 public:
  // total 0 means unknown.
  using Callback = std::function<void(int64_t done, int64_t total, std::string_view message)>;

  Progress() = default;
  explicit Progress(Callback callback) : callback_(std::move(callback)) {}

  void SetDeadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // Cancelled or DeadlineExceeded where the caller shall stop, else Ok. Calls the callback at most
  // about 20 times a second, and always when done == total.
  absl::Status Report(int64_t done, int64_t total, std::string_view message);

  // The same where `done` and `total` are bytes of an input file: in_bytes() is true within the
  // callback.
  absl::Status ReportBytes(int64_t done, int64_t total, std::string_view message);
  bool in_bytes() const { return in_bytes_; }
  // Records read from input files so far, in all of the call.
  void AddRecords(int64_t n) { records_.fetch_add(n, std::memory_order_relaxed); }
  int64_t records() const { return records_.load(std::memory_order_relaxed); }

  // Report for an optional progress: a null pointer is always Ok.
  static absl::Status Report(Progress* progress, int64_t done, int64_t total,
                             std::string_view message) {
    return progress == nullptr ? absl::OkStatus() : progress->Report(done, total, message);
  }

 private:
  Callback callback_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::chrono::steady_clock::time_point last_call_{};
  std::atomic<bool> cancelled_{false};
  std::atomic<int64_t> records_{0};
  bool in_bytes_ = false;
};

}  // namespace undula

#endif  // UNDULA_PROGRESS_H_
