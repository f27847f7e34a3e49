#define UNDULA_SIMD_TARGET scalar
#include "propagation/optim/adam_simd_body.h"

namespace undula::propagation::simd {

extern const AdamKernel kAdam_scalar;
const AdamKernel kAdam_scalar = &scalar::Adam;

}  // namespace undula::propagation::simd
