// y_i = x_i / |x_i|; a zero row becomes zero, with a zero gradient (so does a row of subnormal
// numbers only).
// dx = (g - y (y . g)) / |x|.
#ifndef UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_
#define UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_

#include "propagation/tape.h"

namespace undula::propagation {

// x: [n, d]. Output [n, d].
Var RowNormalize(Tape& tape, Var x);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_H_
