// The kernels of relation_gemv: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/relation_gemv_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(RelationGemvRow<float>);
UNDULA_ROW_KERNEL(RelationGradientRow<float>);

}  // namespace undula::propagation
