#include "propagation/ops/gate_simd.h"

#include <algorithm>

namespace undula::propagation {

namespace simd {
extern const GateKernels kGate_scalar;
#if defined(__x86_64__)
extern const GateKernels kGate_avx2;
extern const GateKernels kGate_avx512;
#endif
}  // namespace simd

const GateKernels& GetGateKernels(simd::Target target) {
#if defined(__x86_64__)
  target = std::min(target, simd::SupportedTarget());
  if (target == simd::Target::kAvx512) return simd::kGate_avx512;
  if (target == simd::Target::kAvx2) return simd::kGate_avx2;
#endif
  return simd::kGate_scalar;
}

}  // namespace undula::propagation
