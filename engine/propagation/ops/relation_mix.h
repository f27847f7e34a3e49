// User-relation-weighted aggregation: the message of KGCN and KGNN-LS. Row r stands for a (user,
// entity) pair; the rows of one entity form a group and share its slots. With user vector q_r, over
// the slots s of the group g of r:
//   a_{r,s} ~ count_s exp(scale q_r . relations[relation_s])      (sums to 1 over the slots)
//   out_r = act(base_g + gain sum_s a_{r,s} values[value_row_s])
// A slot can be a neighbor, or all neighbors behind one relation at once (their mean as the value
// and their number as the count): the user enters only through one exponential per relation. A
// group without slots gives act(base_g). Sources: Wang et al., "KGCN", WWW 2019, eq. 1-3, and
// "KGNN-LS", KDD 2019, eq. 1; the relation-bucketed form is exact.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_H_

#include "propagation/ops/activation.h"
#include "propagation/tape.h"

namespace undula::propagation {

// Group g owns the rows [row_ptr[g], row_ptr[g+1]) and the slots [slot_ptr[g], slot_ptr[g+1]).
// Slots of equal relation that stand next to each other share one dot product.
struct RelationSlots {
  Tensor row_ptr;    // i64 [G + 1], from 0 to the number of rows
  Tensor slot_ptr;   // i64 [G + 1], from 0 to S
  Tensor relation;   // u32 [S], rows of relations
  Tensor value_row;  // u32 [S], rows of values, or empty: slot s has value s
  Tensor count;      // float_type [S], > 0, or empty: all 1
  Tensor query_row;  // u32 [n], rows of q, or empty: row r has query r
};

// q: [n, d] or, with query_row, [Q, d]; relations: [R, d]; values: [V, m]; base: [G, m], or an
// invalid Var: 0. Output [n, m]. weights_out (may be null): a as [W], rows of group g one after the
// other, each with the group's slots in order, groups in order; operators that read it (WeightSum)
// may pass back a gradient. Gradients: with dz = g o act', da = gain dz . value + (gradient of a)
// and ds = scale a o (da - sum a da):
//   dq = sum_s ds relation, dbase_g = sum of dz over the group's rows; slot gradients gain sum_r a
//   dz and sum_r ds q are summed over the group's rows first and then added by row in slot order.
// A GPU works a group a block (group_tile.h), or row by row where a group does not fit.
Var RelationMix(Tape& tape, Var q, Var relations, Var values, Var base, const RelationSlots& slots,
                double scale, double gain, Activation activation, Var* weights_out);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_H_
