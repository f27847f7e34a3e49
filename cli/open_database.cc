#include <cstdio>
#include <iostream>

#include "cli/command.h"

namespace undula::cli {

absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& path, bool create,
                                                       bool read_only, int64_t threads,
                                                       int64_t wait_seconds,
                                                       bool compact_dictionary,
                                                       const std::string& device) {
  DatabaseOptions options;
  options.create = create;
  options.read_only = read_only;
  options.threads = static_cast<int>(threads);
  options.compact_dictionary = compact_dictionary;
  options.device = device;
  options.wait_seconds = static_cast<double>(wait_seconds);
  options.log = [](Severity severity, std::string_view message) {
    std::cerr << (severity == Severity::kWarning ? "warning: " : "") << message << "\n";
  };
  return Database::Open(path, options);
}

std::string Fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

}  // namespace undula::cli
