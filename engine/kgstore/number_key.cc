#include "kgstore/number_key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "kgstore/literal_key.h"
#include "kgstore/literal_time.h"

namespace undula::kgstore::internal {
namespace {

constexpr std::array<std::string_view, 16> kNumberTypes = {"integer",
                                                           "decimal",
                                                           "double",
                                                           "float",
                                                           "int",
                                                           "long",
                                                           "short",
                                                           "byte",
                                                           "unsignedInt",
                                                           "unsignedLong",
                                                           "unsignedByte",
                                                           "unsignedShort",
                                                           "nonNegativeInteger",
                                                           "positiveInteger",
                                                           "negativeInteger",
                                                           "nonPositiveInteger"};

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<double> ParseNumber(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '+' || negative)) text.remove_prefix(1);
  double value = 0;
  if (text == "INF") {
    value = HUGE_VAL;
  } else {
    if (text.empty() || (text.front() != '.' && (text.front() < '0' || text.front() > '9'))) {
      return std::nullopt;  // from_chars takes words as well
    }
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (rest != end || error == std::errc::invalid_argument) return std::nullopt;
    // Too great or too small for a double: from_chars leaves the value as it was.
    if (error == std::errc::result_out_of_range) return std::nullopt;
  }
  return negative ? -value : value;
}

uint64_t OrderOf(double value) {
  value += 0.0;  // -0 and 0 are equal
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const bool negative = bits >> 63 != 0;
  return (negative ? ~bits : bits | (uint64_t{1} << 63)) >> 1;
}

// The text as ISO 8601 with a time of day; empty where it cannot be one.
std::string WithTime(std::string_view type, std::string_view text) {
  const auto with = [&](size_t head, std::string_view middle) {
    return text.size() < head
               ? std::string()
               : std::string(text.substr(0, head)).append(middle).append(text.substr(head));
  };
  if (type == "dateTime" || type == "dateTimeStamp") return std::string(text);
  if (type == "date") return with(10, "T00:00:00");
  if (type == "gYear") return with(4, "-01-01T00:00:00");
  if (type == "gYearMonth") return with(7, "-01T00:00:00");
  return "";
}

}  // namespace

std::optional<uint64_t> NumberKey(std::string_view literal_key) {
  const std::string_view type = XsdType(literal_key);
  if (type.empty()) return std::nullopt;
  const std::string_view text = Trimmed(LexicalForm(literal_key));
  if (std::find(kNumberTypes.begin(), kNumberTypes.end(), type) != kNumberTypes.end()) {
    const std::optional<double> number = ParseNumber(text);
    return number.has_value() ? std::optional(OrderOf(*number)) : std::nullopt;
  }
  const std::string time = WithTime(type, text);
  const std::optional<int64_t> seconds = time.empty() ? std::nullopt : ParseIso8601(time);
  if (!seconds.has_value()) return std::nullopt;
  return kFirstTime | static_cast<uint64_t>(*seconds + (int64_t{1} << 62));
}

std::string EncodeNumberEntry(const NumberEntry& entry) {
  std::string key(16, '\0');
  for (size_t i = 0; i < 4; ++i) {
    key[i] = static_cast<char>(entry.relation >> (24 - 8 * i));
    key[12 + i] = static_cast<char>(entry.literal >> (24 - 8 * i));
  }
  for (size_t i = 0; i < 8; ++i) key[4 + i] = static_cast<char>(entry.number >> (56 - 8 * i));
  return key;
}

std::optional<NumberEntry> DecodeNumberEntry(std::string_view key) {
  if (key.size() != 16) return std::nullopt;
  const auto load = [&](size_t at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(key[at + i]);
    return value;
  };
  return NumberEntry{static_cast<uint32_t>(load(0, 4)), load(4, 8),
                     static_cast<uint32_t>(load(12, 4))};
}

}  // namespace undula::kgstore::internal
