#include "propagation/optim/adam_simd.h"

#include <algorithm>

namespace undula::propagation {

namespace simd {
extern const AdamKernel kAdam_scalar;
#if defined(__x86_64__)
extern const AdamKernel kAdam_avx2;
extern const AdamKernel kAdam_avx512;
#endif
}  // namespace simd

AdamKernel GetAdamKernel(simd::Target target) {
#if defined(__x86_64__)
  target = std::min(target, simd::SupportedTarget());
  if (target == simd::Target::kAvx512) return simd::kAdam_avx512;
  if (target == simd::Target::kAvx2) return simd::kAdam_avx2;
#endif
  return simd::kAdam_scalar;
}

}  // namespace undula::propagation
