// Rows of a tab-separated file that a user hands to the linker.
#ifndef UNDULA_API_TAB_ROWS_H_
#define UNDULA_API_TAB_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/status.h"

namespace undula::api {

inline constexpr int64_t kMaxTabFile = int64_t{1} << 32;  // bytes

inline std::vector<std::string_view> SplitTabs(std::string_view line) {
  std::vector<std::string_view> cells;
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find('\t', at), line.size());
    cells.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return cells;
}

// Calls f(line number from 1, cells) for every line that is not empty, with or without a carriage
// return at its end; the first error of f ends the loop. The cells are valid during the call.
template <class F>
absl::Status ForEachTabRow(const std::string& file, F&& f) {
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kMaxTabFile));
  std::string_view rest = text;
  for (int64_t line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (!row.empty()) UNDULA_RETURN_IF_ERROR(f(line, SplitTabs(row)));
  }
  return absl::OkStatus();
}

}  // namespace undula::api

#endif  // UNDULA_API_TAB_ROWS_H_
