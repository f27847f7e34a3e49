// Activations of tuned kernels, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_ACTIVATION_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_ACTIVATION_SIMD_BODY_H_

#include "propagation/ops/activation.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// tanh, ReLU or nothing of n (a multiple of 16) values, in place. Two vectors of tanh at a time:
// what AVX2 has registers for.
inline void Activate(Activation activation, float* z, int64_t n) {
  if (activation == Activation::kRelu) {
    for (int64_t c = 0; c < n; c += 16) Store(z + c, Max(Load(z + c), Set(0.0f)));
  }
  if (activation != Activation::kTanh) return;
  int64_t c = 0;
  for (; c + 32 <= n; c += 32) {
    V16 pair[2] = {Load(z + c), Load(z + c + 16)};
    TanhEach(pair);
    Store(z + c, pair[0]);
    Store(z + c + 16, pair[1]);
  }
  if (c < n) Store(z + c, Tanh(Load(z + c)));
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_ACTIVATION_SIMD_BODY_H_
