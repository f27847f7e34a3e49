// What the kernels that score a catalogue and keep the best k share: whom to rank for, what may be
// ranked, and where the lists go. All pointers are device memory.
#ifndef UNDULA_PROPAGATION_CUDA_RANKING_H_
#define UNDULA_PROPAGATION_CUDA_RANKING_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation::cuda {

inline constexpr uint32_t kNoItem = UINT32_MAX;
inline constexpr int64_t kMostRanked = 1024;  // the largest k

struct Candidate {
  float score;
  uint32_t item;
};

struct RankJob {
  int64_t users = 0;
  const uint32_t* user = nullptr;  // [users], as the model numbers them; or
  const float* vectors = nullptr;  // [users][dim], for rankers of vectors
  uint32_t items = 0;              // of the catalogue
  // Items not to be ranked for user i: excluded[excluded_ptr[i] .. excluded_ptr[i+1]), ascending.
  const int64_t* excluded_ptr = nullptr;
  const uint32_t* excluded = nullptr;
  const uint32_t* allowed = nullptr;  // bit i: item i may be ranked; null: all
  int32_t k = 0;                      // 1 .. kMostRanked
  Candidate* best = nullptr;          // [users][k], best first; unused places have item kNoItem
};

UNDULA_HD bool MayRank(const RankJob& job, int64_t i, uint32_t item) {
  if (job.allowed != nullptr && (job.allowed[item / 32] >> (item % 32) & 1u) == 0) return false;
  int64_t low = job.excluded_ptr[i], high = job.excluded_ptr[i + 1];
  const int64_t end = high;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (job.excluded[middle] < item) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == end || job.excluded[low] != item;
}

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_RANKING_H_
