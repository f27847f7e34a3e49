#include "propagation/simd/scan.h"

#include <algorithm>

namespace undula::propagation::simd {

extern const FindAtLeastKernel kFindAtLeast_scalar;
#if defined(__x86_64__)
extern const FindAtLeastKernel kFindAtLeast_avx2;
extern const FindAtLeastKernel kFindAtLeast_avx512;
#endif

FindAtLeastKernel GetFindAtLeast(Target target) {
#if defined(__x86_64__)
  target = std::min(target, SupportedTarget());
  if (target == Target::kAvx512) return kFindAtLeast_avx512;
  if (target == Target::kAvx2) return kFindAtLeast_avx2;
#endif
  return kFindAtLeast_scalar;
}

}  // namespace undula::propagation::simd
