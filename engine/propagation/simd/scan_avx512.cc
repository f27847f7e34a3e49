#define UNDULA_SIMD_TARGET avx512
#include "propagation/simd/scan_body.h"

namespace undula::propagation::simd {

extern const FindAtLeastKernel kFindAtLeast_avx512;
const FindAtLeastKernel kFindAtLeast_avx512 = &avx512::FindAtLeast;

}  // namespace undula::propagation::simd
