// The kernels of soft_read: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/soft_read_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SoftReadRow<float>);
UNDULA_ROW_KERNEL(SoftReadBackwardRow<float>);

}  // namespace undula::propagation
