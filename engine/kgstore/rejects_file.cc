#include "kgstore/rejects_file.h"

#include <cerrno>
#include <utility>

#include "base/status.h"

namespace undula::kgstore {

absl::StatusOr<std::unique_ptr<RejectsFile>> RejectsFile::Create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return ErrnoError(errno, Concat("cannot write ", path));
  return std::unique_ptr<RejectsFile>(new RejectsFile(path, file));
}

RejectsFile::~RejectsFile() {
  if (file_ != nullptr) std::fclose(file_);
}

absl::Status RejectsFile::WriteError() const {
  return ErrnoError(errno, Concat("writing ", path_));
}

absl::Status RejectsFile::Add(std::string_view file, int64_t line, int64_t column,
                              std::string_view message) {
  if (++lines_ > kMaxLines) return absl::OkStatus();
  std::string text = Concat(file, '\t', line, '\t', column, '\t', message);
  const size_t reason = text.size() - message.size();
  for (size_t i = reason; i < text.size(); ++i) {
    if (text[i] == '\t' || text[i] == '\n' || text[i] == '\r') text[i] = ' ';
  }
  text += '\n';
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) return WriteError();
  return absl::OkStatus();
}

absl::Status RejectsFile::Finish() {
  if (file_ == nullptr) return absl::OkStatus();
  const bool ok = std::fclose(std::exchange(file_, nullptr)) == 0;
  return ok ? absl::OkStatus() : WriteError();
}

}  // namespace undula::kgstore
