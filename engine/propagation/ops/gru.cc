#include "propagation/ops/gru.h"

#include "propagation/ops/bias.h"
#include "propagation/ops/bias_row.h"
#include "propagation/ops/gru_row.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {
namespace {

struct GatesContext {
  Var gi, gh, h;
  bool keeps_old;
};

void GatesBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const GatesContext*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto grad = [&](Var v) { return tape.needs_grad(v) ? tape.grad(v).as<T>() : nullptr; };
    ForRows(tape, g.rows(), g.cols() * 40,
            GruGatesBackwardRow<T>{tape.value(c.gi).as<T>(), tape.value(c.gh).as<T>(),
                                   tape.value(c.h).as<T>(), g.as<T>(), grad(c.gi), grad(c.gh),
                                   grad(c.h), g.cols(), c.keeps_old});
  });
}

struct SequenceContext {
  Var gi, w_hh, b_hh;
  Tensor ptr, before, gh;
  bool keeps_old;
};

template <class T>
void SequenceBackwardOf(Tape& tape, Var output, const SequenceContext& c) {
  const Tensor g = tape.grad(output);
  const int64_t events = g.rows(), d = g.cols(), sequences = c.ptr.size() - 1;
  const Tensor dgh = tape.NewTensor({events, 3 * d});
  T* carry = tape.Scratch<T>(sequences * d);
  ForRows(tape, sequences, (events / std::max<int64_t>(1, sequences) + 1) * d * (3 * d + 40),
          GruSequenceBackwardRow<T>{tape.value(c.gi).as<T>(), tape.value(c.w_hh).as<T>(),
                                    c.ptr.as<int64_t>(), c.before.as<T>(), c.gh.as<T>(), g.as<T>(),
                                    tape.needs_grad(c.gi) ? tape.grad(c.gi).as<T>() : nullptr,
                                    dgh.as<T>(), carry, d, c.keeps_old});
  if (tape.needs_grad(c.w_hh)) AddOuterProduct(tape, c.before, dgh, tape.grad(c.w_hh));
  if (tape.needs_grad(c.b_hh)) {
    ForRows(tape, ColumnTiles(3 * d), events * kColumnTile,
            ColumnSumTile<T>{dgh.as<T>(), tape.grad(c.b_hh).as<T>(), events, 3 * d});
  }
}

void SequenceBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const SequenceContext*>(context);
  WithFloat(tape.float_type(),
            [&](auto zero) { SequenceBackwardOf<decltype(zero)>(tape, output, c); });
}

}  // namespace

Var GruGates(Tape& tape, Var gi, Var gh, Var h, UpdateGate gate) {
  constexpr std::string_view kOp = "GruGates";
  if (!Ready(tape, kOp, {gi, gh, h})) return Var{};
  const Tensor iv = tape.value(gi), av = tape.value(gh), hv = tape.value(h);
  const int64_t n = hv.rows(), d = hv.cols();
  if (iv.rank != 2 || av.rank != 2 || hv.rank != 2 || iv.rows() != n || av.rows() != n ||
      iv.cols() != 3 * d || av.cols() != 3 * d) {
    return BadInput(tape, kOp, "gi ", Describe(iv), ", gh ", Describe(av), " and h ", Describe(hv),
                    " do not fit; they are [n, 3 d], [n, 3 d] and [n, d]");
  }
  const bool keeps_old = gate == UpdateGate::kKeepsOld;
  const Tensor out = tape.NewTensor({n, d});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, n, d * 40,
            GruGatesRow<T>{iv.as<T>(), av.as<T>(), hv.as<T>(), out.as<T>(), d, keeps_old});
  });
  GatesContext* c = tape.New<GatesContext>();
  *c = GatesContext{gi, gh, h, keeps_old};
  return tape.Record(out, tape.needs_grad(gi) || tape.needs_grad(gh) || tape.needs_grad(h),
                     GatesBackward, c);
}

Var GruCell(Tape& tape, Var x, Var h, Var w_ih, Var w_hh, Var b_ih, Var b_hh, UpdateGate gate) {
  const Var gi = AddBias(tape, MatMul(tape, x, w_ih, true), b_ih);
  const Var gh = AddBias(tape, MatMul(tape, h, w_hh, true), b_hh);
  return GruGates(tape, gi, gh, h, gate);
}

Var GruSequence(Tape& tape, Var gi, Var w_hh, Var b_hh, const Tensor& ptr, UpdateGate gate) {
  constexpr std::string_view kOp = "GruSequence";
  if (!Ready(tape, kOp, {gi, w_hh}) || (b_hh.valid() && !Ready(tape, kOp, {b_hh}))) return Var{};
  const Tensor iv = tape.value(gi), wv = tape.value(w_hh);
  const int64_t events = iv.rows(), d = wv.rows();
  if (iv.rank != 2 || wv.rank != 2 || wv.cols() != 3 * d || iv.cols() != 3 * d ||
      (b_hh.valid() && tape.value(b_hh).size() != 3 * d)) {
    return BadInput(tape, kOp, "gi ", Describe(iv), " and w_hh ", Describe(wv),
                    " do not fit; they are [E, 3 d] and [d, 3 d], a bias has 3 d values");
  }
  if (!CheckOffsets(tape, kOp, "ptr", ptr, events)) return Var{};
  const bool keeps_old = gate == UpdateGate::kKeepsOld;
  const Tensor out = tape.NewTensor({events, d}), before = tape.NewTensor({events, d});
  const Tensor gh = tape.NewTensor({events, 3 * d});
  const int64_t sequences = ptr.size() - 1;
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, sequences, (events / std::max<int64_t>(1, sequences) + 1) * d * (3 * d + 40),
            GruSequenceRow<T>{iv.as<T>(), wv.as<T>(),
                              b_hh.valid() ? tape.value(b_hh).as<T>() : nullptr, ptr.as<int64_t>(),
                              before.as<T>(), gh.as<T>(), out.as<T>(), d, keeps_old});
  });
  SequenceContext* c = tape.New<SequenceContext>();
  *c = SequenceContext{gi, w_hh, b_hh, ptr, before, gh, keeps_old};
  return tape.Record(out, tape.needs_grad(gi) || tape.needs_grad(w_hh) || tape.needs_grad(b_hh),
                     SequenceBackward, c);
}

}  // namespace undula::propagation
