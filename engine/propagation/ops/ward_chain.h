// Ward's clustering of many small sets of points on a GPU, a block a set. A set of n points of d
// numbers costs n^2 d / 2 multiply-adds for the distances, made in tiles of 64 by 64 points from
// the block's shared memory, and then at most 3 n scans of a row of distances and n - 1 merges.
// Bytes moved: points 4 n d (n / 64) / 2, distances 4 n^2 written, some 12 n^2 scanned and, for the
// merges, 8 n^2 read, 4 n^2 written and a column of n 32-byte sectors each. The block keeps the
// chain, the clusters' sizes and states in its shared memory, 13 bytes a point.
#ifndef UNDULA_PROPAGATION_OPS_WARD_CHAIN_H_
#define UNDULA_PROPAGATION_OPS_WARD_CHAIN_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/ops/ward.h"

namespace undula::propagation::cuda {

// All pointers are device memory.
struct WardJob {
  const float* rows = nullptr;  // [rows][dim]
  int64_t dim = 0;
  int64_t sets = 0;
  const int64_t* ptr = nullptr;     // [sets + 1]; set s: points [ptr[s], ptr[s + 1])
  const uint32_t* row = nullptr;    // of each point
  const uint32_t* count = nullptr;  // how often each point occurs
  int64_t most = 0;                 // points of the largest set
  int64_t blocks = 0;
  float* distances = nullptr;  // [blocks][most * most], scratch
  WardLink* links = nullptr;   // as many places as points; those of set s from ptr[s] on
};

// Whether a set of `most` points fits into the shared memory of a block.
bool WardFits(const Queue& queue, int64_t most);
int RunWard(const Queue& queue, const WardJob& job);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_WARD_CHAIN_H_
