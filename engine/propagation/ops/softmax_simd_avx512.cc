#define UNDULA_SIMD_TARGET avx512
#include "propagation/ops/softmax_simd_body.h"

namespace undula::propagation::simd {

extern const SoftmaxKernels kSoftmax_avx512;
const SoftmaxKernels kSoftmax_avx512 = avx512::kSoftmax;

}  // namespace undula::propagation::simd
