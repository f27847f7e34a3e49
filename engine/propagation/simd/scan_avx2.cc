#define UNDULA_SIMD_TARGET avx2
#include "propagation/simd/scan_body.h"

namespace undula::propagation::simd {

extern const FindAtLeastKernel kFindAtLeast_avx2;
const FindAtLeastKernel kFindAtLeast_avx2 = &avx2::FindAtLeast;

}  // namespace undula::propagation::simd
