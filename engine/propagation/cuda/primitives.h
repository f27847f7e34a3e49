// Device-wide sort and scan: CUB under nvcc (primitives.cu is the only file that includes it),
// plain loops on the emulated device. Both need scratch memory on the device, whose size the
// *Scratch function gives.
#ifndef UNDULA_PROPAGATION_CUDA_PRIMITIVES_H_
#define UNDULA_PROPAGATION_CUDA_PRIMITIVES_H_

#include <cstddef>
#include <cstdint>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// Stable sort of n (key, value) pairs by the low `bits` (1 to 32) bits of the keys. Inputs stay as
// they are; inputs and outputs must not overlap. n < 2^31.
int SortPairsScratch(const Queue& queue, int64_t n, int bits, size_t* bytes);
int SortPairs(const Queue& queue, void* scratch, size_t bytes, const uint32_t* keys,
              uint32_t* keys_out, const uint32_t* values, uint32_t* values_out, int64_t n,
              int bits);

// out[i] = in[0] + .. + in[i]; in and out may be the same. n < 2^31.
int InclusiveSumScratch(const Queue& queue, int64_t n, size_t* bytes);
int InclusiveSum(const Queue& queue, void* scratch, size_t bytes, const int64_t* in, int64_t* out,
                 int64_t n);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_PRIMITIVES_H_
