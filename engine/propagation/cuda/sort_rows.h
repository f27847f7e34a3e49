// Sort by row on a device, as a RowOrder: host code for operators and optimizers.
#ifndef UNDULA_PROPAGATION_CUDA_SORT_ROWS_H_
#define UNDULA_PROPAGATION_CUDA_SORT_ROWS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "propagation/arena.h"
#include "propagation/cuda/device.h"
#include "propagation/row_order.h"

namespace undula::propagation::cuda {

// ids: device memory, each < limit or kNoRow. `distinct` of the result is a bound: past the
// distinct rows, rows[s] is kNoRow and the segment is empty. Memory comes from the arena's device
// part.
absl::Status SortRowsOn(Device* device, Arena& arena, const uint32_t* ids, int64_t n, int64_t limit,
                        RowOrder* out);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_SORT_ROWS_H_
