// simt.h under nvcc. Include simt.h.
#ifndef UNDULA_PROPAGATION_CUDA_SIMT_CUDA_H_
#define UNDULA_PROPAGATION_CUDA_SIMT_CUDA_H_

#ifndef __CUDACC__
#error "kernels compile under nvcc, or under the host compiler with UNDULA_SIMT_EMULATOR"
#endif

#include <cuda_runtime.h>

#define UNDULA_DEVICE __device__ __forceinline__
// Before a loop of a constant count whose arrays are to stay in registers.
#define UNDULA_UNROLL _Pragma("unroll")
// UNDULA_KERNEL void Name(...) { ... }
#define UNDULA_KERNEL __global__ __launch_bounds__(::undula::propagation::simt::kMaxBlock)

namespace undula::propagation::simt {

UNDULA_DEVICE int ThreadIndex() { return static_cast<int>(threadIdx.x); }
UNDULA_DEVICE int BlockSize() { return static_cast<int>(blockDim.x); }
UNDULA_DEVICE int64_t BlockIndex() { return blockIdx.x; }
UNDULA_DEVICE int64_t GridSize() { return gridDim.x; }

UNDULA_DEVICE void SyncBlock() { __syncthreads(); }
UNDULA_DEVICE void SyncWarp() { __syncwarp(); }
// The value of lane `lane` (of the lane whose number differs in the bits of `bits`).
template <class T>
UNDULA_DEVICE T Shuffle(T value, int lane) {
  return __shfl_sync(0xffffffffu, value, lane);
}
template <class T>
UNDULA_DEVICE T ShuffleXor(T value, int bits) {
  return __shfl_xor_sync(0xffffffffu, value, bits);
}

// Bit l: lane l's predicate.
UNDULA_DEVICE uint32_t Ballot(bool predicate) { return __ballot_sync(0xffffffffu, predicate); }
UNDULA_DEVICE int PopCount(uint32_t bits) { return __popc(bits); }

// e^x for x <= 88 from the hardware's base-2 exponential; see simt.h.
UNDULA_DEVICE float FastExp(float x) { return __expf(x); }
UNDULA_DEVICE float FastQuotient(float a, float b) { return __fdividef(a, b); }
// Four floats at a 16-byte boundary in one load.
UNDULA_DEVICE Quad LoadQuad(const float* p) {
  const float4 q = *reinterpret_cast<const float4*>(p);
  return {{q.x, q.y, q.z, q.w}};
}

// The block's shared memory, from byte `offset` (a multiple of alignof(T)) on.
template <class T>
UNDULA_DEVICE T* SharedMemory(size_t offset = 0) {
  extern __shared__ __align__(16) unsigned char undula_shared_memory[];
  return reinterpret_cast<T*>(undula_shared_memory + offset);
}

template <class... Params, class... Args>
int Launch(const cuda::Queue& queue, const LaunchShape& shape, void (*kernel)(Params...),
           const Args&... args) {
  if (shape.blocks == 0) return 0;
  if (const cudaError_t error = cudaSetDevice(queue.ordinal); error != cudaSuccess) return error;
  if (shape.shared_bytes > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                                   cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shape.shared_bytes));
    if (error != cudaSuccess) return error;
  }
  kernel<<<static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.threads),
           shape.shared_bytes, static_cast<cudaStream_t>(queue.stream)>>>(args...);
  return cudaGetLastError();
}

}  // namespace undula::propagation::simt

#endif  // UNDULA_PROPAGATION_CUDA_SIMT_CUDA_H_
