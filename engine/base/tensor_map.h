// Named tensors with metadata: how models, checkpoints and pre-computed vectors travel between
// modules and files. Row-major, little-endian.
#ifndef UNDULA_BASE_TENSOR_MAP_H_
#define UNDULA_BASE_TENSOR_MAP_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace undula {

enum class DType : uint8_t { kF32 = 0, kF64 = 1, kU32 = 2, kI64 = 3, kU8 = 4 };

constexpr int64_t SizeOf(DType dtype) {
  return dtype == DType::kU8 ? 1 : dtype == DType::kF64 || dtype == DType::kI64 ? 8 : 4;
}

template <class T>
inline constexpr DType kDTypeOf = DType::kU8;
template <>
inline constexpr DType kDTypeOf<float> = DType::kF32;
template <>
inline constexpr DType kDTypeOf<double> = DType::kF64;
template <>
inline constexpr DType kDTypeOf<uint32_t> = DType::kU32;
template <>
inline constexpr DType kDTypeOf<int64_t> = DType::kI64;

struct NamedTensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;  // product(shape) * SizeOf(dtype)

  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(bytes.data());
  }
  int64_t size() const {
    int64_t n = 1;
    for (const int64_t extent : shape) n *= extent;
    return n;
  }
};

template <class T>
NamedTensor MakeTensor(std::vector<int64_t> shape, const T* values) {
  NamedTensor t{kDTypeOf<T>, std::move(shape), {}};
  const auto* begin = reinterpret_cast<const std::byte*>(values);
  t.bytes.assign(begin, begin + t.size() * SizeOf(t.dtype));
  return t;
}

struct TensorMap {
  std::map<std::string, NamedTensor> tensors;
  std::map<std::string, std::string> metadata;  // options, metrics, id-space tag, versions

  const NamedTensor* Find(const std::string& name) const {
    const auto it = tensors.find(name);
    return it == tensors.end() ? nullptr : &it->second;
  }
};

}  // namespace undula

#endif  // UNDULA_BASE_TENSOR_MAP_H_
