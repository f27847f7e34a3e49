// The kernels of segment_attention: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/segment_attention_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SegmentAttentionRow<float>);
UNDULA_ROW_KERNEL(SegmentAttentionBackwardQueryRow<float>);
UNDULA_ROW_KERNEL(SegmentAttentionBackwardSourceRow<float>);

}  // namespace undula::propagation
