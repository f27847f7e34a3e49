// The value of the links table: an item's links, best confidence first (ties by entity), 9 bytes
// each: entity (32 bits), confidence (float), method (8 bits).
#ifndef UNDULA_KGSTORE_LINK_VALUE_H_
#define UNDULA_KGSTORE_LINK_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/read_view.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

inline constexpr size_t kLinkBytes = 9;

inline std::string EncodeLinks(const std::vector<Link>& links) {
  std::string out;
  for (const Link& link : links) {
    PutFixed(&out, Index(link.entity));
    PutFixed(&out, link.confidence);
    PutFixed(&out, static_cast<uint8_t>(link.method));
  }
  return out;
}

// f(link) in order; false where the bytes are damaged.
template <class F>
inline bool DecodeLinks(std::string_view bytes, F&& f) {
  if (bytes.size() % kLinkBytes != 0) return false;
  for (size_t at = 0; at < bytes.size(); at += kLinkBytes) {
    const char* p = bytes.data() + at;
    f(Link{static_cast<EntityId>(LoadFixed<uint32_t>(p)), LoadFixed<float>(p + 4),
           static_cast<LinkMethod>(LoadFixed<uint8_t>(p + 8))});
  }
  return true;
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LINK_VALUE_H_
