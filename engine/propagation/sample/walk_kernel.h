// Walk, count and select in one kernel: a block takes an item, its threads take the walks, visits
// are sorted and counted in the block's shared memory, and only the list is written.
#ifndef UNDULA_PROPAGATION_SAMPLE_WALK_KERNEL_H_
#define UNDULA_PROPAGATION_SAMPLE_WALK_KERNEL_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/sample/walk_draws.h"

namespace undula::propagation::cuda {

// All pointers are device memory.
struct WalkJob {
  WalkView graph;
  const uint32_t* seeds = nullptr;  // [n]
  int64_t n = 0;
  int32_t walks = 0, traversals = 0, top = 0;
  uint32_t stop = 0;  // StopBelow
  bool keep_self = false;
  uint64_t seed = 0;
  uint32_t draw = 0;
  // [n, top]; places past counts[i] are not written.
  uint32_t* items = nullptr;
  float* weights = nullptr;
  uint32_t* counts = nullptr;  // [n]
};

// Whether the visits of an item fit into the shared memory of a block.
bool WalksFit(const Queue& queue, int64_t walks, int64_t traversals);
int RunWalks(const Queue& queue, const WalkJob& job);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_SAMPLE_WALK_KERNEL_H_
