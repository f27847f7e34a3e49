// The kernels of attention_read: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/attention_read_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(AttentionReadRow<float>);
UNDULA_ROW_KERNEL(AttentionReadBackwardRow<float>);
UNDULA_ROW_KERNEL(AttentionReadBackwardKeyRow<float>);

}  // namespace undula::propagation
