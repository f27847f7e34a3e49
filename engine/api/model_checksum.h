// The checksum that tells one stored model from another of the same name.
#ifndef UNDULA_API_MODEL_CHECKSUM_H_
#define UNDULA_API_MODEL_CHECKSUM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/derived_tensors.h"
#include "base/tensor_map.h"

namespace undula::api {

// 64-bit FNV-1a, as 16 hexadecimal digits.
class Hash {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
  }
  std::string Hex() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[(value_ >> shift) & 15]);
    return out;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

// Of all tensors but those that no score depends on: the split (api/stored_split.h), the state of
// the optimizer (models/train/warm_start.h), what is derived from the others.
inline std::string ModelChecksum(const TensorMap& model) {
  Hash hash;
  for (const auto& [name, tensor] : model.tensors) {
    if (name.starts_with("split/") || name.starts_with("optim/") ||
        name.starts_with(kDerivedPrefix)) {
      continue;
    }
    hash.Add(name);
    hash.Add({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
  return hash.Hex();
}

}  // namespace undula::api

#endif  // UNDULA_API_MODEL_CHECKSUM_H_
