// A row-major view of at most three dimensions into an arena or a parameter. It owns nothing and is
// cheap to copy; where the memory is (CPU or GPU) is the Exec's matter.
#ifndef UNDULA_PROPAGATION_TENSOR_H_
#define UNDULA_PROPAGATION_TENSOR_H_

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/tensor_map.h"

namespace undula::propagation {

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int rank = 0;                  // 0: a scalar (one element) or, with data null, nothing
  int64_t shape[3] = {1, 1, 1};  // unused extents are 1

  int64_t rows() const { return shape[0]; }
  int64_t cols() const { return rank >= 2 ? shape[1] * shape[2] : 1; }  // elements of a row
  int64_t size() const { return shape[0] * shape[1] * shape[2]; }
  int64_t bytes() const { return size() * SizeOf(dtype); }
  bool empty() const { return data == nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// "float32", "uint32", ...: for messages.
std::string_view TypeName(DType dtype);

// Views of memory that the caller keeps alive.
template <class T>
Tensor View(T* data, int64_t n) {
  return Tensor{const_cast<void*>(static_cast<const void*>(data)),
                kDTypeOf<std::remove_const_t<T>>,
                1,
                {n, 1, 1}};
}
template <class T>
Tensor View(T* data, int64_t rows, int64_t cols) {
  return Tensor{const_cast<void*>(static_cast<const void*>(data)),
                kDTypeOf<std::remove_const_t<T>>,
                2,
                {rows, cols, 1}};
}
template <class T>
Tensor View(T* data, int64_t a, int64_t b, int64_t c) {
  return Tensor{const_cast<void*>(static_cast<const void*>(data)),
                kDTypeOf<std::remove_const_t<T>>,
                3,
                {a, b, c}};
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_TENSOR_H_
