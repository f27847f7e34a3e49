#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/gate_simd_body.h"

namespace undula::propagation::simd {

extern const GateKernels kGate_avx2;
const GateKernels kGate_avx2 = avx2::kGate;

}  // namespace undula::propagation::simd
