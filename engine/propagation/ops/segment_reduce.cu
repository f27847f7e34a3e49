// The kernels of segment_reduce: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/segment_reduce_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SegmentSumRow<float>);
UNDULA_ROW_KERNEL(SegmentMaxRow<float>);
UNDULA_ROW_KERNEL(SegmentReduceBackwardRow<float>);
UNDULA_ROW_KERNEL(SegmentOfSlotRow);

}  // namespace undula::propagation
