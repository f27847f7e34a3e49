// The kernels of bias: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/bias_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(AddBiasRow<float>);
UNDULA_ROW_KERNEL(ColumnSumTile<float>);
UNDULA_ROW_KERNEL(AddToRow<float>);

}  // namespace undula::propagation
