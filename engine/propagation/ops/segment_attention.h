// Dot-product attention over CSR rows: out_i = sum_j softmax_j(scale q_i . k_j) v_j, j over the
// sources of row i. No [E, d] buffer: per edge only the weight and, in the backward pass, the
// logit's gradient. An empty row gives a zero row and zero gradients.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_H_

#include "propagation/tape.h"

namespace undula::propagation {

// q: [N, d]; k: [M, d]; v: [M, m]; ptr: i64 [N + 1]; src: u32 [E], rows of k and v; an empty Tensor
// means src[e] = e. q, k, v may be the same Var. Output [N, m]; weights_out (may be null) [E].
Var SegmentAttention(Tape& tape, Var q, Var k, Var v, const Tensor& ptr, const Tensor& src,
                     double scale, Tensor* weights_out);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_H_
