// The kernels of triple_score: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/triple_score_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(TripleDistanceRow<float>);
UNDULA_ROW_KERNEL(TripleProductRow<float>);
UNDULA_ROW_KERNEL(TripleProductSlopeRow<float>);
UNDULA_ROW_KERNEL(TripleBackwardRow<float>);
UNDULA_ROW_KERNEL(HyperplaneRow<float>);
UNDULA_ROW_KERNEL(HyperplaneBackwardRow<float>);

}  // namespace undula::propagation
