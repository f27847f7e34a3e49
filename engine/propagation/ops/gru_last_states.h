// The gated recurrent unit of GruSequence (ops/gru.h) for scoring: only the state after each
// sequence's last event is kept, and the gates' input parts are read where they lie.
#ifndef UNDULA_PROPAGATION_OPS_GRU_LAST_STATES_H_
#define UNDULA_PROPAGATION_OPS_GRU_LAST_STATES_H_

#include "propagation/ops/gru.h"
#include "propagation/tape.h"

namespace undula::propagation {

// Rows of table [m, 3 d] are the input parts of the gates, rows [E] those of the events, w_hh
// [d, 3 d]; sequence s has the events [ptr[s], ptr[s + 1]). Output [S, d], zeros for a sequence
// without events: the bits of GruSequence without a bias after the last events. On the CPU, for
// tapes that only score (Tape::OnlyScore): it has no backward.
Var GruLastStates(Tape& tape, Var table, const Tensor& rows, Var w_hh, const Tensor& ptr,
                  UpdateGate gate);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GRU_LAST_STATES_H_
