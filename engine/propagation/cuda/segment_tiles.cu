#include "propagation/cuda/segment_tiles.h"

#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {
namespace {

// Every thread has a run of segments: its tiles are counted, the counts summed over the block.
UNDULA_KERNEL void CountTilesKernel(const int64_t* ptr, int64_t segments, int64_t size,
                                    int64_t* first) {
  int64_t* const sums = simt::SharedMemory<int64_t>();
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  const int64_t share = (segments + threads - 1) / threads;
  const int64_t begin = thread * share < segments ? thread * share : segments;
  const int64_t end = begin + share < segments ? begin + share : segments;
  const auto tiles_of = [&](int64_t s) { return (ptr[s + 1] - ptr[s] + size - 1) / size; };
  int64_t own = 0;
  for (int64_t s = begin; s < end; ++s) own += tiles_of(s);
  sums[thread] = own;
  simt::SyncBlock();
  for (int step = 1; step < threads; step *= 2) {
    const int64_t before = thread >= step ? sums[thread - step] : 0;
    simt::SyncBlock();
    sums[thread] += before;
    simt::SyncBlock();
  }
  int64_t at = sums[thread] - own;
  for (int64_t s = begin; s < end; ++s) {
    first[s] = at;
    at += tiles_of(s);
  }
  if (thread == threads - 1) first[segments] = sums[thread];
}

}  // namespace

int CountTiles(const Queue& queue, const int64_t* ptr, int64_t segments, int64_t size,
               int64_t* first) {
  const size_t shared = static_cast<size_t>(queue.block_threads) * sizeof(int64_t);
  return simt::Launch(queue, simt::LaunchShape{1, queue.block_threads, shared}, CountTilesKernel,
                      ptr, segments, size, first);
}

}  // namespace undula::propagation::cuda
