// Cross-entropy of a softmax over all rows of a table, without the logits: tiles of them, a running
// log-sum-exp, and again tiles in the backward pass. Memory is that of x and the table.
#ifndef UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_H_
#define UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_H_

#include "propagation/tape.h"

namespace undula::propagation {

// A sampled softmax with log-q correction: the table's rows are candidates, each with the logarithm
// of its expected number of draws. Empty tensors: the full softmax.
struct SampledCandidates {
  // float_type [N]: added to the logit of a row that is not the target, minus log q; minus infinity
  // leaves a candidate out that is the target of some rows and was not drawn.
  Tensor offset;
  Tensor target_offset;  // float_type [B]: added to the logit of the row's target
};

// x: [B, d]; table: [N, d]; targets: u32 [B], each < N. Output: a scalar,
// sum over b of (log sum_i exp(x_b . table_i) - x_b . table_target) / divisor, in float64 over
// rows. B x N products are formed once forward and once backward.
Var LinearCrossEntropy(Tape& tape, Var x, Var table, const Tensor& targets,
                       const SampledCandidates& candidates, double divisor);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_H_
