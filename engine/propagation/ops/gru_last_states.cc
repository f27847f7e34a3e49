#include "propagation/ops/gru_last_states.h"

#include <algorithm>
#include <type_traits>

#include "propagation/ops/gate_simd.h"
#include "propagation/ops/gru_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

template <class T>
struct LastStates {
  const T* table;
  const uint32_t* rows;
  const T* w;
  const int64_t* ptr;
  T* out;
  int64_t d;
  bool keeps_old;

  // Sequences first .. first + n - 1; gates: scratch [n, 3 d].
  void Run(int64_t first, int64_t n, T* gates) const {
    const T* from[kTileRows];
    T* to[kTileRows];
    int64_t active[kTileRows];
    std::fill_n(out + first * d, n * d, T(0));
    std::fill_n(gates, n * 3 * d, T(0));
    for (int64_t t = 0;; ++t) {
      int64_t count = 0;
      for (int64_t s = first; s < first + n; ++s) {
        if (ptr[s] + t >= ptr[s + 1]) continue;
        from[count] = out + s * d;
        to[count] = gates + count * 3 * d;
        active[count++] = s;
      }
      if (count == 0) return;
      if (t > 0) TileGemm<T>(from, count, d, w, 3 * d, to, 3 * d, false);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t s = active[i];
        Step(table + static_cast<int64_t>(rows[ptr[s] + t]) * 3 * d, to[i], out + s * d);
      }
    }
  }

  void Step(const T* input, const T* hidden, T* state) const {
    const GruGatesRow<T> body{input, hidden, state, state, d, keeps_old};
    if constexpr (std::is_same_v<T, float>) {
      if (d % 16 == 0) return GetGateKernels().gates(body, 0, 1);
    }
    body(LaneGroup(), 0);
  }
};

}  // namespace

Var GruLastStates(Tape& tape, Var table, const Tensor& rows, Var w_hh, const Tensor& ptr,
                  UpdateGate gate) {
  constexpr std::string_view kOp = "GruLastStates";
  if (!Ready(tape, kOp, {table, w_hh})) return Var{};
  const Tensor tv = tape.value(table), wv = tape.value(w_hh);
  const int64_t d = wv.rows(), sequences = ptr.size() - 1;
  if (tv.rank != 2 || wv.rank != 2 || wv.cols() != 3 * d || tv.cols() != 3 * d) {
    return BadInput(tape, kOp, "table ", Describe(tv), " and w_hh ", Describe(wv),
                    " do not fit; they are [m, 3 d] and [d, 3 d]");
  }
  if (!CheckOffsets(tape, kOp, "ptr", ptr, rows.size()) ||
      !CheckRows(tape, kOp, "rows", rows, tv.rows())) {
    return Var{};
  }
  const Tensor out = tape.NewTensor({sequences, d});
  const int64_t tiles = (sequences + kTileRows - 1) / kTileRows;
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    const LastStates<T> body{
        tv.as<T>(), rows.as<uint32_t>(),          wv.as<T>(), ptr.as<int64_t>(), out.as<T>(),
        d,          gate == UpdateGate::kKeepsOld};
    T* gates = tape.Scratch<T>(tiles * kTileRows * 3 * d);
    ForRanges(tape.exec().workers(), tiles, int64_t{1} << 20, [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t first = tile * kTileRows;
        body.Run(first, std::min(kTileRows, sequences - first), gates + first * 3 * d);
      }
    });
  });
  return tape.Constant(out);
}

}  // namespace undula::propagation
