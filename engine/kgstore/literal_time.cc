#include "kgstore/literal_time.h"

#include <chrono>

namespace undula::kgstore {
namespace {

// Takes exactly `digits` digits from the front.
bool TakeNumber(std::string_view* text, size_t digits, int* out) {
  if (text->size() < digits) return false;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  *out = value;
  return true;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// Seconds to add for the zone; text must be used up.
bool TakeZone(std::string_view text, int64_t* shift) {
  *shift = 0;
  if (text.empty() || text == "Z") return true;
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return false;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!TakeNumber(&text, 2, &hours) || !TakeChar(&text, ':') || !TakeNumber(&text, 2, &minutes) ||
      !text.empty() || hours > 14 || minutes > 59) {
    return false;
  }
  *shift = (west ? 1 : -1) * (hours * 3600 + minutes * 60);
  return true;
}

}  // namespace

std::optional<int64_t> ParseIso8601(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeNumber(&text, 4, &year) || !TakeChar(&text, '-') || !TakeNumber(&text, 2, &month) ||
      !TakeChar(&text, '-') || !TakeNumber(&text, 2, &day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  int64_t zone = 0;
  if (!text.empty()) {
    if (!TakeChar(&text, 'T') && !TakeChar(&text, ' ')) return std::nullopt;
    if (!TakeNumber(&text, 2, &hour) || !TakeChar(&text, ':') || !TakeNumber(&text, 2, &minute)) {
      return std::nullopt;
    }
    if (TakeChar(&text, ':')) {
      if (!TakeNumber(&text, 2, &second)) return std::nullopt;
      if (TakeChar(&text, '.')) {
        int digit = 0;
        if (!TakeNumber(&text, 1, &digit)) return std::nullopt;
        while (TakeNumber(&text, 1, &digit)) {
        }
      }
    }
    if (hour > 23 || minute > 59 || second > 59 || !TakeZone(text, &zone)) return std::nullopt;
  }
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + hour * 3600 + minute * 60 + second + zone;
}

}  // namespace undula::kgstore
