// Sparse matrix times dense rows: each output row is a weighted sum of chosen rows of x. Weights
// are constants (visit counts of PinSAGE's importance pooling: Ying et al., KDD 2018, section 3.1;
// degrees of a normalised adjacency; shares of a mean) or have gradients of their own.
#ifndef UNDULA_PROPAGATION_OPS_SPMM_H_
#define UNDULA_PROPAGATION_OPS_SPMM_H_

#include "propagation/tape.h"

namespace undula::propagation {

// Entries of output row i: [ptr[i], ptr[i + 1]). The transpose, which the gradient of x reads (it
// pulls: no entry is scattered): entries of row j of x are [in_ptr[j], in_ptr[j + 1]), in the order
// in which they are to be added; it may be left empty where x needs no gradient.
struct SparseRows {
  Tensor ptr;                       // i64 [N + 1], from 0 to E
  Tensor src;                       // u32 [E], rows of x
  Tensor in_ptr, in_row, in_entry;  // i64 [n + 1]; u32 [E], rows of the output; u32 [E], entries
};

// x: [n, d]; weights: [E]. Output [N, d]: out_i = sum_e weight_e x[src_e]; an empty row gives
// zeros. dx_j = sum of weight g over the entries of row j, dweight_e = g_i . x[src_e].
Var Spmm(Tape& tape, Var x, Var weights, const SparseRows& rows);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SPMM_H_
