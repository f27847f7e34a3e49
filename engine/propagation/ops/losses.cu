// The kernels of losses: its row bodies, one warp per row.
#include "propagation/cuda/row_kernel.h"
#include "propagation/ops/losses_row.h"

namespace undula::propagation {

UNDULA_ROW_KERNEL(SumTile<BceTerm<float>>);
UNDULA_ROW_KERNEL(SumTile<BceProbabilityTerm<float>>);
UNDULA_ROW_KERNEL(SumTile<PairTerm<float>>);
UNDULA_ROW_KERNEL(SumTile<MarginTerm<float>>);
UNDULA_ROW_KERNEL(SumTile<SigmoidTerm<float>>);
UNDULA_ROW_KERNEL(SumTile<WeightedTerm<float>>);
UNDULA_ROW_KERNEL(BceBackwardTile<float>);
UNDULA_ROW_KERNEL(BceProbabilityBackwardTile<float>);
UNDULA_ROW_KERNEL(PairBackwardTile<float>);
UNDULA_ROW_KERNEL(MarginBackwardTile<float>);
UNDULA_ROW_KERNEL(CrossEntropyRow<float>);
UNDULA_ROW_KERNEL(CrossEntropyBackwardRow<float>);
UNDULA_ROW_KERNEL(SigmoidSumBackwardTile<float>);
UNDULA_ROW_KERNEL(SquaredNormRow<float>);
UNDULA_ROW_KERNEL(SquaredNormBackwardRow<float>);

}  // namespace undula::propagation
