// One bucket of a dictionary's ids table: 16-bit fingerprints of hashes and ids.
#ifndef UNDULA_KGSTORE_HASH_BUCKET_H_
#define UNDULA_KGSTORE_HASH_BUCKET_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/varint.h"

namespace undula::kgstore::internal {

struct HashPair {
  uint32_t id;
  uint16_t fingerprint;
};

inline uint16_t FingerprintOf(uint64_t hash) { return static_cast<uint16_t>(hash); }

// `pairs` by ascending id, not empty; replaces *out.
void EncodeHashBucket(std::span<const HashPair> pairs, std::string* out);
// Appends. False where the bytes are damaged.
bool DecodeHashBucket(std::string_view bytes, std::vector<HashPair>* pairs);

// Calls f(id) for every pair with this fingerprint until f returns false. False where the bytes are
// damaged.
template <class F>
bool FindInHashBucket(std::string_view bytes, uint16_t fingerprint, F&& f) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = p + bytes.size();
  uint32_t n = 0;
  if ((p = GetVarint(p, end, &n)) == nullptr || n > static_cast<size_t>(end - p) / 2) return false;
  const uint8_t* const fingerprints = p;
  const uint8_t* ids = p + 2 * size_t{n};
  uint32_t id = 0;
  uint32_t read = 0;  // ids read so far
  for (uint32_t i = 0; i < n; ++i) {
    if (LoadFixed<uint16_t>(fingerprints + 2 * size_t{i}) != fingerprint) continue;
    for (; read <= i; ++read) {
      uint32_t delta;
      if ((ids = GetVarint(ids, end, &delta)) == nullptr) return false;
      id += delta;
    }
    if (!f(id)) return true;
  }
  return true;
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_HASH_BUCKET_H_
