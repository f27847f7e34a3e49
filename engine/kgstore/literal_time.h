// Dates and times as text -> seconds since 1970-01-01T00:00:00 UTC.
#ifndef UNDULA_KGSTORE_LITERAL_TIME_H_
#define UNDULA_KGSTORE_LITERAL_TIME_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace undula::kgstore {

// The last second of the year 9999.
inline constexpr int64_t kMaxTime = 253402300799;

// "YYYY-MM-DD" or "YYYY-MM-DD[T ]hh:mm[:ss[.fraction]]", then nothing (UTC), "Z" or "+hh:mm" /
// "-hh:mm". Fractions are cut off. Years 0000 to 9999 of the Gregorian calendar. nullopt for
// anything else.
std::optional<int64_t> ParseIso8601(std::string_view text);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_LITERAL_TIME_H_
