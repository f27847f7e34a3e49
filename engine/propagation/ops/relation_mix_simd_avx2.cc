#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/relation_mix_simd_body.h"
#include "propagation/ops/relation_mix_train_simd_body.h"

namespace undula::propagation::simd {

extern const MixKernels kMixKernels_avx2;
const MixKernels kMixKernels_avx2 = avx2::kMixKernels;
extern const MixTrainKernels kMixTrainKernels_avx2;
const MixTrainKernels kMixTrainKernels_avx2 = avx2::kMixTrainKernels;

}  // namespace undula::propagation::simd
