#include "kgstore/hash_bucket.h"

namespace undula::kgstore::internal {

void EncodeHashBucket(std::span<const HashPair> pairs, std::string* out) {
  out->clear();
  PutVarint(out, pairs.size());
  for (const HashPair& pair : pairs) PutFixed(out, pair.fingerprint);
  uint32_t last = 0;
  for (const HashPair& pair : pairs) {
    PutVarint(out, pair.id - last);
    last = pair.id;
  }
}

bool DecodeHashBucket(std::string_view bytes, std::vector<HashPair>* pairs) {
  FieldReader in(bytes);
  const uint64_t n = in.Varint();
  const std::string_view fingerprints = in.Bytes(n > bytes.size() ? bytes.size() + 1 : 2 * n);
  uint64_t id = 0;
  for (uint64_t i = 0; i < n && in.ok(); ++i) {
    id += in.Varint();
    if (!in.ok() || id > ~uint32_t{0}) return false;
    pairs->push_back({static_cast<uint32_t>(id), LoadFixed<uint16_t>(fingerprints.data() + 2 * i)});
  }
  return in.ok() && in.done();
}

}  // namespace undula::kgstore::internal
