// A row of numbers added to every row of a matrix: the bias of a linear layer.
#ifndef UNDULA_PROPAGATION_OPS_BIAS_H_
#define UNDULA_PROPAGATION_OPS_BIAS_H_

#include "propagation/tape.h"

namespace undula::propagation {

// x: [n, d]; bias: d elements of any shape. Output [n, d]: x_i + bias. The bias's gradient is the
// sum over rows in ascending order.
Var AddBias(Tape& tape, Var x, Var bias);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_BIAS_H_
