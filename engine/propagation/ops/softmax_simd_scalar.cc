#define UNDULA_SIMD_TARGET scalar
#include "propagation/ops/softmax_simd_body.h"

namespace undula::propagation::simd {

extern const SoftmaxKernels kSoftmax_scalar;
const SoftmaxKernels kSoftmax_scalar = scalar::kSoftmax;

}  // namespace undula::propagation::simd
