#include "cli/byte_size.h"

#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include "absl/status/status.h"

namespace undula::cli {

absl::StatusOr<int64_t> ParseByteSize(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string_view unit(stop, static_cast<size_t>(end - stop));
  while (!unit.empty() && unit[0] == ' ') unit.remove_prefix(1);
  int shift = -1;
  if (unit.empty() || unit == "B") shift = 0;
  if (unit == "KiB") shift = 10;
  if (unit == "MiB") shift = 20;
  if (unit == "GiB") shift = 30;
  if (unit == "TiB") shift = 40;
  if (error != std::errc() || number < 0 || shift < 0 ||
      number > std::numeric_limits<int64_t>::max() >> shift) {
    return absl::InvalidArgumentError("'" + std::string(text) +
                                      "' is not a size such as 512MiB, 2GiB or a number of bytes");
  }
  return number << shift;
}

}  // namespace undula::cli
