#define UNDULA_SIMD_TARGET avx512
#include "propagation/ops/relation_mix_simd_body.h"
#include "propagation/ops/relation_mix_train_simd_body.h"

namespace undula::propagation::simd {

extern const MixKernels kMixKernels_avx512;
const MixKernels kMixKernels_avx512 = avx512::kMixKernels;
extern const MixTrainKernels kMixTrainKernels_avx512;
const MixTrainKernels kMixTrainKernels_avx512 = avx512::kMixTrainKernels;

}  // namespace undula::propagation::simd
