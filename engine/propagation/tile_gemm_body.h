// The float32 kernels of tile_gemm.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_TILE_GEMM_BODY_H_
#define UNDULA_PROPAGATION_TILE_GEMM_BODY_H_

#include "propagation/simd/v16.h"
#include "propagation/tile_kernels.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// Sums held in registers: kBlockRows rows by kBlockVectors vectors of columns.
#if defined(__AVX512F__)
inline constexpr int kBlockRows = 8, kBlockVectors = 2, kVectorsOfOneRow = 8;
#elif defined(__AVX2__)
inline constexpr int kBlockRows = 4, kBlockVectors = 1, kVectorsOfOneRow = 4;
#else
inline constexpr int kBlockRows = 2, kBlockVectors = 1, kVectorsOfOneRow = 2;
#endif

// kRows rows of c from `i` on, kVectors x 16 columns. value(i, p) is the left operand, right(p)
// points to the right one's columns, out(i) to those of c.
template <int kRows, int kVectors, class Value, class Right, class Out>
[[gnu::always_inline]] inline void Block(int64_t i, int64_t inner, bool add, const Value& value,
                                         const Right& right, const Out& out) {
  V16 sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Set(0.0f);
  }
  for (int64_t p = 0; p < inner; ++p) {
    const float* columns = right(p);
    V16 x[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) x[v] = Load(columns + 16 * v);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const V16 left = Set(value(i + r, p));
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Fma(left, x[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* c = out(i + r);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      Store(c + 16 * v, add ? Add(Load(c + 16 * v), sum[r][v]) : sum[r][v]);
    }
  }
}

// The same for the first `lanes` < 16 columns.
template <int kRows, class Value, class Right, class Out>
[[gnu::always_inline]] inline void PartBlock(int64_t i, int64_t inner, int lanes, bool add,
                                             const Value& value, const Right& right,
                                             const Out& out) {
  V16 sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = Set(0.0f);
  for (int64_t p = 0; p < inner; ++p) {
    const V16 x = LoadFirst(right(p), lanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum[r] = Fma(Set(value(i + r, p)), x, sum[r]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* c = out(i + r);
    StoreFirst(c, lanes, add ? Add(LoadFirst(c, lanes), sum[r]) : sum[r]);
  }
}

// A strip of columns stays in the cache while all rows pass over it.
template <class Value, class Row, class Out>
[[gnu::always_inline]] inline void Product(int64_t rows, int64_t inner, int64_t cols, bool add,
                                           const Value& value, const Row& row, const Out& out) {
  const auto strip = [&](int64_t j, auto&& block, auto&& single) __attribute__((always_inline)) {
    const auto right = [&](int64_t p) { return row(p) + j; };
    const auto to = [&](int64_t i) { return out(i) + j; };
    int64_t i = 0;
    for (; i + kBlockRows <= rows; i += kBlockRows) block(i, right, to);
    for (; i < rows; ++i) single(i, right, to);
  };
  int64_t j = 0;
  for (constexpr int kWide = 16 * kVectorsOfOneRow; rows == 1 && j + kWide <= cols; j += kWide) {
    Block<1, kVectorsOfOneRow>(
        0, inner, add, value, [&](int64_t p) { return row(p) + j; },
        [&](int64_t i) { return out(i) + j; });
  }
  for (; j + 16 * kBlockVectors <= cols; j += 16 * kBlockVectors) {
    strip(
        j,
        [&](int64_t i, const auto& right, const auto& to) {
          Block<kBlockRows, kBlockVectors>(i, inner, add, value, right, to);
        },
        [&](int64_t i, const auto& right, const auto& to) {
          Block<1, kBlockVectors>(i, inner, add, value, right, to);
        });
  }
  for (; kBlockVectors > 1 && j + 16 <= cols; j += 16) {
    strip(
        j,
        [&](int64_t i, const auto& right, const auto& to) {
          Block<kBlockRows, 1>(i, inner, add, value, right, to);
        },
        [&](int64_t i, const auto& right, const auto& to) {
          Block<1, 1>(i, inner, add, value, right, to);
        });
  }
  if (j == cols) return;
  const int lanes = static_cast<int>(cols - j);
  strip(
      j,
      [&](int64_t i, const auto& right, const auto& to) {
        PartBlock<kBlockRows>(i, inner, lanes, add, value, right, to);
      },
      [&](int64_t i, const auto& right, const auto& to) {
        PartBlock<1>(i, inner, lanes, add, value, right, to);
      });
}

inline void Gemm(const float* const* a, int64_t n, int64_t k, const float* b, int64_t ldb,
                 float* const* c, int64_t m, bool add) {
  Product(
      n, k, m, add, [=](int64_t i, int64_t p) { return a[i][p]; },
      [=](int64_t p) { return b + p * ldb; }, [=](int64_t i) { return c[i]; });
}

inline void Outer(const float* const* a, const float* const* b, int64_t n, int64_t k, int64_t m,
                  float* c, int64_t ldc) {
  Product(
      k, n, m, true, [=](int64_t i, int64_t p) { return a[p][i]; }, [=](int64_t p) { return b[p]; },
      [=](int64_t i) { return c + i * ldc; });
}

inline void Turn(const float* from, int64_t rows, int64_t cols, float* to) {
  int64_t i = 0;
  for (; i + 16 <= rows; i += 16) {
    int64_t j = 0;
    for (; j + 16 <= cols; j += 16) {
      V16 block[16];
      for (int r = 0; r < 16; ++r) block[r] = Load(from + (i + r) * cols + j);
      Transpose(block);
      for (int r = 0; r < 16; ++r) Store(to + (j + r) * rows + i, block[r]);
    }
    for (; j < cols; ++j) {
      for (int r = 0; r < 16; ++r) to[j * rows + i + r] = from[(i + r) * cols + j];
    }
  }
  for (; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
  }
}

inline constexpr TileKernels kTile = {&Gemm, &Outer, &Turn};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_TILE_GEMM_BODY_H_
