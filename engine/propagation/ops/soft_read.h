// The read-out of SR-GNN: a sum over sources whose weights are not normalised.
//   alpha_e = q . sigmoid(query_i + key_src(e)),  out_i = sum_e count_e alpha_e value_src(e)
// over the slots e of row i. Wu et al., "Session-based Recommendation with Graph Neural Networks",
// AAAI 2019, eqs. 6 and 7.
#ifndef UNDULA_PROPAGATION_OPS_SOFT_READ_H_
#define UNDULA_PROPAGATION_OPS_SOFT_READ_H_

#include "propagation/tape.h"

namespace undula::propagation {

// queries: [B, d]; keys: [P, d]; values: [P, m]; q: d elements; ptr: i64 [B + 1]; src: u32 [E],
// each < P; count: float_type [E], or an empty Tensor for ones. Output [B, m]; an empty row is 0.
Var SoftRead(Tape& tape, Var queries, Var keys, Var values, Var q, const Tensor& ptr,
             const Tensor& src, const Tensor& count);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SOFT_READ_H_
