// The kernels of softmax_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_BODY_H_

#include "propagation/ops/softmax_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline float RowMax(const float* x, int64_t n) {
  V16 top = Load(x);
  for (int64_t i = 16; i < n; i += 16) top = Max(top, Load(x + i));
  return HMax(top);
}

inline float ExpSum(const float* x, int64_t n, float shift) {
  const V16 s = Set(shift);
  V16 sum = Set(0.0f);
  for (int64_t i = 0; i < n; i += 16) sum = Add(sum, Exp(Sub(Load(x + i), s)));
  return HSum(sum);
}

inline void ExpScale(float* x, int64_t n, float shift, float factor) {
  // Below exp(-60) is 0: slopes that are no normal numbers make the products with them 50 times
  // slower.
  const V16 s = Set(shift), f = Set(factor), least = Set(60.0f);
  for (int64_t i = 0; i < n; i += 16) {
    const V16 z = Sub(Load(x + i), s);
    Store(x + i, WherePositive(Add(z, least), Mul(f, Exp(z))));
  }
}

inline constexpr SoftmaxKernels kSoftmax = {&RowMax, &ExpSum, &ExpScale};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_BODY_H_
