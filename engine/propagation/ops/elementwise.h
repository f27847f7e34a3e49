// Elementwise operators and the two reductions that go with them. Inputs of one call have the same
// shape (no broadcasting); outputs are new tensors.
#ifndef UNDULA_PROPAGATION_OPS_ELEMENTWISE_H_
#define UNDULA_PROPAGATION_OPS_ELEMENTWISE_H_

#include "propagation/tape.h"

namespace undula::propagation {

Var Add(Tape& tape, Var a, Var b);
Var Sub(Tape& tape, Var a, Var b);
Var Mul(Tape& tape, Var a, Var b);
Var Scale(Tape& tape, Var a, double factor);
Var Sigmoid(Tape& tape, Var a);
Var Tanh(Tape& tape, Var a);
Var Relu(Tape& tape, Var a);  // the gradient at 0 is 0

// a, b: [n, d]. Output [n]: a_i . b_i.
Var RowDot(Tape& tape, Var a, Var b);
// Output: a scalar (rank 0), summed in float64 in tiles of fixed size.
Var Sum(Tape& tape, Var a);
// ca a + cb b of two scalars; an invalid Var counts as absent (its term is left out).
Var AddScaled(Tape& tape, Var a, double ca, Var b, double cb);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ELEMENTWISE_H_
