// NumPy's .npy files, format versions 1.0 to 3.0
// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#ifndef UNDULA_KGSTORE_NPY_H_
#define UNDULA_KGSTORE_NPY_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::kgstore {

inline constexpr size_t kMaxNpyHeader = size_t{1} << 16;

struct NpyHeader {
  int element_bytes = 0;  // 2, 4 or 8: IEEE floats, little-endian
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// The length of the whole header (magic, version, length, text) from the first 12 bytes of a file.
// InvalidArgument for what is no .npy file or a version above 3.
absl::StatusOr<size_t> NpyHeaderBytes(std::string_view front);

// The header; `bytes` is exactly as long as NpyHeaderBytes says. InvalidArgument for an element
// type other than float16, float32 and float64 in little-endian order (with the NumPy call that
// converts it) and for a damaged header; at most 8 dimensions.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes);

// The header of a version 1.0 file in C order; the data follow it, aligned to 64 bytes. `descr`: an
// element type as NumPy writes it, such as "<f4".
std::string MakeNpyHeader(std::string_view descr, std::span<const int64_t> shape);

// IEEE 754 binary16 -> float, exact.
float HalfToFloat(uint16_t half);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_NPY_H_
