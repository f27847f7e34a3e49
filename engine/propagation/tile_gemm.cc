#include "propagation/tile_gemm.h"

#include <algorithm>

namespace undula::propagation {
namespace {

// 64 bytes of lanes: one AVX-512 register, two AVX2 registers or four SSE registers. No alignment
// is promised, and it may alias the arrays that it reads.
template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
};
template <>
struct Lanes<double> {
  typedef double V __attribute__((vector_size(64), aligned(8), may_alias));
};

#define UNDULA_INLINE [[gnu::always_inline]] inline

// kRows rows of c, all columns. value(i, p) is the left operand, row(p) the right operand's row.
template <class T, int kRows, class Value, class Row, class Out>
UNDULA_INLINE void Block(int64_t inner, int64_t m, bool add, const Value& value, const Row& row,
                         const Out& out) {
  using V = typename Lanes<T>::V;
  constexpr int64_t kWidth = 64 / sizeof(T);
  int64_t j = 0;
  for (; j + kWidth <= m; j += kWidth) {
    V sum[kRows] = {};
    for (int64_t p = 0; p < inner; ++p) {
      const V right = *reinterpret_cast<const V*>(row(p) + j);
      for (int r = 0; r < kRows; ++r) sum[r] += value(r, p) * right;
    }
    for (int r = 0; r < kRows; ++r) {
      V* c = reinterpret_cast<V*>(out(r) + j);
      *c = add ? *c + sum[r] : sum[r];
    }
  }
  for (; j < m; ++j) {
    T sum[kRows] = {};
    for (int64_t p = 0; p < inner; ++p) {
      const T right = row(p)[j];
      for (int r = 0; r < kRows; ++r) sum[r] += value(r, p) * right;
    }
    for (int r = 0; r < kRows; ++r) {
      T* c = out(r) + j;
      *c = add ? *c + sum[r] : sum[r];
    }
  }
}

template <class T, int kRows>
UNDULA_INLINE void GemmBody(const T* const* a, int64_t n, int64_t k, const T* b, int64_t ldb,
                            T* const* c, int64_t m, bool add) {
  const auto row = [&](int64_t p) { return b + p * ldb; };
  int64_t i = 0;
  for (; i + kRows <= n; i += kRows) {
    Block<T, kRows>(
        k, m, add, [&](int r, int64_t p) { return a[i + r][p]; }, row,
        [&](int r) { return c[i + r]; });
  }
  for (; i < n; ++i) {
    Block<T, 1>(
        k, m, add, [&](int, int64_t p) { return a[i][p]; }, row, [&](int) { return c[i]; });
  }
}

template <class T, int kRows>
UNDULA_INLINE void OuterBody(const T* const* a, const T* const* b, int64_t n, int64_t k, int64_t m,
                             T* c, int64_t ldc) {
  const auto row = [&](int64_t p) { return b[p]; };
  int64_t i = 0;
  for (; i + kRows <= k; i += kRows) {
    Block<T, kRows>(
        n, m, true, [&](int r, int64_t p) { return a[p][i + r]; }, row,
        [&](int r) { return c + (i + r) * ldc; });
  }
  for (; i < k; ++i) {
    Block<T, 1>(
        n, m, true, [&](int, int64_t p) { return a[p][i]; }, row, [&](int) { return c + i * ldc; });
  }
}

// One instance per instruction set; the body is inlined into each and compiled for it. Contraction
// is off (-ffp-contract=off), so no instance fuses a product into a sum.
template <class T>
struct Kernels {
  void (*gemm)(const T* const*, int64_t, int64_t, const T*, int64_t, T* const*, int64_t, bool);
  void (*outer)(const T* const*, const T* const*, int64_t, int64_t, int64_t, T*, int64_t);
};

#define UNDULA_TILE_KERNELS_(T, Suffix, attribute, kRows)                                       \
  attribute void Gemm##Suffix(const T* const* a, int64_t n, int64_t k, const T* b, int64_t ldb, \
                              T* const* c, int64_t m, bool add) {                               \
    GemmBody<T, kRows>(a, n, k, b, ldb, c, m, add);                                             \
  }                                                                                             \
  attribute void Outer##Suffix(const T* const* a, const T* const* b, int64_t n, int64_t k,      \
                               int64_t m, T* c, int64_t ldc) {                                  \
    OuterBody<T, kRows>(a, b, n, k, m, c, ldc);                                                 \
  }
UNDULA_TILE_KERNELS_(float, F32Base, , 2)
UNDULA_TILE_KERNELS_(double, F64Base, , 2)
#if defined(__x86_64__)
UNDULA_TILE_KERNELS_(float, F32Avx2, [[gnu::target("avx2")]], 4)
UNDULA_TILE_KERNELS_(double, F64Avx2, [[gnu::target("avx2")]], 4)
UNDULA_TILE_KERNELS_(float, F32Avx512, [[gnu::target("avx512f")]], 8)
UNDULA_TILE_KERNELS_(double, F64Avx512, [[gnu::target("avx512f")]], 8)
#endif
#undef UNDULA_TILE_KERNELS_
#undef UNDULA_INLINE

template <class T>
Kernels<T> Choose(simd::Target target) {
  constexpr bool kFloat = sizeof(T) == 4;
#if defined(__x86_64__)
  switch (std::min(target, simd::SupportedTarget())) {
    case simd::Target::kAvx512:
      if constexpr (kFloat)
        return {GemmF32Avx512, OuterF32Avx512};
      else
        return {GemmF64Avx512, OuterF64Avx512};
    case simd::Target::kAvx2:
      if constexpr (kFloat)
        return {GemmF32Avx2, OuterF32Avx2};
      else
        return {GemmF64Avx2, OuterF64Avx2};
    case simd::Target::kScalar:
      break;
  }
#endif
  if constexpr (kFloat)
    return {GemmF32Base, OuterF32Base};
  else
    return {GemmF64Base, OuterF64Base};
}

}  // namespace

template <class T>
void TileGemm(const T* const* a, int64_t n, int64_t k, const T* b, int64_t ldb, T* const* c,
              int64_t m, bool add, simd::Target target) {
  Choose<T>(target).gemm(a, n, k, b, ldb, c, m, add);
}

template <class T>
void TileOuter(const T* const* a, const T* const* b, int64_t n, int64_t k, int64_t m, T* c,
               int64_t ldc, simd::Target target) {
  Choose<T>(target).outer(a, b, n, k, m, c, ldc);
}

template <class T>
void Transpose(const T* from, int64_t rows, int64_t cols, T* to) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
  }
}

template void TileGemm(const float* const*, int64_t, int64_t, const float*, int64_t, float* const*,
                       int64_t, bool, simd::Target);
template void TileGemm(const double* const*, int64_t, int64_t, const double*, int64_t,
                       double* const*, int64_t, bool, simd::Target);
template void TileOuter(const float* const*, const float* const*, int64_t, int64_t, int64_t, float*,
                        int64_t, simd::Target);
template void TileOuter(const double* const*, const double* const*, int64_t, int64_t, int64_t,
                        double*, int64_t, simd::Target);
template void Transpose(const float*, int64_t, int64_t, float*);
template void Transpose(const double*, int64_t, int64_t, double*);

}  // namespace undula::propagation
