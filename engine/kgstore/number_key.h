// The order of literals that are numbers or points in time: keys of the table `numbers`.
//
// Numbers: xsd:integer and the types derived from it, decimal, float, double. They are compared as
// doubles whose last bit is cut off: exact for integers up to 2^52. NaN has no place in the order.
// Times: xsd:date, dateTime, dateTimeStamp, gYear, gYearMonth of the years 0000 to 9999, by the
// second they begin in (UTC where no zone is given). All numbers come before all times.
#ifndef UNDULA_KGSTORE_NUMBER_KEY_H_
#define UNDULA_KGSTORE_NUMBER_KEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kgstore/varint.h"

namespace undula::kgstore::internal {

// Of a literal as the dictionary stores it (kgstore/literal_key.h); nothing where it is neither a
// number nor a time. Never 0.
std::optional<uint64_t> NumberKey(std::string_view literal_key);

inline constexpr uint64_t kFirstTime = uint64_t{1} << 63;  // numbers are below
inline bool IsTime(uint64_t number_key) { return number_key >= kFirstTime; }

// (relation, number key, literal): 16 bytes, big-endian.
struct NumberEntry {
  uint32_t relation;
  uint64_t number;
  uint32_t literal;
  friend auto operator<=>(const NumberEntry&, const NumberEntry&) = default;
};
std::string EncodeNumberEntry(const NumberEntry& entry);
// Nothing where the bytes are no such key.
std::optional<NumberEntry> DecodeNumberEntry(std::string_view key);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_NUMBER_KEY_H_
