#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/softmax_simd_body.h"

namespace undula::propagation::simd {

extern const SoftmaxKernels kSoftmax_avx2;
const SoftmaxKernels kSoftmax_avx2 = avx2::kSoftmax;

}  // namespace undula::propagation::simd
