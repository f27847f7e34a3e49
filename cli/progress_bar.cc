#include "cli/progress_bar.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

namespace undula::cli {
namespace {

std::atomic<Progress*> active{nullptr};

// Async-signal-safe: one atomic store. A second signal ends the process the usual way.
void OnSignal(int signal_number) {
  if (Progress* progress = active.load()) progress->Cancel();
  std::signal(signal_number, SIG_DFL);
}

}  // namespace

ProgressBar::ProgressBar(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_line_(start_),
      progress_([this](int64_t done, int64_t total, std::string_view message) {
        Draw(done, total, message);
      }) {
  active.store(&progress_);
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
}

ProgressBar::~ProgressBar() {
  Clear();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  active.store(nullptr);
}

void ProgressBar::Clear() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

std::string ProgressBar::Numbers(int64_t done, int64_t total, double seconds) const {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  char text[160];
  std::string out;
  if (total > 0) {
    std::snprintf(text, sizeof text, "%3.0f%%  ", share * 100);
    out += text;
  }
  if (progress_.in_bytes()) {
    constexpr double kMega = 1e6;
    const double rate = seconds > 0 ? 1 / seconds : 0;
    const double megabytes = static_cast<double>(done) / kMega;
    const int64_t records = progress_.records() - stage_records_;
    const int shown = total > 0 ? std::snprintf(text, sizeof text, "%.1f/%.1f MB", megabytes,
                                                static_cast<double>(total) / kMega)
                                : std::snprintf(text, sizeof text, "%.1f MB", megabytes);
    std::snprintf(text + shown, sizeof text - static_cast<size_t>(shown),
                  "  %.1f MB/s  %.0f records/s", megabytes * rate,
                  static_cast<double>(records) * rate);
  } else if (total > 0) {
    std::snprintf(text, sizeof text, "%lld/%lld", static_cast<long long>(done),
                  static_cast<long long>(total));
  } else {
    std::snprintf(text, sizeof text, "%lld", static_cast<long long>(done));
  }
  out += text;
  if (share > 0) {
    std::snprintf(text, sizeof text, "  %.0f s left", seconds * (1 / share - 1));
  } else {
    std::snprintf(text, sizeof text, "  %.0f s", seconds);
  }
  return out + text;
}

void ProgressBar::Draw(int64_t done, int64_t total, std::string_view message) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (message != stage_ || progress_.in_bytes() != stage_in_bytes_ || done < stage_done_) {
    stage_ = message;
    stage_in_bytes_ = progress_.in_bytes();
    stage_start_ = now;
    stage_records_ = progress_.records();
  }
  stage_done_ = done;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string numbers =
      Numbers(done, total, std::chrono::duration<double>(now - stage_start_).count());
  if (terminal_) {
    if (seconds < 0.3) return;  // no bar for what is done at once
    std::string bar;
    if (total > 0) {
      const int filled = static_cast<int>(20 * done / total);
      bar = "[" + std::string(filled, '#') + std::string(20 - filled, '.') + "] ";
    }
    std::fprintf(stderr, "\r\033[K%s%s  %.*s", bar.c_str(), numbers.c_str(),
                 static_cast<int>(message.size()), message.data());
    std::fflush(stderr);
    drawn_ = true;
  } else if (now - last_line_ >= std::chrono::seconds(5)) {
    last_line_ = now;
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(message.size()), message.data(),
                 numbers.c_str());
  }
}

}  // namespace undula::cli
