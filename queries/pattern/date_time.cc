#include "queries/pattern/date_time.h"

#include <cstdio>

#include "base/status.h"

namespace undula::queries::pattern {
namespace {

constexpr int64_t kNanosecond = 1000000000;

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysOf(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01 in the proleptic Gregorian calendar.
int64_t DayNumber(int64_t year, int month, int day) {
  const int64_t y = year - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool Char(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // `digits` digits; with `more`, at least so many.
  bool Number(size_t digits, bool more, int64_t* value) {
    size_t n = 0;
    *value = 0;
    while (n < text_.size() && text_[n] >= '0' && text_[n] <= '9' && (more || n < digits)) {
      if (n >= 12) return false;
      *value = *value * 10 + (text_[n++] - '0');
    }
    text_.remove_prefix(n);
    return n >= digits;
  }
  bool Small(size_t digits, int* value) {
    int64_t wide = 0;
    const bool ok = Number(digits, false, &wide);
    *value = static_cast<int>(wide);
    return ok;
  }
  // A fraction behind '.', in nanoseconds.
  bool Fraction(int64_t* nanoseconds) {
    if (!Char('.')) return true;
    size_t n = 0;
    int64_t unit = kNanosecond / 10;
    while (n < text_.size() && text_[n] >= '0' && text_[n] <= '9') {
      *nanoseconds += (text_[n++] - '0') * unit;
      unit /= 10;
    }
    text_.remove_prefix(n);
    return n > 0;
  }
  bool Zone(std::optional<int>* zone) {
    if (Char('Z')) {
      *zone = 0;
      return true;
    }
    const bool negative = !text_.empty() && text_[0] == '-';
    if (!Char('+') && !Char('-')) return true;
    int hours = 0, minutes = 0;
    if (!Small(2, &hours) || !Char(':') || !Small(2, &minutes)) return false;
    if (minutes > 59 || hours * 60 + minutes > 14 * 60) return false;
    *zone = (negative ? -1 : 1) * (hours * 60 + minutes);
    return true;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

bool ReadDate(Reader* in, DateTime* out) {
  const bool negative = in->Char('-');
  if (!in->Number(4, true, &out->year) || !in->Char('-') || !in->Small(2, &out->month) ||
      !in->Char('-') || !in->Small(2, &out->day)) {
    return false;
  }
  if (negative) out->year = -out->year;
  return out->month >= 1 && out->month <= 12 && out->day >= 1 &&
         out->day <= DaysOf(out->year, out->month);
}

void SetSeconds(DateTime* t) {
  t->seconds = DayNumber(t->year, t->month, t->day) * 86400 + t->hour * 3600 + t->minute * 60 +
               t->nanoseconds / kNanosecond - t->zone.value_or(0) * 60;
}

int Sign(int64_t x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }

}  // namespace

std::optional<DateTime> DateTime::Parse(std::string_view text) {
  DateTime t;
  Reader in(text);
  int second = 0;
  int64_t fraction = 0;
  if (!ReadDate(&in, &t) || !in.Char('T') || !in.Small(2, &t.hour) || !in.Char(':') ||
      !in.Small(2, &t.minute) || !in.Char(':') || !in.Small(2, &second) ||
      !in.Fraction(&fraction) || !in.Zone(&t.zone) || !in.done()) {
    return std::nullopt;
  }
  const bool end_of_day = t.hour == 24 && t.minute == 0 && second == 0 && fraction == 0;
  if ((t.hour > 23 && !end_of_day) || t.minute > 59 || second > 59) return std::nullopt;
  t.nanoseconds = second * kNanosecond + fraction;
  SetSeconds(&t);
  return t;
}

std::optional<DateTime> DateTime::ParseDate(std::string_view text) {
  DateTime t;
  Reader in(text);
  if (!ReadDate(&in, &t) || !in.Zone(&t.zone) || !in.done()) return std::nullopt;
  SetSeconds(&t);
  return t;
}

std::string DateTime::SecondsText() const {
  std::string text = std::to_string(nanoseconds / kNanosecond);
  int64_t fraction = nanoseconds % kNanosecond;
  if (fraction == 0) return text;
  char digits[16];
  std::snprintf(digits, sizeof digits, ".%09d", static_cast<int>(fraction));
  text += digits;
  while (text.back() == '0') text.pop_back();
  return text;
}

std::string DateTime::ZoneText() const {
  if (!zone.has_value()) return "";
  if (*zone == 0) return "Z";
  const int minutes = *zone < 0 ? -*zone : *zone;
  char text[24];
  std::snprintf(text, sizeof text, "%c%02d:%02d", *zone < 0 ? '-' : '+', minutes / 60,
                minutes % 60);
  return text;
}

std::string DateTime::ZoneDuration() const {
  if (!zone.has_value()) return "";
  if (*zone == 0) return "PT0S";
  const int minutes = *zone < 0 ? -*zone : *zone;
  return Concat(*zone < 0 ? "-PT" : "PT", minutes >= 60 ? Concat(minutes / 60, "H") : "",
                minutes % 60 != 0 ? Concat(minutes % 60, "M") : "");
}

std::optional<int> DateTime::Compare(const DateTime& a, const DateTime& b) {
  const int64_t fraction = a.nanoseconds % kNanosecond - b.nanoseconds % kNanosecond;
  const int64_t seconds = a.seconds - b.seconds;
  if (a.zone.has_value() != b.zone.has_value() && seconds >= -14 * 3600 && seconds <= 14 * 3600) {
    return std::nullopt;
  }
  return seconds != 0 ? Sign(seconds) : Sign(fraction);
}

std::string DateTimeText(int64_t seconds) {
  int64_t days = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) --days, rest += 86400;
  int64_t year = 1970 + days / 366;
  if (days < 0) year = 1970 + days / 365 - 1;
  while (DayNumber(year + 1, 1, 1) <= days) ++year;
  int64_t day = days - DayNumber(year, 1, 1);
  int month = 1;
  while (day >= DaysOf(year, month)) day -= DaysOf(year, month++);
  char text[64];
  std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02dZ", static_cast<long long>(year),
                month, static_cast<int>(day) + 1, static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  return text;
}

}  // namespace undula::queries::pattern
