#include "propagation/cuda/primitives.h"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

namespace undula::propagation::cuda {
namespace {

cudaStream_t StreamOf(const Queue& queue) { return static_cast<cudaStream_t>(queue.stream); }

}  // namespace

int SortPairsScratch(const Queue& queue, int64_t n, int bits, size_t* bytes) {
  const uint32_t* in = nullptr;
  uint32_t* out = nullptr;
  return cub::DeviceRadixSort::SortPairs(nullptr, *bytes, in, out, in, out, static_cast<int>(n), 0,
                                         bits, StreamOf(queue));
}

int SortPairs(const Queue& queue, void* scratch, size_t bytes, const uint32_t* keys,
              uint32_t* keys_out, const uint32_t* values, uint32_t* values_out, int64_t n,
              int bits) {
  return cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, keys_out, values, values_out,
                                         static_cast<int>(n), 0, bits, StreamOf(queue));
}

int InclusiveSumScratch(const Queue& queue, int64_t n, size_t* bytes) {
  const int64_t* in = nullptr;
  int64_t* out = nullptr;
  return cub::DeviceScan::InclusiveSum(nullptr, *bytes, in, out, static_cast<int>(n),
                                       StreamOf(queue));
}

int InclusiveSum(const Queue& queue, void* scratch, size_t bytes, const int64_t* in, int64_t* out,
                 int64_t n) {
  return cub::DeviceScan::InclusiveSum(scratch, bytes, in, out, static_cast<int>(n),
                                       StreamOf(queue));
}

}  // namespace undula::propagation::cuda
