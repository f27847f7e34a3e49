// Tuned float32 CPU kernels over rows of logits, for LinearCrossEntropy. The same bits on every
// instruction set; exp's relative error is below 2e-7.
#ifndef UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_H_
#define UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_H_

#include <cstdint>

#include "propagation/simd/target.h"

namespace undula::propagation {

// n: a multiple of 16, at least 16. In sums, logits of minus infinity count as exp(-87 + shift).
struct SoftmaxKernels {
  float (*max)(const float* x, int64_t n);
  // sum of exp(x_i - shift)
  float (*exp_sum)(const float* x, int64_t n, float shift);
  // x_i = factor exp(x_i - shift), 0 where that exponential is below exp(-60)
  void (*exp_scale)(float* x, int64_t n, float shift, float factor);
};

const SoftmaxKernels& GetSoftmaxKernels(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SOFTMAX_SIMD_H_
