// Key-value memories over a knowledge base, written by the items of a sequence in their order.
// Huang et al., "Improving Sequential Recommendation with Knowledge-Enhanced Memory Networks"
// (KSR), SIGIR 2018. A memory has a value v_a for each of A keys r_a, zero at the start. Writing x:
//   z_a = sigmoid(v_a . x_a),  v_a <- (1 - z_a) v_a + z_a x_a
#ifndef UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_H_
#define UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_H_

#include "propagation/tape.h"

namespace undula::propagation {

// The direct form: `steps` writes to each of M values. updates: [steps, M, d], x of each write.
// Output [M, d], the values after the last. An operator of its own and the oracle of MemoryRead.
Var MemoryWrite(Tape& tape, Var updates);

// Which events write to a memory, and when it is read.
struct MemoryPlan {
  Tensor event_ptr;   // i64 [S + 1] from 0 to E: sequence s writes the events [ptr[s], ptr[s + 1])
  Tensor read_ptr;    // i64 [S + 1] from 0 to B: and serves these reads
  Tensor read_event;  // u32 [B], the last event before the read, within the sequence, ascending
  // Coefficients that are at most this everywhere are dropped, with all older ones; 0: none.
  double truncation = 0;
};

// Event t writes x_a = e_t + r_a for every key a; read b is with
//   w_a = softmax_a(gamma q_b . r_a),  out_b = sum_a w_a v_a.
// The values are never formed: v_a = sum_s C_as e_s + rho_a r_a with scalars C and rho (exact;
// state per sequence is events x A instead of A x d). Cost of an event: A and d times the events
// not dropped. events: [E, d]; products: [E, A], e_t . r_a (a MatMul, through which gradients of
// the write flow); keys: [A, d]; queries: [B, d]. Output [B, d]. weights_out (may be null) receives
// w [B, A]. Where neither events, products nor keys need gradients, the backward pass is that of
// the read alone.
Var MemoryRead(Tape& tape, Var events, Var products, Var keys, Var queries, double gamma,
               const MemoryPlan& plan, Tensor* weights_out);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_H_
