#include "models/train/epoch_line.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/status.h"

namespace undula::models {
namespace {

std::string Number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  const int n = std::snprintf(text, sizeof(text), "%.9g", value);
  return std::string(text, static_cast<size_t>(n));
}

int64_t PeakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// How often a step had to wait for its batch so far.
std::string Stalls(const ReadAhead* ahead) {
  if (ahead == nullptr) return {};
  return Concat(",\"stalls\":", ahead->stalls(),
                ",\"stall_seconds\":", Number(ahead->stall_seconds()));
}

}  // namespace

std::string JsonOf(const EpochLine& line) {
  const double rate = static_cast<double>(line.rows) / std::max(line.train_seconds, 1e-9);
  return Concat("{\"event\":\"epoch\",\"epoch\":", line.epoch, ",\"steps\":", line.steps,
                ",\"rows\":", line.rows, ",\"loss\":", Number(line.loss), ",\"metric\":\"",
                line.metric, "\",\"value\":", Number(line.value),
                ",\"best\":", line.best ? "true" : "false", ",\"seconds\":", Number(line.seconds),
                ",\"rows_per_second\":", Number(rate), Stalls(line.ahead),
                ",\"peak_mib\":", PeakMebibytes(), "}");
}

}  // namespace undula::models
