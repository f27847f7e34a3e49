#define UNDULA_SIMD_TARGET scalar
#include "propagation/ops/gate_simd_body.h"

namespace undula::propagation::simd {

extern const GateKernels kGate_scalar;
const GateKernels kGate_scalar = scalar::kGate;

}  // namespace undula::propagation::simd
