#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/model_sink.h"
#include "base/safetensors.h"
#include "base/status.h"

namespace undula {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr size_t kMaxName = 200;  // file systems allow 255 bytes with suffix and ".tmp"

// Names become file names, so nothing in them may lead out of the directory.
bool IsGoodName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name.front() == '.' || name.front() == '-') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@' || c == '+';
  });
}

absl::Status CheckName(std::string_view name) {
  if (IsGoodName(name)) return absl::OkStatus();
  return InvalidArgumentError(
      "model name '", name, "': use 1 to ", kMaxName,
      " of the characters A-Z a-z 0-9 . _ - @ +, not beginning with . or -");
}

class DirectorySink final : public ModelSink {
 public:
  explicit DirectorySink(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Put(std::string_view name, const TensorMap& model) override {
    UNDULA_RETURN_IF_ERROR(CheckName(name));
    return WriteSafetensors(PathOf(name), model);
  }

  absl::StatusOr<TensorMap> Get(std::string_view name) const override {
    UNDULA_RETURN_IF_ERROR(CheckName(name));
    absl::StatusOr<TensorMap> model = ReadSafetensors(PathOf(name));
    if (model.status().code() == absl::StatusCode::kNotFound) return Missing(name);
    return model;
  }

  absl::StatusOr<std::map<std::string, std::string>> Metadata(
      std::string_view name) const override {
    UNDULA_RETURN_IF_ERROR(CheckName(name));
    auto metadata = ReadSafetensorsMetadata(PathOf(name));
    if (metadata.status().code() == absl::StatusCode::kNotFound) return Missing(name);
    return metadata;
  }

  absl::StatusOr<std::vector<std::string>> List() const override {
    DIR* dir = ::opendir(directory_.c_str());
    if (dir == nullptr) return ErrnoError(errno, Concat("cannot list ", directory_));
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir)) {
      std::string_view name = entry->d_name;
      if (!name.ends_with(kSuffix)) continue;
      name.remove_suffix(kSuffix.size());
      if (IsGoodName(name)) names.emplace_back(name);
    }
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status Remove(std::string_view name) override {
    UNDULA_RETURN_IF_ERROR(CheckName(name));
    const std::string path = PathOf(name);
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT) return Missing(name);
      return ErrnoError(errno, Concat("cannot remove ", path));
    }
    return SyncDirectoryOf(path);
  }

 private:
  std::string PathOf(std::string_view name) const { return Concat(directory_, '/', name, kSuffix); }

  absl::Status Missing(std::string_view name) const {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, List());
    std::string stored;
    for (const std::string& other : names) stored += (stored.empty() ? "" : ", ") + other;
    return NotFoundError("no model '", name, "' in ", directory_,
                         stored.empty() ? "; it has none" : "; stored: ", stored);
  }

  std::string directory_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ModelSink>> OpenDirectorySink(const std::string& directory) {
  if (directory.empty()) return InvalidArgumentError("the directory for models has an empty name");
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return ErrnoError(error.value(), Concat("cannot create directory ", directory));
  if (!std::filesystem::is_directory(directory, error)) {
    return FailedPreconditionError(directory, " is not a directory");
  }
  return std::unique_ptr<ModelSink>(new DirectorySink(directory));
}

}  // namespace undula
