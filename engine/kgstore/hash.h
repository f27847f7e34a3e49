// The hash of the dictionaries and that of the tables' entries (checksums, sums). Both are part of
// the file format (docs/file-format.md): never change them.
#ifndef UNDULA_KGSTORE_HASH_H_
#define UNDULA_KGSTORE_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace undula::kgstore::internal {

// Of a name; 64 bits that spread names well over buckets and fingerprints. The seed is the file's
// random id-space tag. Not an identity: names that differ in a few letters can have equal hashes (a
// word's last byte reaches only two bytes of the next step), so equal hashes are always followed by
// a comparison of the texts.
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

// Both halves of the 128-bit product, folded into one.
inline uint64_t FoldProduct(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// One step of the hash of entries: 64 bits from a state and some bytes, in four lanes of 16 bytes.
inline uint64_t MixBytes(uint64_t state, std::string_view bytes) {
  constexpr uint64_t kA = 0xa0761d6478bd642full, kB = 0xe7037ed1a0b428dbull;
  constexpr uint64_t kLane[4] = {0x8ebc6af09c88c6e3ull, 0x589965cc75374cc3ull,
                                 0x1d8e4e27c47d124full, 0xeb44accab455d165ull};
  const auto word = [](const char* p) {
    uint64_t value;
    std::memcpy(&value, p, 8);
    return value;
  };
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t h = state ^ kA;
  if (n >= 64) {
    uint64_t lane[4] = {h, h, h, h};
    for (; n >= 64; p += 64, n -= 64) {
      for (int i = 0; i < 4; ++i) {
        lane[i] = FoldProduct(word(p + 16 * i) ^ kLane[i], word(p + 16 * i + 8) ^ lane[i]);
      }
    }
    h = (lane[0] ^ (lane[1] + kA)) + (lane[2] ^ (lane[3] + kB));
  }
  for (; n >= 16; p += 16, n -= 16) h = FoldProduct(word(p) ^ kB, word(p + 8) ^ h);
  uint64_t last[2] = {0, 0};
  if (n > 0) std::memcpy(last, p, n);
  h = FoldProduct(last[0] ^ kB, last[1] ^ h);
  return FoldProduct(h ^ kA, bytes.size() ^ kB);
}

// Of one entry of a table; `kind` is the table's number (kgstore/state.h).
inline uint64_t HashEntry(uint8_t kind, std::string_view key, std::string_view value) {
  return MixBytes(MixBytes(kind, key), value);
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_HASH_H_
