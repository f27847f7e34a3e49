// The kernels of relation_mix: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/relation_mix_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(RelationMixRow<float>);
UNDULA_ROW_KERNEL(RelationMixBackwardRow<float>);
UNDULA_ROW_KERNEL(RelationMixSlotRow<float>);
UNDULA_ROW_KERNEL(RelationMixBaseRow<float>);

}  // namespace undula::propagation
