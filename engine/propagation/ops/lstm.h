// The long short-term memory as a composition of other operators: one cell, and the last states of
// sequences. Hochreiter, Schmidhuber, Neural Computation 9(8), 1997, with forget gates; blocks of
// the weights in the order input, forget, cell, output (as in PyTorch):
//   i, f, o = sigmoid(.), g = tanh(.) of x w_ih^T + b_ih + h w_hh^T + b_hh
//   c' = f o c + i o g,  h' = o o tanh(c')
#ifndef UNDULA_PROPAGATION_OPS_LSTM_H_
#define UNDULA_PROPAGATION_OPS_LSTM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "propagation/tape.h"

namespace undula::propagation {

// w_ih: [4 d, k]; w_hh: [4 d, d]; b_ih, b_hh: [4 d], or invalid Vars.
struct LstmWeights {
  Var w_ih, w_hh, b_ih, b_hh;
};
struct LstmState {
  Var h, c;  // [n, d]
};

// x: [n, k]. An invalid h (and c) stands for zeros.
LstmState LstmCell(Tape& tape, Var x, const LstmState& state, const LstmWeights& weights);

// Sequence s reads the rows src[ptr[s]] .. src[ptr[s + 1] - 1] of x, in that order, from zeros.
// Output: the last hidden state of each, [S, d]; zeros for an empty sequence. Longer sequences come
// first in memory, so each step works on those that still have an event. ptr and src are host
// memory that must stay until the tape is reset; `scratch` too.
struct LstmScratch {
  std::vector<std::vector<uint32_t>> rows;
  std::vector<std::vector<int64_t>> ptr;
  std::vector<std::vector<float>> ones;
};
Var LstmLastStates(Tape& tape, Var x, std::span<const int64_t> ptr, std::span<const uint32_t> src,
                   const LstmWeights& weights, LstmScratch* scratch);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LSTM_H_
