// The kernels of linear_cross_entropy: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/linear_cross_entropy_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(LinearCrossEntropyRow<float>);
UNDULA_ROW_KERNEL(LinearCrossEntropyBackwardRow<float>);
UNDULA_ROW_KERNEL(LinearCrossEntropyBackwardItemRow<float>);

}  // namespace undula::propagation
