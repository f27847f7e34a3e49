// Matrix product a b or a b^T in row tiles of fixed height, so that the bits do not depend on
// threads, by our own kernel (propagation/tile_gemm.h).
// Gradients: da = g b^T (transpose_b: g b), db = a^T g (transpose_b: g^T a).
#ifndef UNDULA_PROPAGATION_OPS_MATMUL_H_
#define UNDULA_PROPAGATION_OPS_MATMUL_H_

#include "propagation/tape.h"

namespace undula::propagation {

// a: [n, k]; b: [k, m], with transpose_b [m, k]. Output [n, m].
Var MatMul(Tape& tape, Var a, Var b, bool transpose_b = false);

// For the backward passes of other operators: c [k, m] += a^T b, a: [n, k], b: [n, m].
void AddOuterProduct(Tape& tape, const Tensor& a, const Tensor& b, const Tensor& c);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_MATMUL_H_
