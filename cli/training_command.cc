#include "cli/training_command.h"

#include <algorithm>
#include <iostream>

namespace undula::cli {

bool HasOption(const std::vector<OptionInfo>& options, const std::string& key) {
  return std::any_of(options.begin(), options.end(),
                     [&](const OptionInfo& o) { return o.name == key; });
}

std::pair<std::string, std::string> SectionAndKey(const std::string& flag) {
  std::string key = flag;
  std::replace(key.begin(), key.end(), '-', '_');
  const size_t dot = key.find('.');
  if (dot == std::string::npos) return {"", key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

absl::Status EpochLines::Open() {
  if (flags_.metrics_file.empty()) return absl::OkStatus();
  file_.open(flags_.metrics_file);
  return file_ ? absl::OkStatus() : absl::NotFoundError("cannot write " + flags_.metrics_file);
}

void EpochLines::Write(std::string_view json) {
  bar_->Clear();
  if (file_.is_open()) file_ << json << std::endl;
  if (!flags_.quiet) std::cerr << json << "\n";
}

}  // namespace undula::cli
