// The hash of normalized words and keys that the indexes of labels and names are built on. In
// memory only.
#ifndef UNDULA_LINKING_WORD_HASH_H_
#define UNDULA_LINKING_WORD_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace undula::linking {

inline uint64_t HashWord(std::string_view normalized) {
  uint64_t h = normalized.size() * 0x9E3779B97F4A7C15u;
  const char* p = normalized.data();
  size_t n = normalized.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t part;
    std::memcpy(&part, p, 8);
    h = (h ^ part) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  uint64_t part = 0;
  if (n > 0) std::memcpy(&part, p, n);  // an empty word may have no address
  h = (h ^ part) * 0xFF51AFD7ED558CCDu;
  return h ^ (h >> 29);
}

}  // namespace undula::linking

#endif  // UNDULA_LINKING_WORD_HASH_H_
