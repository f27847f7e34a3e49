// The kernels of group_attention: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/group_attention_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(GroupIndexRow);
UNDULA_ROW_KERNEL(GroupAttentionRow<float>);
UNDULA_ROW_KERNEL(GroupAttentionBackwardQueryRow<float>);
UNDULA_ROW_KERNEL(GroupAttentionBackwardSlotRow<float>);

}  // namespace undula::propagation
