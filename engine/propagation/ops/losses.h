// Losses on logits, in stable forms only. Every loss is a scalar (rank 0) summed in float64 in
// tiles of fixed size and divided by `divisor` (> 0), which is the size of the whole batch when the
// rows are one slice of it. Zero rows give 0.
#ifndef UNDULA_PROPAGATION_OPS_LOSSES_H_
#define UNDULA_PROPAGATION_OPS_LOSSES_H_

#include "propagation/tape.h"

namespace undula::propagation {

// logits: [n]; labels: float_type [n], in [0, 1]. sum(softplus(x) - y x) / divisor; the gradient is
// (sigmoid(x) - y) / divisor.
Var BceLogits(Tape& tape, Var logits, const Tensor& labels, double divisor);

// The same where x is a probability: p = x clipped to [1e-6, 1 - 1e-6],
// -sum(y ln p + (1 - y) ln(1 - p)) / divisor, no gradient where clipped.
Var BceProbabilities(Tape& tape, Var x, const Tensor& labels, double divisor);

// pos, neg: [n]. sum(softplus(-(p - n))) / divisor. Rendle et al., "BPR", UAI 2009.
Var PairLoss(Tape& tape, Var pos, Var neg, double divisor);

// better, worse: [n], scores where lower is better. sum(max(0, margin + b - w)) / divisor; the
// gradient at the kink is 0. Bordes et al., "TransE", NIPS 2013, eq. 1.
Var MarginLoss(Tape& tape, Var better, Var worse, double margin, double divisor);

// logits: [n, m]; targets: u32 [n], each < m. sum(logsumexp(row) - row[target]) / divisor.
Var SoftmaxCrossEntropy(Tape& tape, Var logits, const Tensor& targets, double divisor);

// x: [n]; weights: float_type [n] or an empty Tensor (all 1). scale * sum w sigmoid(x).
Var WeightedSigmoidSum(Tape& tape, Var x, const Tensor& weights, double scale);

// x: [n, ...], rows of any rank; weights: float_type [n] or empty (all 1). scale * sum_i w_i
// |x_i|^2.
Var WeightedSquaredNorm(Tape& tape, Var x, const Tensor& weights, double scale);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LOSSES_H_
