// Sort by row on the device: the GPU's form of propagation/row_order.h. The number of distinct rows
// stays on the device, so the result is padded instead of cut.
#ifndef UNDULA_PROPAGATION_CUDA_ROW_SEGMENTS_H_
#define UNDULA_PROPAGATION_CUDA_ROW_SEGMENTS_H_

#include <cstddef>
#include <cstdint>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// Row number of the padding of a list of distinct rows.
inline constexpr uint32_t kNoRow = UINT32_MAX;

// Distinct row s (ascending) receives the positions order[ptr[s] .. ptr[s+1]), ascending; past the
// distinct rows, rows[s] is kNoRow and the segment is empty.
struct RowSegments {
  uint32_t* rows = nullptr;   // [n]
  int64_t* ptr = nullptr;     // [n + 1]
  uint32_t* order = nullptr;  // [n]
};

// n < 2^31 ids, each < limit or kNoRow (such positions are left out: they belong to no segment).
// `scratch` is device memory of RowSegmentsScratch bytes; it is free again when later work of the
// queue runs.
int RowSegmentsScratch(const Queue& queue, int64_t n, int64_t limit, size_t* bytes);
int SortRows(const Queue& queue, const uint32_t* ids, int64_t n, int64_t limit, void* scratch,
             size_t bytes, const RowSegments& out);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_ROW_SEGMENTS_H_
