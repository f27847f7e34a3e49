// Scores of triples (head, relation, tail) by translation or by product:
//   kL1         |h + r - t|_1                kL2   |h + r - t|_2
//   kSquaredL2  |h + r - t|_2^2              kProduct   sum_c h_c r_c t_c
// The first three are distances (lower is better). Sources: Bordes et al., "TransE", NIPS 2013;
// Yang et al., "DistMult", ICLR 2015. TransH and TransR score rows that were projected before.
// Gradients: a slope per triple, pulled by sorting triples by row; the slope of a distance with
// regard to h and r is the one with regard to -t. At 0 the slopes of kL1 and kL2 are 0.
#ifndef UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_H_
#define UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_H_

#include "propagation/tape.h"

namespace undula::propagation {

enum class TripleForm : uint8_t { kL1, kL2, kSquaredL2, kProduct };

// entities: [E, d]; relations: [R, d]; heads, tails: u32 [n], rows of entities; relation: u32 [n],
// rows of relations. Output [n].
Var TripleScore(Tape& tape, Var entities, Var relations, const Tensor& heads,
                const Tensor& relation, const Tensor& tails, TripleForm form);

// y_i = x_i - (x_i . w_i) w_i: the projection onto the hyperplane with the normal w_i, which is
// taken as it is (of length 1 in the paper). x, w: [n, d]. Output [n, d].
// dx = g - (g . w) w, dw = -(x . w) g - (g . w) x.
// Source: Wang et al., "TransH", AAAI 2014.
Var ProjectToHyperplane(Tape& tape, Var x, Var w);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_H_
