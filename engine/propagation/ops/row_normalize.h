// y_i = x_i / |x_i|; a zero row becomes zero, with a zero gradient (so does a row of subnormal
// numbers only).
// dx = (g - y (y . g)) / |x|.
#ifndef UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_
#define UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_

#include "propagation/tape.h"

namespace undula::propagation {

// x: [n, d]. Output [n, d].
Var RowNormalize(Tape& tape, Var x);

// Sets the given rows of a table to length 1, in place and without a gradient (zero rows stay):
// the projection that a step of TransE begins with (Bordes et al., NIPS 2013, algorithm 1). rows:
// u32 [n], distinct. Call it before the step reads the table.
void NormalizeRows(Tape& tape, Parameter* table, const Tensor& rows);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_
