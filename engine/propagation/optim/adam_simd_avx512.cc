#define UNDULA_SIMD_TARGET avx512
#include "propagation/optim/adam_simd_body.h"

namespace undula::propagation::simd {

extern const AdamKernel kAdam_avx512;
const AdamKernel kAdam_avx512 = &avx512::Adam;

}  // namespace undula::propagation::simd
