#define UNDULA_SIMD_TARGET avx2
#include "propagation/ops/triple_simd_body.h"

namespace undula::propagation::simd {

extern const TripleKernels kTriple_avx2;
const TripleKernels kTriple_avx2 = {&avx2::Distance, &avx2::AddSlopes, &avx2::NormalizeInPlace};

}  // namespace undula::propagation::simd
