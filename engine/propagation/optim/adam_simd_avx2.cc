#define UNDULA_SIMD_TARGET avx2
#include "propagation/optim/adam_simd_body.h"

namespace undula::propagation::simd {

extern const AdamKernel kAdam_avx2;
const AdamKernel kAdam_avx2 = &avx2::Adam;

}  // namespace undula::propagation::simd
