// The comparison of the top-k loop: 16 scores at a time against the score of the worst kept item.
#ifndef UNDULA_PROPAGATION_SIMD_SCAN_H_
#define UNDULA_PROPAGATION_SIMD_SCAN_H_

#include <cstdint>

#include "propagation/simd/target.h"

namespace undula::propagation::simd {

// The first i in [begin, n) with x[i] >= least, or n. NaN is never at least anything.
using FindAtLeastKernel = int64_t (*)(const float* x, int64_t begin, int64_t n, float least);
FindAtLeastKernel GetFindAtLeast(Target target = BestTarget());

}  // namespace undula::propagation::simd

#endif  // UNDULA_PROPAGATION_SIMD_SCAN_H_
