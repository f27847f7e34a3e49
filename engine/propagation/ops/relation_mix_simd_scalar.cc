#define UNDULA_SIMD_TARGET scalar
#include "propagation/ops/relation_mix_simd_body.h"
#include "propagation/ops/relation_mix_train_simd_body.h"

namespace undula::propagation::simd {

extern const MixKernels kMixKernels_scalar;
const MixKernels kMixKernels_scalar = scalar::kMixKernels;
extern const MixTrainKernels kMixTrainKernels_scalar;
const MixTrainKernels kMixTrainKernels_scalar = scalar::kMixTrainKernels;

}  // namespace undula::propagation::simd
