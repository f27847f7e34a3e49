#define UNDULA_SIMD_TARGET scalar
#include "propagation/ops/group_attention_simd_body.h"

namespace undula::propagation::simd {

extern const AttentionKernels kAttentionKernels_scalar;
const AttentionKernels kAttentionKernels_scalar = scalar::kKernels;

}  // namespace undula::propagation::simd
