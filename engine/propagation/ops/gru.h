// The gated recurrent unit: its gates alone (also those of gated graph networks), one cell, and a
// whole sequence. Cho et al., EMNLP 2014; blocks in the order reset, update, new:
//   r = sigmoid(gi_r + gh_r), z = sigmoid(gi_z + gh_z), n = tanh(gi_n + r o gh_n)
//   h' = (1 - z) o n + z o h           (z keeps the old state, as in PyTorch), or
//   h' = (1 - z) o h + z o n           (z takes the new one, as in the paper of SR-GNN)
#ifndef UNDULA_PROPAGATION_OPS_GRU_H_
#define UNDULA_PROPAGATION_OPS_GRU_H_

#include "propagation/tape.h"

namespace undula::propagation {

enum class UpdateGate : uint8_t { kKeepsOld, kTakesNew };

// gi, gh: [n, 3 d]; h: [n, d]. Output h' [n, d].
Var GruGates(Tape& tape, Var gi, Var gh, Var h, UpdateGate gate);

// x: [n, k]; h: [n, d]; w_ih: [3 d, k]; w_hh: [3 d, d]; b_ih, b_hh: [3 d]. Output h' [n, d] with
// gi = x w_ih^T + b_ih, gh = h w_hh^T + b_hh.
Var GruCell(Tape& tape, Var x, Var h, Var w_ih, Var w_hh, Var b_ih, Var b_hh, UpdateGate gate);

// Sequences one behind the other: sequence s has the events [ptr[s], ptr[s + 1]) and starts from
// h = 0. gi: [E, 3 d], the input part of each event; w_hh: [d, 3 d] (gh = h w_hh + b_hh); b_hh:
// [3 d], or an invalid Var for none; ptr: i64 [S + 1] from 0 to E. Output: the state after each
// event, [E, d].
Var GruSequence(Tape& tape, Var gi, Var w_hh, Var b_hh, const Tensor& ptr, UpdateGate gate);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GRU_H_
