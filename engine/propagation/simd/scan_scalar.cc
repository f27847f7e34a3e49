#define UNDULA_SIMD_TARGET scalar
#include "propagation/simd/scan_body.h"

namespace undula::propagation::simd {

extern const FindAtLeastKernel kFindAtLeast_scalar;
const FindAtLeastKernel kFindAtLeast_scalar = &scalar::FindAtLeast;

}  // namespace undula::propagation::simd
