// Key-value memory read: w_b = softmax_r(gamma q_b . key_r), out_b = sum_r w_br memory_br.
// Source: Huang et al., "Improving Sequential Recommendation with Knowledge-Enhanced Memory
// Networks" (KSR), SIGIR 2018.
#ifndef UNDULA_PROPAGATION_OPS_ATTENTION_READ_H_
#define UNDULA_PROPAGATION_OPS_ATTENTION_READ_H_

#include "propagation/tape.h"

namespace undula::propagation {

// queries: [B, d]; keys: [R, d]; memory: [B, R, m]. Output [B, m]. weights_out (may be null)
// receives w [B, R], in the tape's arena. R = 0 gives zero rows.
Var AttentionRead(Tape& tape, Var queries, Var keys, Var memory, double gamma, Tensor* weights_out);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ATTENTION_READ_H_
