#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/relation_mix_simd_body.h"

namespace undula::propagation::simd {

extern const MixKernels kMixKernels_avx2;
const MixKernels kMixKernels_avx2 = avx2::kMixKernels;

}  // namespace undula::propagation::simd
