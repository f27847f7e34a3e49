// A fully connected layer over one or two inputs, with its activation in the same pass: on the CPU
// a tile of rows is multiplied, shifted and cut off while it is in the cache, and the backward pass
// forms the slopes once.
#ifndef UNDULA_PROPAGATION_OPS_LINEAR_H_
#define UNDULA_PROPAGATION_OPS_LINEAR_H_

#include "propagation/ops/activation.h"
#include "propagation/tape.h"

namespace undula::propagation {

// a: [n, k]; wa: [m, k]; b: [n, l] with wb: [m, l], or both invalid; bias: m elements of any shape,
// or invalid. Output [n, m] = activation(a wa^T + b wb^T + bias): the product with a concatenation
// [a ; b] without forming it. Gradients: dz = g o slope, da = dz wa, dwa = dz^T a, dbias = column
// sums of dz; those of the weights are summed over fixed ranges of rows, in order.
Var Linear(Tape& tape, Var a, Var wa, Var b, Var wb, Var bias, Activation activation);
inline Var Linear(Tape& tape, Var a, Var wa, Var bias, Activation activation) {
  return Linear(tape, a, wa, Var{}, Var{}, bias, activation);
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LINEAR_H_
