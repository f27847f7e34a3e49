#define UNDULA_SIMD_TARGET avx512
#include "propagation/ops/group_attention_simd_body.h"

namespace undula::propagation::simd {

extern const AttentionKernels kAttentionKernels_avx512;
const AttentionKernels kAttentionKernels_avx512 = avx512::kKernels;

}  // namespace undula::propagation::simd
