// Relation-specific projection: out_e = R_r(e) x_s(e), or R_r(e)^T x_s(e) with `transpose`.
// Edges are worked in runs of one relation (a small matrix product per tile of 64 edges); where
// the relations are not ascending, edges are first sorted by relation (stably). A GPU works the
// same tiles, a block each (relation_gemv_tile.h).
// Gradients: dR_r = sum over its edges, in ascending order, of g_e x_s^T (transposed: x_s g_e^T),
// dx by sort and segment sum of R_r^T g_e (transposed: R_r g_e).
// Source: RippleNet (Wang et al., CIKM 2018) eq. 4, R_i h_i.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_GEMV_H_
#define UNDULA_PROPAGATION_OPS_RELATION_GEMV_H_

#include "propagation/tape.h"

namespace undula::propagation {

// R: [relations, a, b]; x: [n, b] (transpose: [n, a]); relations, sources: u32 [E].
// Output [E, a] (transpose: [E, b]).
Var RelationGemv(Tape& tape, Var R, Var x, const Tensor& relations, const Tensor& sources,
                 bool transpose);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_GEMV_H_
