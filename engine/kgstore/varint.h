// Variable-length integers (7 bits a byte, low bits first, high bit = more follow) and fixed-width
// integers in the machine's byte order, in byte strings. Readers are bounds-checked.
#ifndef UNDULA_KGSTORE_VARINT_H_
#define UNDULA_KGSTORE_VARINT_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace undula::kgstore::internal {

inline void PutVarint(std::string* out, uint64_t value) {
  while (value >= 128) {
    out->push_back(static_cast<char>(value | 128));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

// The same into memory with room for it; returns the byte behind.
inline uint8_t* WriteVarint(uint8_t* out, uint64_t value) {
  while (value >= 128) {
    *out++ = static_cast<uint8_t>(value | 128);
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

// Bytes that PutVarint needs.
inline int VarintSize(uint64_t value) {
  int size = 1;
  for (; value >= 128; value >>= 7) ++size;
  return size;
}

// Reads one integer of at most `Int`'s width; null where the bytes end early or the value is wider.
template <class Int>
inline const uint8_t* GetVarint(const uint8_t* p, const uint8_t* end, Int* value) {
  if (p < end && *p < 128) {  // most are small
    *value = *p;
    return p + 1;
  }
  uint64_t result = 0;
  for (int shift = 0; p < end && shift < 64; shift += 7) {
    const uint64_t byte = *p++;
    result |= (byte & 127) << shift;
    if (byte < 128) {
      *value = static_cast<Int>(result);
      if (*value != result || (shift == 63 && byte > 1)) return nullptr;
      return p;
    }
  }
  return nullptr;
}

// Eight bytes, the first one lowest.
inline uint64_t LoadLittle64(const void* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

// The same for 32 bits where 8 bytes from `p` on may be read, whatever stands there: without a
// branch on the length, which in lists of ids cannot be foreseen.
inline const uint8_t* GetVarintOf8(const uint8_t* p, uint32_t* value) {
  uint64_t word = LoadLittle64(p);
  const uint64_t last = ~word & 0x8080808080u;  // of five bytes those without a high bit
  if (last == 0) return nullptr;
  const int bits = std::countr_zero(last) + 1;
  word &= ~uint64_t{0} >> (64 - bits);
  word = (word & 0x7f) | ((word & 0x7f00) >> 1) | ((word & 0x7f0000) >> 2) |
         ((word & 0x7f000000) >> 3) | ((word & 0x7f00000000) >> 4);
  *value = static_cast<uint32_t>(word);
  return (word >> 32) == 0 ? p + bits / 8 : nullptr;
}

template <class T>
inline void PutFixed(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
inline T LoadFixed(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

inline void PutText(std::string* out, std::string_view text) {
  PutVarint(out, text.size());
  out->append(text);
}

// The bytes of an integer as a key or value; refers to `value`.
template <class T>
inline std::string_view AsBytes(const T& value) {
  return std::string_view(reinterpret_cast<const char*>(&value), sizeof(T));
}

// Takes fields off the front of a byte string; sticky: after a short read ok() is false and every
// field reads as 0 or empty.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes)
      : p_(reinterpret_cast<const uint8_t*>(bytes.data())), end_(p_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return !ok_ || p_ == end_; }

  uint64_t Varint() {
    uint64_t value = 0;
    const uint8_t* next = ok_ ? GetVarint(p_, end_, &value) : nullptr;
    if (next == nullptr) {
      ok_ = false;
      return 0;
    }
    p_ = next;
    return value;
  }
  template <class T>
  T Fixed() {
    const std::string_view bytes = Bytes(sizeof(T));
    return ok_ ? LoadFixed<T>(bytes.data()) : T{};
  }
  std::string_view Bytes(uint64_t n) {
    if (!ok_ || n > static_cast<uint64_t>(end_ - p_)) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes(reinterpret_cast<const char*>(p_), n);
    p_ += n;
    return bytes;
  }
  std::string_view Text() { return Bytes(Varint()); }

 private:
  const uint8_t* p_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_VARINT_H_
