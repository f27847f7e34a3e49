// Progress of a long call: reports (done, total, message) and asks whether to go on. Checked at
// least every few milliseconds of work. Cancel() may be called from any thread or a signal handler;
// everything else belongs to the thread that makes the long call.
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
};

}  // namespace undula

#endif  // UNDULA_PROGRESS_H_
