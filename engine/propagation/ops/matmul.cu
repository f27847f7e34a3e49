// The kernels of matmul: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/matmul_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(MatMulRow<float>);
UNDULA_ROW_KERNEL(MatMulOuterRow<float>);

}  // namespace undula::propagation
