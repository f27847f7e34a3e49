#include "propagation/ops/linear.h"

#include "propagation/ops/bias.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/op_check.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// Rows whose products make one part of a weight's gradient; parts are added in order.
constexpr int64_t kPartRows = 4096;

struct Context {
  Var a, wa, b, wb, bias;
  Activation activation;
};

struct Tile {
  int64_t begin, rows;
};
template <class Work>
void ForTiles(Tape& tape, int64_t n, int64_t work_per_row, const Work& work) {
  const int64_t tiles = (n + kTileRows - 1) / kTileRows;
  ForRanges(tape.exec().workers(), tiles, kTileRows * work_per_row,
            [&](int64_t first, int64_t last) {
              for (int64_t t = first; t < last; ++t) {
                work(Tile{t * kTileRows, std::min(kTileRows, n - t * kTileRows)});
              }
            });
}

template <class T>
void Rows(T* x, const Tile& tile, int64_t cols, T** out) {
  for (int64_t r = 0; r < tile.rows; ++r) out[r] = x + (tile.begin + r) * cols;
}

template <class T>
const T* Flipped(Tape& tape, const Tensor& w) {
  T* out = tape.arena().New<T>(static_cast<size_t>(w.size()));
  Transpose(w.as<T>(), w.rows(), w.cols(), out);
  return out;
}

template <class T>
void Forward(Tape& tape, const Tensor& a, const Tensor& wa, const Tensor& b, const Tensor& wb,
             const Tensor& bias, Activation activation, const Tensor& out) {
  const int64_t k = a.cols(), l = b.cols(), m = out.cols();
  const T* right_a = Flipped<T>(tape, wa);
  const T* right_b = b.empty() ? nullptr : Flipped<T>(tape, wb);
  ForTiles(tape, a.rows(), (k + l) * m / 4, [&](const Tile& tile) {
    const T* from[kTileRows];
    T* to[kTileRows];
    Rows(out.as<T>(), tile, m, to);
    Rows(const_cast<const T*>(a.as<T>()), tile, k, from);
    TileGemm<T>(from, tile.rows, k, right_a, m, to, m, false);
    if (!b.empty()) {
      Rows(const_cast<const T*>(b.as<T>()), tile, l, from);
      TileGemm<T>(from, tile.rows, l, right_b, m, to, m, true);
    }
    const T* shift = bias.as<T>();
    for (int64_t r = 0; r < tile.rows; ++r) {
      T* const row = to[r];
      if (shift != nullptr) {
        LaneGroup().ForEach(m, [=](int64_t c) { row[c] += shift[c]; });
      }
      if (activation == Activation::kRelu) {
        LaneGroup().ForEach(m, [=](int64_t c) {
          const T x = row[c];
          row[c] = x > T(0) ? x : T(0);
        });
      } else if (activation != Activation::kNone) {
        WithActivation(activation, [=](auto of) {
          LaneGroup().ForEach(m, [=](int64_t c) { row[c] = ActivationOf<T>(of, row[c]); });
        });
      }
    }
  });
}

// z = g o slope of the output, a tile of rows.
template <class T>
void Slopes(const Tensor& g, const Tensor& out, Activation activation, const Tile& tile, T* z) {
  const int64_t first = tile.begin * g.cols(), n = tile.rows * g.cols();
  const T *up = g.as<T>() + first, *y = out.as<T>() + first;
  T* to = z + first;
  if (activation == Activation::kRelu) {
    // Both are read: a branch would be taken at random.
    LaneGroup().ForEach(n, [=](int64_t i) {
      const T g_i = up[i], y_i = y[i];
      to[i] = y_i > T(0) ? g_i : T(0);
    });
  } else {
    WithActivation(activation, [=](auto of) {
      for (int64_t i = 0; i < n; ++i) to[i] = up[i] * SlopeOf<T>(of, y[i]);
    });
  }
}

// Gradients of the weights and the bias: one part for each range of rows, then their sum.
template <class T>
void AddWeightGradients(Tape& tape, const Context& c, const T* z, int64_t n, int64_t m) {
  struct Target {
    const T* x = nullptr;
    int64_t cols = 0, offset = 0;
    T* grad = nullptr;
  };
  Target targets[2];
  int64_t size = 0;
  const std::pair<Var, Var> inputs[] = {{c.a, c.wa}, {c.b, c.wb}};
  for (int i = 0; i < 2; ++i) {
    const auto& [x, w] = inputs[i];
    if (!tape.needs_grad(w)) continue;
    targets[i] = {tape.value(x).as<T>(), tape.value(x).cols(), size, tape.grad(w).as<T>()};
    size += m * targets[i].cols;
  }
  T* const bias = tape.needs_grad(c.bias) ? tape.grad(c.bias).as<T>() : nullptr;
  if ((size == 0 && bias == nullptr) || n == 0) return;
  const int64_t parts = (n + kPartRows - 1) / kPartRows;
  const int64_t stride = size + m;  // of a part; its last m are scratch
  T* const sums = tape.Scratch<T>(parts * stride);
  const T one = 1;
  // In float64: the slopes of a pair loss cancel in it.
  double* const bias_sums = tape.Scratch<double>(parts * m);
  ForRanges(tape.exec().workers(), parts, int64_t{1} << 20, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      T* const part = sums + p * stride;
      std::fill_n(part, size, T(0));
      double* const bias_part = bias_sums + p * m;
      std::fill_n(bias_part, m, 0.0);
      T* const column_sums = part + size;
      const int64_t end = std::min(n, (p + 1) * kPartRows);
      for (int64_t row = p * kPartRows; row < end; row += kTileRows) {
        const Tile tile{row, std::min(kTileRows, end - row)};
        const T *left[kTileRows], *right[kTileRows];
        Rows(z, tile, m, left);
        for (const Target& t : targets) {
          if (t.grad == nullptr) continue;
          Rows(t.x, tile, t.cols, right);
          TileOuter<T>(left, right, tile.rows, m, t.cols, part + t.offset, t.cols);
        }
        if (bias == nullptr) continue;
        std::fill_n(right, tile.rows, &one);
        std::fill_n(column_sums, m, T(0));
        TileOuter<T>(right, left, tile.rows, 1, m, column_sums, m);
        for (int64_t i = 0; i < m; ++i) bias_part[i] += static_cast<double>(column_sums[i]);
      }
    }
  });
  for (int64_t p = 0; p < parts; ++p) {
    const T* part = sums + p * stride;
    for (const Target& t : targets) {
      for (int64_t i = 0; t.grad != nullptr && i < m * t.cols; ++i) t.grad[i] += part[t.offset + i];
    }
    for (int64_t i = 0; p > 0 && i < m; ++i) bias_sums[i] += bias_sums[p * m + i];
  }
  for (int64_t i = 0; bias != nullptr && i < m; ++i) bias[i] += static_cast<T>(bias_sums[i]);
}

template <class T>
void BackwardOf(Tape& tape, Var output, const Context& c) {
  const Tensor g = tape.grad(output), out = tape.value(output);
  const int64_t n = g.rows(), m = g.cols();
  T* const z = tape.Scratch<T>(n * m);
  const std::pair<Var, Var> inputs[] = {{c.a, c.wa}, {c.b, c.wb}};
  int64_t inner = 0;
  T* grads[2] = {};
  for (int i = 0; i < 2; ++i) {
    if (!tape.needs_grad(inputs[i].first)) continue;
    grads[i] = tape.grad(inputs[i].first).template as<T>();
    inner += tape.value(inputs[i].first).cols();
  }
  ForTiles(tape, n, m + inner * m / 4, [&](const Tile& tile) {
    Slopes(g, out, c.activation, tile, z);
    const T* from[kTileRows];
    T* to[kTileRows];
    Rows(const_cast<const T*>(z), tile, m, from);
    for (int i = 0; i < 2; ++i) {
      if (grads[i] == nullptr) continue;
      const Tensor w = tape.value(inputs[i].second);
      Rows(grads[i], tile, w.cols(), to);
      TileGemm<T>(from, tile.rows, m, w.as<T>(), w.cols(), to, w.cols(), true);
    }
  });
  AddWeightGradients<T>(tape, c, z, n, m);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  WithFloat(tape.float_type(), [&](auto zero) { BackwardOf<decltype(zero)>(tape, output, c); });
}

// On a GPU the same out of operators that have kernels (cuBLAS).
Var Compose(Tape& tape, const Context& c) {
  Var z = MatMul(tape, c.a, c.wa, true);
  if (c.b.valid()) z = Add(tape, z, MatMul(tape, c.b, c.wb, true));
  if (c.bias.valid()) z = AddBias(tape, z, c.bias);
  switch (c.activation) {
    case Activation::kSigmoid:
      return Sigmoid(tape, z);
    case Activation::kTanh:
      return Tanh(tape, z);
    case Activation::kRelu:
      return Relu(tape, z);
    default:
      return z;
  }
}

bool Fit(const Tensor& x, const Tensor& w, int64_t n, int64_t m) {
  return x.rank == 2 && w.rank == 2 && x.rows() == n && w.rows() == m && x.cols() == w.cols();
}

}  // namespace

Var Linear(Tape& tape, Var a, Var wa, Var b, Var wb, Var bias, Activation activation) {
  constexpr std::string_view kOp = "Linear";
  if (!Ready(tape, kOp, {a, wa}) || (b.valid() && !Ready(tape, kOp, {b, wb})) ||
      (bias.valid() && !Ready(tape, kOp, {bias}))) {
    return Var{};
  }
  const Tensor av = tape.value(a), wv = tape.value(wa);
  const int64_t n = av.rows(), m = wv.rows();
  if (!Fit(av, wv, n, m) || (b.valid() && !Fit(tape.value(b), tape.value(wb), n, m)) ||
      (bias.valid() && tape.value(bias).size() != m)) {
    return BadInput(tape, kOp, "a ", Describe(av), ", wa ", Describe(wv), ", b ",
                    Describe(tape.value(b)), ", wb ", Describe(tape.value(wb)), " and bias ",
                    Describe(tape.value(bias)),
                    " do not fit; they are [n, k], [m, k], [n, l], [m, l] and [m]");
  }
  const Context inputs{a, wa, b, b.valid() ? wb : Var{}, bias, activation};
  if (tape.exec().on_gpu()) return Compose(tape, inputs);
  const Tensor out = tape.NewTensor({n, m});
  WithFloat(out.dtype, [&](auto zero) {
    Forward<decltype(zero)>(tape, av, wv, tape.value(b), tape.value(inputs.wb), tape.value(bias),
                            activation, out);
  });
  Context* c = tape.New<Context>();
  *c = inputs;
  return tape.Record(out,
                     tape.needs_grad(a) || tape.needs_grad(wa) || tape.needs_grad(b) ||
                         tape.needs_grad(inputs.wb) || tape.needs_grad(bias),
                     Backward, c);
}

}  // namespace undula::propagation
