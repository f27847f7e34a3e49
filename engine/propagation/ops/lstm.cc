#include "propagation/ops/lstm.h"

#include <algorithm>
#include <numeric>

#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/linear.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/spmm.h"

namespace undula::propagation {
namespace {

// The weights of one gate each, made once for all steps.
struct Gates {
  Var w_ih[4], w_hh[4], bias[4];
};

Gates Split(Tape& tape, const LstmWeights& w, int64_t d) {
  Gates out;
  Var bias = w.b_ih;
  if (w.b_hh.valid()) bias = bias.valid() ? Add(tape, bias, w.b_hh) : w.b_hh;
  for (int gate = 0; gate < 4; ++gate) {
    uint32_t* rows = tape.arena().New<uint32_t>(static_cast<size_t>(d));
    std::iota(rows, rows + d, static_cast<uint32_t>(gate * d));
    const Tensor block = tape.Indices({rows, static_cast<size_t>(d)});
    out.w_ih[gate] = GatherRows(tape, w.w_ih, block);
    out.w_hh[gate] = GatherRows(tape, w.w_hh, block);
    if (bias.valid()) out.bias[gate] = GatherRows(tape, bias, block);
  }
  return out;
}

bool CheckWeights(Tape& tape, Var x, const LstmWeights& w) {
  constexpr std::string_view kOp = "Lstm";
  if (!Ready(tape, kOp, {x, w.w_ih, w.w_hh})) return false;
  const Tensor xv = tape.value(x), iv = tape.value(w.w_ih), hv = tape.value(w.w_hh);
  const int64_t d = hv.cols();
  const auto bias_fits = [&](Var b) {
    return !b.valid() || (tape.value(b).rank == 1 && tape.value(b).size() == 4 * d);
  };
  if (xv.rank == 2 && iv.rank == 2 && hv.rank == 2 && hv.rows() == 4 * d && iv.rows() == 4 * d &&
      iv.cols() == xv.cols() && bias_fits(w.b_ih) && bias_fits(w.b_hh)) {
    return true;
  }
  BadInput(tape, kOp, "x ", Describe(xv), ", w_ih ", Describe(iv), " and w_hh ", Describe(hv),
           " do not fit; they are [n, k], [4 d, k] and [4 d, d], biases have 4 d values");
  return false;
}

LstmState Step(Tape& tape, Var x, const LstmState& state, const Gates& gates) {
  constexpr Activation kOf[4] = {Activation::kSigmoid, Activation::kSigmoid, Activation::kTanh,
                                 Activation::kSigmoid};
  Var z[4];
  for (int gate = 0; gate < 4; ++gate) {
    if (gate == 1 && !state.c.valid()) continue;  // nothing to forget
    z[gate] =
        Linear(tape, x, gates.w_ih[gate], state.h, gates.w_hh[gate], gates.bias[gate], kOf[gate]);
  }
  const Var written = Mul(tape, z[0], z[2]);
  const Var c = state.c.valid() ? Add(tape, Mul(tape, z[1], state.c), written) : written;
  return {Mul(tape, z[3], Tanh(tape, c)), c};
}

}  // namespace

LstmState LstmCell(Tape& tape, Var x, const LstmState& state, const LstmWeights& weights) {
  if (!CheckWeights(tape, x, weights)) return {};
  return Step(tape, x, state, Split(tape, weights, tape.value(weights.w_hh).cols()));
}

Var LstmLastStates(Tape& tape, Var x, std::span<const int64_t> ptr, std::span<const uint32_t> src,
                   const LstmWeights& weights, LstmScratch* scratch) {
  if (!CheckWeights(tape, x, weights)) return Var{};
  const int64_t d = tape.value(weights.w_hh).cols();
  const size_t sequences = ptr.size() - 1;
  const auto length = [&](uint32_t s) { return ptr[s + 1] - ptr[s]; };
  std::vector<uint32_t> order(sequences);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return length(a) > length(b); });
  const auto steps = static_cast<size_t>(sequences == 0 ? 0 : length(order[0]));
  scratch->rows.resize(4 * steps);
  scratch->ptr.resize(2 * steps);
  scratch->ones.resize(steps);
  const Gates gates = Split(tape, weights, d);
  LstmState state;
  Var last;
  size_t active = sequences;
  for (size_t t = 0; t < steps; ++t) {
    const size_t before = active;
    while (active > 0 && length(order[active - 1]) <= static_cast<int64_t>(t)) --active;
    std::vector<uint32_t>& events = scratch->rows[4 * t];
    events.clear();
    for (size_t s = 0; s < active; ++s) {
      events.push_back(src[static_cast<size_t>(ptr[order[s]]) + t]);
    }
    if (t > 0 && active < before) {
      std::vector<uint32_t>& kept = scratch->rows[4 * t + 1];
      kept.resize(active);
      std::iota(kept.begin(), kept.end(), 0u);
      const Tensor rows = tape.Indices(kept);
      state = {GatherRows(tape, state.h, rows), GatherRows(tape, state.c, rows)};
    }
    state = Step(tape, GatherRows(tape, x, tape.Indices(events)), state, gates);
    // The sequences that end here put their state into their row of the output.
    size_t ended = active;
    while (ended > 0 && length(order[ended - 1]) == static_cast<int64_t>(t) + 1) --ended;
    if (ended == active) continue;
    const size_t n = active - ended;
    std::vector<uint32_t>& place = scratch->rows[4 * t + 2];
    std::vector<int64_t>&to = scratch->ptr[2 * t], &from = scratch->ptr[2 * t + 1];
    scratch->ones[t].assign(n, 1.0f);
    // `order` ascends among sequences of equal length.
    place.clear();
    to.assign(sequences + 1, 0);
    from.assign(active + 1, 0);
    for (size_t s = ended; s < active; ++s) {
      to[order[s] + 1] = 1;
      from[s + 1] = 1;
    }
    std::partial_sum(to.begin(), to.end(), to.begin());
    std::partial_sum(from.begin(), from.end(), from.begin());
    for (size_t s = ended; s < active; ++s) place.push_back(static_cast<uint32_t>(s));
    for (size_t s = ended; s < active; ++s) place.push_back(order[s]);
    // One entry a row: the entries have the same order in both directions.
    std::vector<uint32_t>& entry = scratch->rows[4 * t + 3];
    entry.resize(n);
    std::iota(entry.begin(), entry.end(), 0u);
    const SparseRows chosen{tape.Offsets(to), tape.Indices(std::span(place).first(n)),
                            tape.Offsets(from), tape.Indices(std::span(place).last(n)),
                            tape.Indices(entry)};
    const Var ones = tape.Constant(tape.Floats(scratch->ones[t]));
    const Var part = Spmm(tape, state.h, ones, chosen);
    last = last.valid() ? Add(tape, last, part) : part;
  }
  if (last.valid() || !tape.status().ok()) return last;
  return tape.Constant(tape.NewZero({static_cast<int64_t>(sequences), d}));
}

}  // namespace undula::propagation
