#include "api/training_run.h"

#include <ctime>
#include <filesystem>
#include <system_error>

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

void RemoveCheckpoints(const Database::Impl& impl, const std::string& directory,
                       const std::string& run) {
  auto store = models::CheckpointStore::Open(directory, run);
  if (!store.ok()) return;
  if (const absl::Status s = store->RemoveAll(); !s.ok()) {
    impl.Log(Severity::kWarning, Message(s));
  }
  std::error_code not_empty;  // checkpoints of other runs stay
  std::filesystem::remove(directory, not_empty);
}

}  // namespace undula::api
