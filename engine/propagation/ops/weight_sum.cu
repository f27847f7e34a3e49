// The kernels of weight_sum: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/weight_sum_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(WeightSumRow<float>);
UNDULA_ROW_KERNEL(WeightSumBackwardRow<float>);

}  // namespace undula::propagation
