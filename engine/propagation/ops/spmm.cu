// The kernel of spmm: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/spmm_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SpmmRow<float>);
UNDULA_ROW_KERNEL(SpmmBackwardRow<float>);
UNDULA_ROW_KERNEL(SpmmWeightRow<float>);

}  // namespace undula::propagation
