// Progress on standard error: a bar that redraws itself on a terminal, a plain line every few
// seconds elsewhere. Ctrl-C cancels through it, so that work ends at a safe point.
#ifndef UNDULA_CLI_PROGRESS_BAR_H_
#define UNDULA_CLI_PROGRESS_BAR_H_

#include <chrono>
#include <string>
#include <string_view>

#include "undula/progress.h"

namespace undula::cli {

// One at a time: it owns the SIGINT and SIGTERM handlers while it lives.
class ProgressBar {
 public:
  explicit ProgressBar(bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  Progress* progress() { return &progress_; }
  // Removes the bar, so that other lines can be written.
  void Clear();

 private:
  void Draw(int64_t done, int64_t total, std::string_view message);
  // "45%  12.1/27.0 MB  8.0 MB/s  310000 records/s  2 s left".
  std::string Numbers(int64_t done, int64_t total, double seconds) const;

  const bool quiet_;
  const bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_line_;
  // What is under way: rate and time left are its own.
  std::string stage_;
  bool stage_in_bytes_ = false;
  int64_t stage_done_ = 0, stage_records_ = 0;
  std::chrono::steady_clock::time_point stage_start_;
  Progress progress_;
};

}  // namespace undula::cli

#endif  // UNDULA_CLI_PROGRESS_BAR_H_
