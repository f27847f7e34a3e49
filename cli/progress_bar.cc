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

void ProgressBar::Draw(int64_t done, int64_t total, std::string_view message) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  char numbers[96];
  if (total > 0) {
    const double share = static_cast<double>(done) / static_cast<double>(total);
    const double left = done > 0 ? seconds * (1 / share - 1) : 0;
    std::snprintf(numbers, sizeof numbers, "%3.0f%%  %lld/%lld  %.0f s left", share * 100,
                  static_cast<long long>(done), static_cast<long long>(total), left);
  } else {
    std::snprintf(numbers, sizeof numbers, "%lld  %.0f s", static_cast<long long>(done), seconds);
  }
  if (terminal_) {
    if (seconds < 0.3) return;  // no bar for what is done at once
    std::string bar;
    if (total > 0) {
      const int filled = static_cast<int>(20 * done / total);
      bar = "[" + std::string(filled, '#') + std::string(20 - filled, '.') + "] ";
    }
    std::fprintf(stderr, "\r\033[K%s%s  %.*s", bar.c_str(), numbers,
                 static_cast<int>(message.size()), message.data());
    std::fflush(stderr);
    drawn_ = true;
  } else if (now - last_line_ >= std::chrono::seconds(5)) {
    last_line_ = now;
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(message.size()), message.data(), numbers);
  }
}

}  // namespace undula::cli
