// Sort and scan of the emulated device (tests only): one emulated thread does the work, so that
// device memory is open to it. Scratch memory is asked for and written, as CUB does.
#include <algorithm>

#include "propagation/cuda/primitives.h"
#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {
namespace {

UNDULA_KERNEL void Sort(uint32_t* scratch, const uint32_t* keys, uint32_t* keys_out,
                        const uint32_t* values, uint32_t* values_out, int64_t n, int bits) {
  if (simt::GlobalThread() != 0) return;
  const uint32_t mask = bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
  for (int64_t i = 0; i < n; ++i) scratch[i] = static_cast<uint32_t>(i);
  std::sort(scratch, scratch + n, [&](uint32_t a, uint32_t b) {
    return (keys[a] & mask) != (keys[b] & mask) ? (keys[a] & mask) < (keys[b] & mask) : a < b;
  });
  for (int64_t i = 0; i < n; ++i) {
    keys_out[i] = keys[scratch[i]];
    values_out[i] = values[scratch[i]];
  }
}

UNDULA_KERNEL void Scan(const int64_t* in, int64_t* out, int64_t n) {
  if (simt::GlobalThread() != 0) return;
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += in[i];
    out[i] = sum;
  }
}

}  // namespace

int SortPairsScratch(const Queue&, int64_t n, int, size_t* bytes) {
  *bytes = static_cast<size_t>(n) * sizeof(uint32_t) + 1;
  return 0;
}

int SortPairs(const Queue& queue, void* scratch, size_t, const uint32_t* keys, uint32_t* keys_out,
              const uint32_t* values, uint32_t* values_out, int64_t n, int bits) {
  return simt::Launch(queue, simt::LaunchShape{1, 32, 0}, Sort, static_cast<uint32_t*>(scratch),
                      keys, keys_out, values, values_out, n, bits);
}

int InclusiveSumScratch(const Queue&, int64_t, size_t* bytes) {
  *bytes = 1;
  return 0;
}

int InclusiveSum(const Queue& queue, void*, size_t, const int64_t* in, int64_t* out, int64_t n) {
  return simt::Launch(queue, simt::LaunchShape{1, 32, 0}, Scan, in, out, n);
}

}  // namespace undula::propagation::cuda
