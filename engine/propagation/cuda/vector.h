// Small launchers of the tape.
#ifndef UNDULA_PROPAGATION_CUDA_VECTOR_H_
#define UNDULA_PROPAGATION_CUDA_VECTOR_H_

#include <cstdint>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// out[i] += x[i] (+= constant) for i < n.
int AddTo(const Queue& queue, const float* x, float* out, int64_t n);
int AddConstant(const Queue& queue, float constant, float* out, int64_t n);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_VECTOR_H_
