// The kernels of elementwise: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/elementwise_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(LinearTile<float>);
UNDULA_ROW_KERNEL(MulTile<float>);
UNDULA_ROW_KERNEL(ActivationTile<float>);
UNDULA_ROW_KERNEL(ActivationBackwardTile<float>);
UNDULA_ROW_KERNEL(RowDotRow<float>);
UNDULA_ROW_KERNEL(RowDotBackwardRow<float>);
UNDULA_ROW_KERNEL(FinishSumRow<float>);
UNDULA_ROW_KERNEL(AddScalarTile<float>);
UNDULA_ROW_KERNEL(SumTile<ElementTerm<float>>);

}  // namespace undula::propagation
