// The kernels of gru: its row bodies, one warp per row (a sequence is one row).
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/gru_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(GruGatesRow<float>);
UNDULA_ROW_KERNEL(GruGatesBackwardRow<float>);
UNDULA_ROW_KERNEL(GruSequenceRow<float>);
UNDULA_ROW_KERNEL(GruSequenceBackwardRow<float>);

}  // namespace undula::propagation
