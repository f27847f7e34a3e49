// Numbers and times in the cells of a table. On failure the functions return false and describe in
// *error what was there and what was expected.
#ifndef UNDULA_KGSTORE_CELL_VALUES_H_
#define UNDULA_KGSTORE_CELL_VALUES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "kgstore/schema.h"

namespace undula::kgstore {

// A finite number.
bool ParseWeight(std::string_view cell, float* weight, std::string* error);

// A number in (0, 1].
bool ParseConfidence(std::string_view cell, float* confidence, std::string* error);

// Seconds since 1970-01-01 UTC, from 0 to the end of the year 9999; fractions are cut off.
bool ParseTime(std::string_view cell, TimeUnit unit, int64_t* time, std::string* error);

// 'cell' for a message, shortened and printable.
std::string QuoteCell(std::string_view cell);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_CELL_VALUES_H_
