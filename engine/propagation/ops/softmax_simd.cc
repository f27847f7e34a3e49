#include "propagation/ops/softmax_simd.h"

#include <algorithm>

namespace undula::propagation {

namespace simd {
extern const SoftmaxKernels kSoftmax_scalar;
#if defined(__x86_64__)
extern const SoftmaxKernels kSoftmax_avx2;
extern const SoftmaxKernels kSoftmax_avx512;
#endif
}  // namespace simd

const SoftmaxKernels& GetSoftmaxKernels(simd::Target target) {
#if defined(__x86_64__)
  target = std::min(target, simd::SupportedTarget());
  if (target == simd::Target::kAvx512) return simd::kSoftmax_avx512;
  if (target == simd::Target::kAvx2) return simd::kSoftmax_avx2;
#endif
  return simd::kSoftmax_scalar;
}

}  // namespace undula::propagation
