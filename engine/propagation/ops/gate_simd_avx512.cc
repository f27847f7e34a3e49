#define UNDULA_SIMD_TARGET avx512
#include "propagation/ops/gate_simd_body.h"

namespace undula::propagation::simd {

extern const GateKernels kGate_avx512;
const GateKernels kGate_avx512 = avx512::kGate;

}  // namespace undula::propagation::simd
