// The kernels of row_normalize: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/row_normalize_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(RowNormalizeRow<float>);
UNDULA_ROW_KERNEL(RowNormalizeBackwardRow<float>);
UNDULA_ROW_KERNEL(NormalizeInPlaceRow<float>);

}  // namespace undula::propagation
