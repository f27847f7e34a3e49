// Sums over chosen weights of another operator (of RelationMix: the labels of KGNN-LS, which spread
// along the same weights as the vectors):
//   out_i = gain sum_j coefficient_j weights[weight_j] x'[child_j],  j in [ptr_i, ptr_{i+1})
// where x'[0] = 1 and x'[c] = x[c - 1].
#ifndef UNDULA_PROPAGATION_OPS_WEIGHT_SUM_H_
#define UNDULA_PROPAGATION_OPS_WEIGHT_SUM_H_

#include "propagation/tape.h"

namespace undula::propagation {

struct WeightTerms {
  Tensor ptr;          // i64 [n + 1], from 0 to E
  Tensor weight;       // u32 [E], elements of weights
  Tensor coefficient;  // float_type [E]
  Tensor child;        // u32 [E], at most the number of elements of x
};

// weights: [W]; x: [V], or an invalid Var: V = 0. Output [n].
// Gradients, added in the order of j: dweights[w] = gain sum_j g_i coefficient_j x'[child_j] over
// weight_j = w; dx[c] = gain sum_j g_i coefficient_j weights[weight_j] over child_j = c + 1.
Var WeightSum(Tape& tape, Var weights, Var x, const WeightTerms& terms, double gain);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_WEIGHT_SUM_H_
