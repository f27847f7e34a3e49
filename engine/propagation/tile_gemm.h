// Small matrix products of a tile of rows given by pointers: what MatMul and RelationGemv run on
// the CPU. Every output element is a sum from 0 in ascending order of the inner index, each product
// added with one rounding (float: fused multiply-adds) or two (double, the reference path), so the
// bits do not depend on the instruction set that is chosen at run time (x86-64 baseline, AVX2 or
// AVX-512), on the tile or on threads. A target that the processor lacks is replaced by the best
// that it has. T: float or double.
#ifndef UNDULA_PROPAGATION_TILE_GEMM_H_
#define UNDULA_PROPAGATION_TILE_GEMM_H_

#include <cstdint>

#include "propagation/simd/target.h"

namespace undula::propagation {

inline constexpr int64_t kTileRows = 64;

// c[i][j] = sum over p < k of a[i][p] b[p ldb + j], i < n <= kTileRows, j < m. With `add` the sum
// is added to c[i][j]. Rows of c do not overlap a and b.
template <class T>
void TileGemm(const T* const* a, int64_t n, int64_t k, const T* b, int64_t ldb, T* const* c,
              int64_t m, bool add, simd::Target target = simd::BestTarget());

// c[i ldc + j] += sum over p < n of a[p][i] b[p][j], i < k, j < m, n <= kTileRows.
template <class T>
void TileOuter(const T* const* a, const T* const* b, int64_t n, int64_t k, int64_t m, T* c,
               int64_t ldc, simd::Target target = simd::BestTarget());

// to[j rows + i] = from[i cols + j].
template <class T>
void Transpose(const T* from, int64_t rows, int64_t cols, T* to);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_TILE_GEMM_H_
