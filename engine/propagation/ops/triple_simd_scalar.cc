#define UNDULA_SIMD_TARGET scalar
#include "propagation/ops/triple_simd_body.h"

namespace undula::propagation::simd {

extern const TripleKernels kTriple_scalar;
const TripleKernels kTriple_scalar = {&scalar::Distance, &scalar::AddSlopes,
                                      &scalar::NormalizeInPlace};

}  // namespace undula::propagation::simd
