// The kernel of scan.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_SIMD_SCAN_BODY_H_
#define UNDULA_PROPAGATION_SIMD_SCAN_BODY_H_

#include "propagation/simd/scan.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline int64_t FindAtLeast(const float* x, int64_t begin, int64_t n, float least) {
  const V16 bound = Set(least);
  int64_t i = begin;
  for (; i + 64 <= n; i += 64) {
    const unsigned a = MaskAtLeast(Load(x + i), bound);
    const unsigned b = MaskAtLeast(Load(x + i + 16), bound);
    const unsigned c = MaskAtLeast(Load(x + i + 32), bound);
    const unsigned d = MaskAtLeast(Load(x + i + 48), bound);
    if ((a | b | c | d) == 0) continue;
    const uint64_t low = a | uint64_t{b} << 16, high = c | uint64_t{d} << 16;
    return i + __builtin_ctzll(low | high << 32);
  }
  for (; i + 16 <= n; i += 16) {
    const unsigned mask = MaskAtLeast(Load(x + i), bound);
    if (mask != 0) return i + __builtin_ctz(mask);
  }
  for (; i < n; ++i) {
    if (x[i] >= least) return i;
  }
  return n;
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_SIMD_SCAN_BODY_H_
