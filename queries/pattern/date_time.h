// xsd:dateTime and xsd:date: fields, comparison, differences of zones.
#ifndef UNDULA_QUERIES_PATTERN_DATE_TIME_H_
#define UNDULA_QUERIES_PATTERN_DATE_TIME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace undula::queries::pattern {

struct DateTime {
  int64_t year = 0;
  int month = 1, day = 1, hour = 0, minute = 0;
  int64_t nanoseconds = 0;  // of the minute
  std::optional<int> zone;  // minutes east of UTC
  int64_t seconds = 0;      // since 1970-01-01, in the zone's own time where there is none

  // Nothing where the text is no value of the datatype.
  static std::optional<DateTime> Parse(std::string_view text);
  static std::optional<DateTime> ParseDate(std::string_view text);

  std::string SecondsText() const;   // "5.25"
  std::string ZoneText() const;      // "Z", "+02:00", "" for none
  std::string ZoneDuration() const;  // "PT2H", "-PT5H30M", "PT0S"

  // -1, 0, 1; nothing where one has a zone and the other has none and they are within 14 hours.
  static std::optional<int> Compare(const DateTime& a, const DateTime& b);
};

// "2026-11-30T12:00:00Z" of seconds since 1970-01-01 UTC.
std::string DateTimeText(int64_t seconds);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_DATE_TIME_H_
