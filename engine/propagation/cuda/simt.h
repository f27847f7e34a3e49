// What kernels are written against: indices of threads, shared memory, barriers, shuffles between
// the lanes of a warp, launch. Under nvcc it is CUDA. With UNDULA_SIMT_EMULATOR (tests, host
// compiler) it is the emulator of simt_emulator.h, which runs the same source. Device-wide sort and
// scan are in primitives.h, BLAS in blas.h.
//
// Rules that both sides rely on:
//  - grids and blocks have one dimension; a block is a whole number of warps, at most kMaxBlock
//    threads;
//  - every lane of a warp takes part in every warp operation, every thread of a block in every
//  block
//    barrier, from the same place in the source, before any thread of it ends;
//  - shared memory is dynamic and uninitialised;
//  - FastExp (relative error below 2e-7 (1 + |x|)) and FastQuotient (2e-7) are for scores, which
//    agree between devices to 1e-5 anyway; training uses math_row.h;
//  - no atomics on floating-point numbers: whoever owns an output pulls what it needs.
#ifndef UNDULA_PROPAGATION_CUDA_SIMT_H_
#define UNDULA_PROPAGATION_CUDA_SIMT_H_

#include <cstddef>
#include <cstdint>

#include "propagation/cuda/queue.h"

namespace undula::propagation::simt {

inline constexpr int kWarpSize = 32;
inline constexpr int kMaxBlock = 256;

struct LaunchShape {
  int64_t blocks = 0;       // 0: nothing is launched
  int threads = kMaxBlock;  // of a block
  size_t shared_bytes = 0;  // of a block
};

struct alignas(16) Quad {
  float v[4];
};

}  // namespace undula::propagation::simt

#ifdef UNDULA_SIMT_EMULATOR
#include "propagation/cuda/simt_emulator.h"
#else
#include "propagation/cuda/simt_cuda.h"
#endif

namespace undula::propagation::simt {

UNDULA_DEVICE int Lane() { return ThreadIndex() % kWarpSize; }
UNDULA_DEVICE int WarpOfBlock() { return ThreadIndex() / kWarpSize; }
UNDULA_DEVICE int WarpsOfBlock() { return BlockSize() / kWarpSize; }
// Numbers of this thread and of its warp in the grid, and their counts.
UNDULA_DEVICE int64_t GlobalThread() { return BlockIndex() * BlockSize() + ThreadIndex(); }
UNDULA_DEVICE int64_t GlobalThreads() { return GridSize() * BlockSize(); }
UNDULA_DEVICE int64_t GlobalWarp() { return BlockIndex() * WarpsOfBlock() + WarpOfBlock(); }
UNDULA_DEVICE int64_t GlobalWarps() { return GridSize() * WarpsOfBlock(); }

// All lanes get the sum (maximum) of the warp's values; a butterfly, so the order is fixed and
// every lane has the same bits.
template <class T>
UNDULA_DEVICE T WarpSum(T value) {
  for (int step = kWarpSize / 2; step > 0; step /= 2) value += ShuffleXor(value, step);
  return value;
}
template <class T>
UNDULA_DEVICE T WarpMax(T value) {
  for (int step = kWarpSize / 2; step > 0; step /= 2) {
    const T other = ShuffleXor(value, step);
    value = other > value ? other : value;
  }
  return value;
}

// Blocks so that `items` get one thread (warp) each, bounded so that large inputs loop inside.
inline LaunchShape ThreadPerItem(const cuda::Queue& queue, int64_t items) {
  const int64_t blocks = (items + queue.block_threads - 1) / queue.block_threads;
  return {blocks < queue.max_blocks ? blocks : queue.max_blocks, queue.block_threads, 0};
}
inline LaunchShape WarpPerItem(const cuda::Queue& queue, int64_t items) {
  const int64_t warps = queue.block_threads / kWarpSize;
  const int64_t blocks = (items + warps - 1) / warps;
  return {blocks < queue.max_blocks ? blocks : queue.max_blocks, queue.block_threads, 0};
}

}  // namespace undula::propagation::simt

#endif  // UNDULA_PROPAGATION_CUDA_SIMT_H_
