#include "api/training_run.h"

#include <ctime>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/status.h"
#include "models/train/checkpoint.h"

namespace undula::api {

absl::Status CheckModelName(const std::string& name) {
  if (name.size() > 200) return InvalidArgumentError("the model's name has more than 200 bytes");
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!plain) {
      return InvalidArgumentError("model name '", name,
                                  "': use letters, digits, '.', '_' and '-' only");
    }
  }
  return absl::OkStatus();
}

void AddSection(std::string_view section, const OptionMap& options, OptionMap* out) {
  for (const auto& [key, value] : options) (*out)[Concat(section, ".", key)] = value;
}

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

absl::StatusOr<Sections> MergeSections(
    const std::string& file,
    std::initializer_list<std::pair<std::string_view, const OptionMap*>> given) {
  Sections merged;
  if (!file.empty()) {
    std::vector<std::string_view> names;
    for (const auto& [name, options] : given) names.push_back(name);
    UNDULA_ASSIGN_OR_RETURN(merged, ReadOptionsFile(file, names));
  }
  for (const auto& [name, options] : given) {
    OptionMap& section = merged[std::string(name)];
    for (const auto& [key, value] : *options) section[key] = value;
  }
  return merged;
}

void RemoveCheckpoints(const Database::Impl& impl, const Run& run) {
  const std::string& directory = run.context.checkpoint_directory;
  auto store = models::CheckpointStore::Open(directory, run.context.run);
  if (!store.ok()) return;
  if (const absl::Status s = store->RemoveAll(); !s.ok()) {
    impl.Log(Severity::kWarning, Message(s));
  }
  std::error_code not_empty;  // checkpoints of other runs stay
  std::filesystem::remove(directory, not_empty);
}

}  // namespace undula::api
