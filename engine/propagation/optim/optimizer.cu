// The kernels of the optimizers: their row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/optim/optimizer_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(MarkSlotsTile);
UNDULA_ROW_KERNEL(SgdRow<float>);
UNDULA_ROW_KERNEL(AdagradRow<float>);
UNDULA_ROW_KERNEL(AdamRow<float>);
UNDULA_ROW_KERNEL(LazyAdamRow<float>);

}  // namespace undula::propagation
