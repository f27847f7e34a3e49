// The kernels of gather: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/gather_row.h"
#include "propagation/row_order.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(GatherRow<float>);
UNDULA_ROW_KERNEL(ScatterAddRow<float>);

}  // namespace undula::propagation
