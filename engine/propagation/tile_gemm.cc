#include "propagation/tile_gemm.h"

#include <algorithm>

#include "propagation/tile_kernels.h"

namespace undula::propagation {

namespace simd {
extern const TileKernels kTile_scalar;
#if defined(__x86_64__)
extern const TileKernels kTile_avx2;
extern const TileKernels kTile_avx512;
#endif
}  // namespace simd

namespace {

// 64 bytes of lanes: one AVX-512 register, two AVX2 registers or four SSE registers. No alignment
// is promised, and it may alias the arrays that it reads.
typedef double Lanes __attribute__((vector_size(64), aligned(8), may_alias));
constexpr int64_t kWidth = 8;

#define UNDULA_INLINE [[gnu::always_inline]] inline

// kRows rows of c, all columns, in float64. value(i, p) is the left operand, row(p) the right
// operand's row.
template <int kRows, class Value, class Row, class Out>
UNDULA_INLINE void Block(int64_t inner, int64_t m, bool add, const Value& value, const Row& row,
                         const Out& out) {
  int64_t j = 0;
  for (; j + kWidth <= m; j += kWidth) {
    Lanes sum[kRows] = {};
    for (int64_t p = 0; p < inner; ++p) {
      const Lanes right = *reinterpret_cast<const Lanes*>(row(p) + j);
      for (int r = 0; r < kRows; ++r) sum[r] += value(r, p) * right;
    }
    for (int r = 0; r < kRows; ++r) {
      Lanes* c = reinterpret_cast<Lanes*>(out(r) + j);
      *c = add ? *c + sum[r] : sum[r];
    }
  }
  for (; j < m; ++j) {
    double sum[kRows] = {};
    for (int64_t p = 0; p < inner; ++p) {
      const double right = row(p)[j];
      for (int r = 0; r < kRows; ++r) sum[r] += value(r, p) * right;
    }
    for (int r = 0; r < kRows; ++r) {
      double* c = out(r) + j;
      *c = add ? *c + sum[r] : sum[r];
    }
  }
}

template <int kRows>
UNDULA_INLINE void GemmBody(const double* const* a, int64_t n, int64_t k, const double* b,
                            int64_t ldb, double* const* c, int64_t m, bool add) {
  const auto row = [&](int64_t p) { return b + p * ldb; };
  int64_t i = 0;
  for (; i + kRows <= n; i += kRows) {
    Block<kRows>(
        k, m, add, [&](int r, int64_t p) { return a[i + r][p]; }, row,
        [&](int r) { return c[i + r]; });
  }
  for (; i < n; ++i) {
    Block<1>(
        k, m, add, [&](int, int64_t p) { return a[i][p]; }, row, [&](int) { return c[i]; });
  }
}

template <int kRows>
UNDULA_INLINE void OuterBody(const double* const* a, const double* const* b, int64_t n, int64_t k,
                             int64_t m, double* c, int64_t ldc) {
  const auto row = [&](int64_t p) { return b[p]; };
  int64_t i = 0;
  for (; i + kRows <= k; i += kRows) {
    Block<kRows>(
        n, m, true, [&](int r, int64_t p) { return a[p][i + r]; }, row,
        [&](int r) { return c + (i + r) * ldc; });
  }
  for (; i < k; ++i) {
    Block<1>(
        n, m, true, [&](int, int64_t p) { return a[p][i]; }, row, [&](int) { return c + i * ldc; });
  }
}

// One instance per instruction set; the body is inlined into each and compiled for it. Contraction
// is off (-ffp-contract=off), so no instance fuses a product into a sum.
struct DoubleKernels {
  void (*gemm)(const double* const*, int64_t, int64_t, const double*, int64_t, double* const*,
               int64_t, bool);
  void (*outer)(const double* const*, const double* const*, int64_t, int64_t, int64_t, double*,
                int64_t);
};

#define UNDULA_TILE_KERNELS_(Suffix, attribute, kRows)                                       \
  attribute void Gemm##Suffix(const double* const* a, int64_t n, int64_t k, const double* b, \
                              int64_t ldb, double* const* c, int64_t m, bool add) {          \
    GemmBody<kRows>(a, n, k, b, ldb, c, m, add);                                             \
  }                                                                                          \
  attribute void Outer##Suffix(const double* const* a, const double* const* b, int64_t n,    \
                               int64_t k, int64_t m, double* c, int64_t ldc) {               \
    OuterBody<kRows>(a, b, n, k, m, c, ldc);                                                 \
  }
UNDULA_TILE_KERNELS_(Base, , 2)
#if defined(__x86_64__)
UNDULA_TILE_KERNELS_(Avx2, [[gnu::target("avx2")]], 4)
UNDULA_TILE_KERNELS_(Avx512, [[gnu::target("avx512f")]], 8)
#endif
#undef UNDULA_TILE_KERNELS_
#undef UNDULA_INLINE

DoubleKernels Choose(double /*type*/, simd::Target target) {
#if defined(__x86_64__)
  if (target == simd::Target::kAvx512) return {GemmAvx512, OuterAvx512};
  if (target == simd::Target::kAvx2) return {GemmAvx2, OuterAvx2};
#endif
  return {GemmBase, OuterBase};
}

const simd::TileKernels& Choose(float /*type*/, simd::Target target) {
#if defined(__x86_64__)
  if (target == simd::Target::kAvx512) return simd::kTile_avx512;
  if (target == simd::Target::kAvx2) return simd::kTile_avx2;
#endif
  return simd::kTile_scalar;
}

}  // namespace

template <class T>
void TileGemm(const T* const* a, int64_t n, int64_t k, const T* b, int64_t ldb, T* const* c,
              int64_t m, bool add, simd::Target target) {
  Choose(T(), std::min(target, simd::SupportedTarget())).gemm(a, n, k, b, ldb, c, m, add);
}

template <class T>
void TileOuter(const T* const* a, const T* const* b, int64_t n, int64_t k, int64_t m, T* c,
               int64_t ldc, simd::Target target) {
  Choose(T(), std::min(target, simd::SupportedTarget())).outer(a, b, n, k, m, c, ldc);
}

template <class T>
void Transpose(const T* from, int64_t rows, int64_t cols, T* to) {
  if constexpr (sizeof(T) == sizeof(float)) {
    Choose(T(), simd::BestTarget()).transpose(from, rows, cols, to);
  } else {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
    }
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
