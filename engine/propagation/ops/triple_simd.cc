#include "propagation/ops/triple_simd.h"

#include <algorithm>

namespace undula::propagation {

namespace simd {
extern const TripleKernels kTriple_scalar;
#if defined(__x86_64__)
extern const TripleKernels kTriple_avx2;
extern const TripleKernels kTriple_avx512;
#endif
}  // namespace simd

const TripleKernels& GetTripleKernels(simd::Target target) {
#if defined(__x86_64__)
  target = std::min(target, simd::SupportedTarget());
  if (target == simd::Target::kAvx512) return simd::kTriple_avx512;
  if (target == simd::Target::kAvx2) return simd::kTriple_avx2;
#endif
  return simd::kTriple_scalar;
}

}  // namespace undula::propagation
