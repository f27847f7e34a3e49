// The kernels of shared_negatives: its row bodies, one warp per row or per negative.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/shared_negatives_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SharedPairRow<float>);
UNDULA_ROW_KERNEL(SharedPairBackwardRow<float>);
UNDULA_ROW_KERNEL(SharedPairBackwardColumn<float>);

}  // namespace undula::propagation
