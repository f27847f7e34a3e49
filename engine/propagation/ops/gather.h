// Embedding lookup: row k of the output is row rows[k] of a table. Rows may repeat.
// Gradient: pulled, never scattered: positions are sorted (stably) by row and each row adds its
// upstream rows in ascending position, so the bits do not depend on threads.
#ifndef UNDULA_PROPAGATION_OPS_GATHER_H_
#define UNDULA_PROPAGATION_OPS_GATHER_H_

#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::propagation {

// table: [V, d], of the tape's float type; rows: u32 [n], each < V. Output [n, d].
// A row_sparse table gets one SparseGradient (rows ascending and distinct, in the tape's arena)
// per call; a dense one has its gradient added to table->grad. The table's gradient belongs to one
// tape at a time: gather parameters on Prepare's tape, not on the tapes of parallel slices.
Var GatherRows(Tape& tape, Parameter* table, const Tensor& rows);

// x: [V, d] on the tape; the gradient is added to grad(x).
Var GatherRows(Tape& tape, Var x, const Tensor& rows);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GATHER_H_
