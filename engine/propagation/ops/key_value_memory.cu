// The kernels of key_value_memory: its row bodies, one warp per value, sequence, read or key.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/key_value_memory_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(MemoryWriteRow<float>);
UNDULA_ROW_KERNEL(MemoryWriteBackwardRow<float>);
UNDULA_ROW_KERNEL(MemoryScanRow<float>);
UNDULA_ROW_KERNEL(MemoryReadRow<float>);
UNDULA_ROW_KERNEL(MemoryReadBackwardRow<float>);
UNDULA_ROW_KERNEL(MemoryScanBackwardRow<float>);
UNDULA_ROW_KERNEL(MemoryKeyBackwardRow<float>);

}  // namespace undula::propagation
