#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/group_attention_simd_body.h"

namespace undula::propagation::simd {

extern const AttentionKernels kAttentionKernels_avx2;
const AttentionKernels kAttentionKernels_avx2 = avx2::kKernels;

}  // namespace undula::propagation::simd
