#include "kgstore/cell_values.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/status.h"
#include "kgstore/literal_time.h"

namespace undula::kgstore {
namespace {

constexpr size_t kShownBytes = 40;

std::string_view Trim(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
  return cell;
}

// The whole cell as a finite number.
template <class Number>
bool ParseNumber(std::string_view cell, Number* out) {
  cell = Trim(cell);
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
  const char* end = cell.data() + cell.size();
  const auto result = std::from_chars(cell.data(), end, *out);
  if (result.ec != std::errc() || result.ptr != end) return false;
  if constexpr (std::is_floating_point_v<Number>) return std::isfinite(*out);
  return true;
}

// At most seven digits with or without a point, the common form of weights: exact, as the digits
// and the power of ten are floats and the division rounds once. False where the cell is anything
// else.
bool ParseShortDecimal(std::string_view cell, float* out) {
  constexpr float kPowers[] = {1, 10, 100, 1000, 1e4f, 1e5f, 1e6f, 1e7f};
  if (cell.empty() || cell.size() > 8) return false;
  uint32_t digits = 0;
  size_t point = cell.size();
  for (size_t i = 0; i < cell.size(); ++i) {
    const char c = cell[i];
    if (c == '.' && point == cell.size() && i > 0) {
      point = i;
    } else if (c >= '0' && c <= '9') {
      digits = digits * 10 + static_cast<uint32_t>(c - '0');
    } else {
      return false;
    }
  }
  const size_t decimals = point == cell.size() ? 0 : cell.size() - point - 1;
  if (digits >= 1u << 24 || (decimals == 0 && point != cell.size())) return false;
  *out = static_cast<float>(digits) / kPowers[decimals];
  return true;
}

// "11/15/2019 8:55:22 AM" (the time may be missing) as seconds since 1970 UTC.
bool ParseMonthDayYear(std::string_view cell, int64_t* time) {
  constexpr char kSeparators[] = "// ::";
  int parts[6] = {1, 1, 1970, 0, 0, 0};
  const char* at = cell.data();
  const char* const end = cell.data() + cell.size();
  int count = 0;
  while (count < 6) {
    const auto result = std::from_chars(at, end, parts[count]);
    if (result.ec != std::errc() || parts[count] < 0) return false;
    at = result.ptr;
    ++count;
    if (at == end || count == 6 || *at != kSeparators[count - 1]) break;
    ++at;
  }
  const std::string_view rest(at, static_cast<size_t>(end - at));
  const bool half_day = rest == " AM" || rest == " PM";
  if ((count != 3 && count != 6) || !(rest.empty() || (half_day && count == 6))) return false;
  const auto [month, day, year, hour, minute, second] = parts;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 9999 || minute > 59 || second > 59) return false;
  if (half_day ? hour < 1 || hour > 12 : hour > 23) return false;
  const int hours = half_day ? hour % 12 + (rest == " PM" ? 12 : 0) : hour;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  *time = days * 86400 + hours * 3600 + minute * 60 + second;
  return true;
}

const char* UnitName(TimeUnit unit) {
  return unit == TimeUnit::kSeconds ? "seconds" : "milliseconds";
}

}  // namespace

std::string QuoteCell(std::string_view cell) {
  const auto continues = [&](size_t i) { return (cell[i] & 0xC0) == 0x80; };
  size_t shown = std::min(cell.size(), kShownBytes);
  while (shown > 0 && shown < cell.size() && continues(shown)) --shown;  // not within a character
  std::string text = "'";
  for (const char c : cell.substr(0, shown)) text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text + (shown < cell.size() ? "...'" : "'");
}

bool ParseWeight(std::string_view cell, float* weight, std::string* error) {
  if (ParseShortDecimal(cell, weight) || ParseNumber(cell, weight)) return true;
  *error = Concat("weight ", QuoteCell(cell), ": expected a finite number");
  return false;
}

bool ParseConfidence(std::string_view cell, float* confidence, std::string* error) {
  if (ParseNumber(cell, confidence) && *confidence > 0 && *confidence <= 1) return true;
  *error = Concat("confidence ", QuoteCell(cell), ": expected a number above 0 and up to 1");
  return false;
}

bool ParseTime(std::string_view cell, TimeUnit unit, int64_t* time, std::string* error) {
  if (unit == TimeUnit::kMonthDayYear) {
    if (ParseMonthDayYear(Trim(cell), time)) return true;
    *error = Concat("time ", QuoteCell(cell), ": expected a date from 1970 on, e.g. ",
                    "11/15/2019 8:55:22 AM");
    return false;
  }
  if (unit == TimeUnit::kIso8601) {
    const auto parsed = ParseIso8601(Trim(cell));
    if (parsed.has_value() && *parsed >= 0) {
      *time = *parsed;
      return true;
    }
    *error = Concat(
        "time ", QuoteCell(cell), ": expected ",
        parsed.has_value() ? "a date from 1970 on" : "an ISO 8601 date, e.g. 2024-05-31T18:00:00Z");
    return false;
  }
  const int64_t per_second = unit == TimeUnit::kSeconds ? 1 : 1000;
  int64_t ticks = 0;
  if (!ParseNumber(cell, &ticks)) {
    double value = 0;
    if (!ParseNumber(cell, &value) || std::fabs(value) > 9e18) {
      *error = Concat("time ", QuoteCell(cell), ": expected ", UnitName(unit), " since 1970");
      return false;
    }
    ticks = static_cast<int64_t>(std::floor(value));
  }
  if (ticks < 0) {
    *error =
        Concat("negative time ", QuoteCell(cell), ": expected ", UnitName(unit), " since 1970");
    return false;
  }
  *time = ticks / per_second;
  if (*time <= kMaxTime) return true;
  *error =
      Concat("time ", QuoteCell(cell), " is past the year 9999",
             unit == TimeUnit::kSeconds ? "; are these milliseconds (time_unit = \"ms\")?" : "");
  return false;
}

}  // namespace undula::kgstore
