#define UNDULA_SIMD_TARGET avx512
#include "propagation/ops/triple_simd_body.h"

namespace undula::propagation::simd {

extern const TripleKernels kTriple_avx512;
const TripleKernels kTriple_avx512 = {&avx512::Distance, &avx512::AddSlopes,
                                      &avx512::NormalizeInPlace};

}  // namespace undula::propagation::simd
