// Matrix products on the device. Under CUDA it is cuBLAS, found at run time (dlopen), so that one
// program serves machines with and without it; callers fall back to their own kernel where
// queue.blas is null. In the emulator's tests it is a plain loop.
#ifndef UNDULA_PROPAGATION_CUDA_BLAS_H_
#define UNDULA_PROPAGATION_CUDA_BLAS_H_

#include <cstdint>
#include <string>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// A cuBLAS handle on the queue's stream, or null with the reason in *why. Float32 products are true
// float32, unless queue.tf32 is set: then factors may be rounded to TF32 (10 bits of mantissa).
void* OpenBlas(const Queue& queue, std::string* why);
void CloseBlas(void* blas);

// Row-major float32: c [m, n] = op(a) op(b) + beta c. op(a) is a [m, k], or a [k, m] transposed;
// op(b) is b [k, n], or b [n, k] transposed. Extents below 2^31. queue.blas must not be null.
int Gemm(const Queue& queue, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
         const float* a, const float* b, float beta, float* c);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_BLAS_H_
