#include "kgstore/name_map.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/row_splitter.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;

absl::StatusOr<std::string> NextLine(TextWindow* window, bool* end) {
  size_t size;
  while ((size = window->unread().find('\n')) == std::string_view::npos && !window->at_end()) {
    UNDULA_RETURN_IF_ERROR(window->Fill());
    if (window->unread().size() > kMaxBytes) return ResourceExhaustedError("line above 1 GiB");
  }
  *end = window->unread().empty();
  std::string line(window->unread().substr(0, size));
  window->ConsumeLine(std::min(line.size() + 1, window->unread().size()));
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

// The file itself, or the same compressed.
absl::StatusOr<std::unique_ptr<InputStream>> OpenNames(const std::string& path) {
  auto plain = InputStream::Open(path);
  if (plain.status().code() != absl::StatusCode::kNotFound) return plain;
  for (const char* suffix : {".gz", ".bz2", ".xz", ".zst"}) {
    auto packed = InputStream::Open(path + suffix);
    if (packed.status().code() != absl::StatusCode::kNotFound) return packed;
  }
  return plain;
}

}  // namespace

absl::StatusOr<NameMap> ReadNameMap(const std::string& path, int64_t key, int64_t value) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<InputStream> stream, OpenNames(path));
  TextWindow window(stream.get(), nullptr);
  UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
  NameMap names;
  size_t bytes = 0;
  std::unique_ptr<RowSplitter> splitter;
  std::vector<Field> fields;
  while (true) {
    const int64_t number = window.position().line;
    bool end = false;
    UNDULA_ASSIGN_OR_RETURN(const std::string line, NextLine(&window, &end));
    if (end) return names;
    if (splitter == nullptr) {
      splitter = line.find('\t') != line.npos ? std::make_unique<RowSplitter>("\t", '\0')
                                              : std::make_unique<RowSplitter>(" ", '"');
    }
    std::string_view error;
    size_t offset = 0;
    if (FindBadByte(line, &error) != line.npos ||
        !splitter->Split(line, &fields, &error, &offset)) {
      return InvalidArgumentError(path, ':', number, ": ", error);
    }
    if (static_cast<int64_t>(fields.size()) <= std::max(key, value)) continue;
    const std::string_view from = fields[static_cast<size_t>(key)].text;
    const std::string_view to = fields[static_cast<size_t>(value)].text;
    if (from.empty()) continue;
    bytes += from.size() + to.size();
    if (bytes > kMaxBytes) return ResourceExhaustedError(path, ": more than 1 GiB of names");
    const auto [entry, is_new] = names.emplace(from, to);
    if (!is_new && entry->second != to) {
      return InvalidArgumentError(path, ':', number, ": '", from, "' stands for '", entry->second,
                                  "' and for '", to, "'");
    }
  }
}

}  // namespace undula::kgstore
