#include "models/train/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/safetensors.h"
#include "base/status.h"

namespace undula::models {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr size_t kDigits = 12;  // of the step: names sort like numbers
constexpr size_t kKept = 2;

}  // namespace

absl::StatusOr<CheckpointStore> CheckpointStore::Open(const std::string& directory,
                                                      const std::string& run) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (run.empty() || run.find_first_not_of(kAllowed) != std::string::npos) {
    return InvalidArgumentError("run name '", run, "': use letters, digits, '.', '_' and '-' only");
  }
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return ErrnoError(error.value(), Concat("checkpoint directory ", directory));
  return CheckpointStore(directory, run);
}

absl::StatusOr<std::vector<std::string>> CheckpointStore::List() const {
  std::error_code error;
  std::filesystem::directory_iterator it(directory_, error);
  std::vector<std::string> paths;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    const size_t step = run_.size() + 1;
    if (name.size() != step + kDigits + kSuffix.size() || !name.starts_with(run_ + "-") ||
        !name.ends_with(kSuffix) ||
        name.substr(step, kDigits).find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    paths.push_back(it->path().string());
  }
  if (error) return ErrnoError(error.value(), Concat("checkpoint directory ", directory_));
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::Status CheckpointStore::Save(int64_t step, const TensorMap& state) {
  std::string digits = std::to_string(step);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  const std::string path = Concat(directory_, "/", run_, "-", digits, kSuffix);
  UNDULA_RETURN_IF_ERROR(WriteSafetensors(path, state));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, List());
  for (size_t i = 0; i + kKept < paths.size(); ++i) {
    std::error_code error;
    std::filesystem::remove(paths[i], error);
    if (error) return ErrnoError(error.value(), Concat("remove old checkpoint ", paths[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorMap> CheckpointStore::LoadNewest() const {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, List());
  absl::Status first;
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    absl::StatusOr<TensorMap> state = ReadSafetensors(*path);
    if (state.ok()) return state;
    if (first.ok()) first = state.status();
  }
  if (!first.ok()) return first;
  return NotFoundError("there is no checkpoint of run '", run_, "' in ", directory_);
}

absl::Status CheckpointStore::RemoveAll() {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, List());
  for (const std::string& path : paths) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return ErrnoError(error.value(), Concat("remove checkpoint ", path));
  }
  return absl::OkStatus();
}

}  // namespace undula::models
