#include "propagation/ops/relation_mix_simd.h"

#include <algorithm>

#include "propagation/ops/relation_mix_train_simd.h"

namespace undula::propagation {

namespace simd {
extern const MixKernels kMixKernels_scalar;
extern const MixTrainKernels kMixTrainKernels_scalar;
#if defined(__x86_64__)
extern const MixKernels kMixKernels_avx2;
extern const MixTrainKernels kMixTrainKernels_avx2;
extern const MixKernels kMixKernels_avx512;
extern const MixTrainKernels kMixTrainKernels_avx512;
#endif
}  // namespace simd

int64_t MixTrainScratch(int64_t max_slots, int64_t d, int64_t m) {
  const int64_t pad = (max_slots + 15) / 16 * 16;
  return 2 * pad + (m + 15) / 16 * 16 + max_slots * d;
}

const MixTrainKernels& GetMixTrainKernels(simd::Target target) {
#if defined(__x86_64__)
  switch (std::min(target, simd::SupportedTarget())) {
    case simd::Target::kAvx512:
      return simd::kMixTrainKernels_avx512;
    case simd::Target::kAvx2:
      return simd::kMixTrainKernels_avx2;
    case simd::Target::kScalar:
      break;
  }
#endif
  return simd::kMixTrainKernels_scalar;
}

const MixKernels& GetMixKernels(simd::Target target) {
#if defined(__x86_64__)
  switch (std::min(target, simd::SupportedTarget())) {
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
