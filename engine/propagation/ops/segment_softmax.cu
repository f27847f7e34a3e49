// The kernels of segment_softmax: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SegmentSoftmaxRow<float>);
UNDULA_ROW_KERNEL(SegmentSoftmaxBackwardRow<float>);

}  // namespace undula::propagation
