// The arithmetic of Ward's clustering (models/pinnersage/ward.h), written once for the CPU and for
// the kernel (ward_chain.cu), so that both make the same merges, bit for bit: products are chains
// of fused multiply-adds in ascending order of the dimension from 0 on (as TileGemm's), squares
// sums of rounded products in that order, everything else is rounded operation by operation.
#ifndef UNDULA_PROPAGATION_OPS_WARD_ROW_H_
#define UNDULA_PROPAGATION_OPS_WARD_ROW_H_

#include <cfloat>
#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// A cluster on its way: merged into another one, free, or a link of the chain.
inline constexpr uint8_t kWardMerged = 0, kWardFree = 1, kWardInChain = 2;

// Distances are at most this, so that a cluster that is there is nearer than one that is not
// (infinity), whatever the points are.
template <class T>
inline constexpr T kWardFarthest = sizeof(T) == sizeof(float) ? T{FLT_MAX} : T(DBL_MAX);

// Of two points that occur a and b times: 2 a b / (a + b) |p - q|^2; a and b 1: |p - q|^2.
template <class T>
UNDULA_HD T WardDistance(T square_p, T square_q, T product, T a, T b) {
  T v = square_p + square_q - 2 * product;
  v = v > 0 ? v : 0;  // NaN, too
  v *= 2 * a * b / (a + b);
  return v < kWardFarthest<T> ? v : kWardFarthest<T>;
}

// Lance and Williams: of a cluster of size c to the union of two with sizes a and b, `apart` from
// one another, to which it had the distances to_a and to_b.
template <class T>
UNDULA_HD T WardUpdate(T a, T b, T c, T to_a, T to_b, T apart) {
  const T v = ((a + c) * to_a + (b + c) * to_b - c * apart) / (a + b + c);
  return v < kWardFarthest<T> ? v : kWardFarthest<T>;
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_WARD_ROW_H_
