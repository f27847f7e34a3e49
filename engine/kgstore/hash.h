// The hash of the dictionaries. Part of the file format (docs/file-format.md): never change it.
#ifndef UNDULA_KGSTORE_HASH_H_
#define UNDULA_KGSTORE_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace undula::kgstore::internal {

// 64 bits; every input bit reaches every output bit. The seed is the file's random id-space tag, so
// that nobody can prepare names that collide.
inline uint64_t HashText(uint64_t seed, std::string_view text) {
  constexpr uint64_t kMultiplier = 0xff51afd7ed558ccdull;
  constexpr uint64_t kFinal = 0xc4ceb9fe1a85ec53ull;
  uint64_t h = seed ^ (text.size() * 0x9e3779b97f4a7c15ull);
  const char* p = text.data();
  size_t n = text.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * kMultiplier;
    h ^= h >> 32;
  }
  if (n > 0) {
    uint64_t word = 0;
    std::memcpy(&word, p, n);
    h = (h ^ word) * kMultiplier;
    h ^= h >> 32;
  }
  h *= kFinal;
  h ^= h >> 29;
  h *= kMultiplier;
  h ^= h >> 32;
  return h;
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_HASH_H_
