// The kernels of add_by_row: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/add_by_row_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(TileSumRow<float>);
UNDULA_ROW_KERNEL(AddTilesRow<float>);

}  // namespace undula::propagation
