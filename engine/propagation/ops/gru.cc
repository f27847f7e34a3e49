#include "propagation/ops/gru.h"

#include <algorithm>
#include <type_traits>

#include "propagation/ops/bias.h"
#include "propagation/ops/bias_row.h"
#include "propagation/ops/gate_rows.h"
#include "propagation/ops/gate_simd.h"
#include "propagation/ops/gru_row.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/op_check.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// One row of the gates, by the tuned kernel where there is one.
template <class T>
void GatesOfRow(const GruGatesRow<T>& body, int64_t row) {
  if constexpr (std::is_same_v<T, float>) {
    if (body.d % 16 == 0) return GetGateKernels().gates(body, row, row + 1);
  }
  body(LaneGroup(), row);
}
template <class T>
void BackwardOfRow(const GruGatesBackwardRow<T>& body) {
  if constexpr (std::is_same_v<T, float>) {
    if (body.d % 16 == 0) return GetGateKernels().gates_backward(body, 0, 1);
  }
  body(LaneGroup(), 0);
}

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
    const int64_t d = g.cols();
    ForGateRows(tape, g.rows(), d * 40, d % 16 == 0,
                GruGatesBackwardRow<T>{tape.value(c.gi).as<T>(), tape.value(c.gh).as<T>(),
                                       tape.value(c.h).as<T>(), g.as<T>(), grad(c.gi), grad(c.gh),
                                       grad(c.h), d, c.keeps_old},
                GetGateKernels().gates_backward);
  });
}

// On the CPU sequences are worked in tiles: their steps together are products of small matrices.
// The values of a sequence do not depend on the others of its tile.
template <class T>
struct SequenceTile {
  const int64_t* ptr;
  int64_t first, n;  // sequences

  int64_t longest() const {
    int64_t steps = 0;
    for (int64_t s = first; s < first + n; ++s) steps = std::max(steps, ptr[s + 1] - ptr[s]);
    return steps;
  }
  // The events of step t, of the sequences that have one.
  int64_t Events(int64_t t, int64_t* event) const {
    int64_t count = 0;
    for (int64_t s = first; s < first + n; ++s) {
      if (ptr[s] + t < ptr[s + 1]) event[count++] = ptr[s] + t;
    }
    return count;
  }
};

template <class T, class Work>
void ForSequenceTiles(Tape& tape, int64_t sequences, const int64_t* ptr, const Work& work) {
  const int64_t tiles = (sequences + kTileRows - 1) / kTileRows;
  ForRows(tape.exec().workers(), tiles, int64_t{1} << 20, [&](const LaneGroup&, int64_t tile) {
    const int64_t first = tile * kTileRows;
    work(SequenceTile<T>{ptr, first, std::min(kTileRows, sequences - first)});
  });
}

template <class T>
void ForwardTile(const GruSequenceRow<T>& p, const SequenceTile<T>& tile) {
  const T* from[kTileRows];
  T* to[kTileRows];
  int64_t event[kTileRows];
  const int64_t steps = tile.longest(), d = p.d;
  for (int64_t t = 0; t < steps; ++t) {
    const int64_t n = tile.Events(t, event);
    for (int64_t i = 0; i < n; ++i) {
      T *old = p.before + event[i] * d, *a = p.gh + event[i] * 3 * d;
      if (t == 0) {
        std::fill_n(old, d, T(0));
      } else {
        std::copy_n(p.out + (event[i] - 1) * d, d, old);
      }
      if (p.bias != nullptr) {
        std::copy_n(p.bias, 3 * d, a);
      } else if (t == 0) {
        std::fill_n(a, 3 * d, T(0));
      }
      from[i] = old;
      to[i] = a;
    }
    if (t > 0) TileGemm<T>(from, n, d, p.w, 3 * d, to, 3 * d, p.bias != nullptr);
    for (int64_t i = 0; i < n; ++i) {
      GatesOfRow(GruGatesRow<T>{p.gi, p.gh, p.before, p.out, d, p.keeps_old}, event[i]);
    }
  }
}

template <class T>
void BackwardTile(const GruSequenceBackwardRow<T>& p, const T* w_transposed, T* up,
                  const SequenceTile<T>& tile) {
  const T* from[kTileRows];
  T* to[kTileRows];
  int64_t event[kTileRows];
  const int64_t d = p.d;
  // up [E, d]: the gradient of each state, that from later events included.
  for (int64_t t = tile.longest() - 1; t >= 0; --t) {
    const int64_t n = tile.Events(t, event);
    int64_t earlier = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t e = event[i];
      T* const back = t > 0 ? up + (e - 1) * d : nullptr;
      std::fill_n(p.dgh + e * 3 * d, 3 * d, T(0));
      // The direct part of the old state's gradient is added to the state before.
      BackwardOfRow(GruGatesBackwardRow<T>{
          p.gi + e * 3 * d, p.gh + e * 3 * d, p.before + e * d, up + e * d,
          p.dgi == nullptr ? nullptr : p.dgi + e * 3 * d, p.dgh + e * 3 * d, back, d, p.keeps_old});
      if (back == nullptr) continue;
      from[earlier] = p.dgh + e * 3 * d;
      to[earlier++] = back;
    }
    if (earlier > 0) TileGemm<T>(from, earlier, 3 * d, w_transposed, d, to, d, true);
  }
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
  const GruSequenceBackwardRow<T> body{tape.value(c.gi).as<T>(),
                                       tape.value(c.w_hh).as<T>(),
                                       c.ptr.as<int64_t>(),
                                       c.before.as<T>(),
                                       c.gh.as<T>(),
                                       g.as<T>(),
                                       tape.needs_grad(c.gi) ? tape.grad(c.gi).as<T>() : nullptr,
                                       dgh.as<T>(),
                                       carry,
                                       d,
                                       c.keeps_old};
  if (tape.exec().on_gpu()) {
    ForRows(tape, sequences, d, body);
  } else {
    T* transposed = tape.Scratch<T>(3 * d * d);
    Transpose(body.w, d, 3 * d, transposed);
    T* up = tape.Scratch<T>(events * d);
    std::copy_n(g.as<T>(), events * d, up);
    ForSequenceTiles<T>(tape, sequences, body.ptr, [&](const SequenceTile<T>& tile) {
      BackwardTile(body, transposed, up, tile);
    });
  }
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
    ForGateRows(tape, n, d * 40, d % 16 == 0,
                GruGatesRow<T>{iv.as<T>(), av.as<T>(), hv.as<T>(), out.as<T>(), d, keeps_old},
                GetGateKernels().gates);
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
    const GruSequenceRow<T> body{iv.as<T>(),
                                 wv.as<T>(),
                                 b_hh.valid() ? tape.value(b_hh).as<T>() : nullptr,
                                 ptr.as<int64_t>(),
                                 before.as<T>(),
                                 gh.as<T>(),
                                 out.as<T>(),
                                 d,
                                 keeps_old};
    if (tape.exec().on_gpu()) {
      ForRows(tape, sequences, d, body);
    } else {
      ForSequenceTiles<T>(tape, sequences, body.ptr,
                          [&](const SequenceTile<T>& tile) { ForwardTile(body, tile); });
    }
  });
  SequenceContext* c = tape.New<SequenceContext>();
  *c = SequenceContext{gi, w_hh, b_hh, ptr, before, gh, keeps_old};
  return tape.Record(out, tape.needs_grad(gi) || tape.needs_grad(w_hh) || tape.needs_grad(b_hh),
                     SequenceBackward, c);
}

}  // namespace undula::propagation
