// Sum of terms to a scalar of the tape, in float64, in tiles of fixed size: shared by the .cc files
// of Sum and of the losses.
#ifndef UNDULA_PROPAGATION_OPS_SCALAR_SUM_H_
#define UNDULA_PROPAGATION_OPS_SCALAR_SUM_H_

#include "propagation/ops/elementwise_row.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {

// scale * sum of term(i), i < n, as a new scalar of the tape's float type T.
template <class T, class Term>
Tensor ScalarSum(Tape& tape, int64_t n, double scale, const Term& term) {
  const int64_t tiles = ElementTiles(n);
  double* partial = tape.Scratch<double>(tiles);
  ForRows(tape, tiles, kElementTile * 8, SumTile<Term>{term, partial, n});
  const Tensor out = tape.NewTensor({});
  ForRows(tape, 1, 1, FinishSumRow<T>{partial, tiles, scale, out.as<T>()});
  return out;
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SCALAR_SUM_H_
