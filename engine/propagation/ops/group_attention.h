// Attention of groups of queries over slots that they share: the hop of RippleNet, where a group is
// a user chunk, its queries are the items of the user's samples and its slots the user's ripple
// set. For query row r of group g, over the slots i of g:
//   a_i ~ count_i exp(q_r . keys[key_row_i]),   out_r = sum_i a_i values[value_row_i]
// Counts (> 0) make deduplicated slots equal to the expanded multiset. A group without slots gives
// zero rows and zero gradients. Source: RippleNet (Wang et al., CIKM 2018) eq. 4-5.
#ifndef UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_H_
#define UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_H_

#include "propagation/tape.h"

namespace undula::propagation {

// Group g owns the query rows [row_ptr[g], row_ptr[g+1]) - row_ptr[0] and the slots
// [slot_ptr[g], slot_ptr[g+1]) of key_row, value_row and count (absolute, so that the group arrays
// of a slice are views into those of the batch).
struct GroupSlots {
  Tensor row_ptr;    // i64 [G + 1]
  Tensor slot_ptr;   // i64 [G + 1]
  Tensor key_row;    // u32 [S], rows of keys
  Tensor value_row;  // u32 [S], rows of values
  Tensor count;      // float_type [S], or empty: all 1
};

// q: [n, d], n = row_ptr[G] - row_ptr[0]; keys: [P, d]; values: [U, m]. Output [n, m].
// weights_out (may be null): a, rows of group g one after the other, each with the group's slots in
// order, groups in order: [sum over g of rows_g * slots_g].
// Gradients: per group, slot gradients are summed over the group's rows and then added to
// grad(keys) and grad(values), groups and slots in ascending order (CPU: serial, a slice belongs to
// one thread; GPU: sort by row and segment sum). A GPU works a group a block (group_tile.h), or row
// by row where a group's keys and values do not fit into the shared memory of a block.
Var GroupAttention(Tape& tape, Var q, Var keys, Var values, const GroupSlots& slots,
                   Tensor* weights_out);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_H_
