#include "propagation/ops/relation_mix_simd.h"

#include <algorithm>

namespace undula::propagation {

namespace simd {
extern const MixKernels kMixKernels_scalar;
#if defined(__x86_64__)
extern const MixKernels kMixKernels_avx2;
extern const MixKernels kMixKernels_avx512;
#endif
}  // namespace simd

const MixKernels& GetMixKernels(simd::Target target) {
#if defined(__x86_64__)
  switch (std::min(target, simd::BestTarget())) {
    case simd::Target::kAvx512:
      return simd::kMixKernels_avx512;
    case simd::Target::kAvx2:
      return simd::kMixKernels_avx2;
    case simd::Target::kScalar:
      break;
  }
#endif
  return simd::kMixKernels_scalar;
}

}  // namespace undula::propagation
