#include "propagation/ops/matmul.h"

#include <algorithm>
#include <type_traits>

#include "propagation/cuda/blas.h"
#include "propagation/cuda/vector.h"
#include "propagation/ops/matmul_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

struct Context {
  Var a, b;
  bool transpose_b;
};

// The same products on a GPU: cuBLAS where the device has it, else the row bodies.
template <class T>
void MultiplyOnGpu(Tape& tape, const T* a, const T* b, int64_t n, int64_t k, int64_t m,
                   bool transpose_b, bool add, T* c) {
  if constexpr (kHasCuda && std::is_same_v<T, float>) {
    if (!tape.status().ok()) return;
    const cuda::Queue& queue = tape.exec().device()->queue();
    if (queue.blas != nullptr && k > 0) {
      tape.Check(cuda::Gemm(queue, false, transpose_b, n, m, k, a, b, add ? 1.0f : 0.0f, c),
                 "MatMul");
      return;
    }
    T* const out = add ? tape.Scratch<T>(n * m) : c;
    ForRows(tape, n, k * m, MatMulRow<T>{a, b, out, k, m, transpose_b});
    if (add && tape.status().ok()) tape.Check(cuda::AddTo(queue, out, c, n * m), "MatMul");
  } else {
    tape.Fail(UnimplementedError("MatMul: a GPU works in float32; use the cpu for float64"));
  }
}

template <class T>
void AddOuterOnGpu(Tape& tape, const T* a, const T* b, int64_t n, int64_t k, int64_t m, T* c) {
  if constexpr (kHasCuda && std::is_same_v<T, float>) {
    if (!tape.status().ok()) return;
    const cuda::Queue& queue = tape.exec().device()->queue();
    if (queue.blas != nullptr) {
      tape.Check(cuda::Gemm(queue, true, false, k, m, n, a, b, 1.0f, c), "MatMul");
    } else {
      ForRows(tape, k, n * m, MatMulOuterRow<T>{a, b, c, n, k, m});
    }
  }
}

// c [n, m] (+)= a [n, k] b, b [k, m] or, with transpose_b, [m, k].
template <class T>
void Multiply(Tape& tape, const T* a, const T* b, int64_t n, int64_t k, int64_t m, bool transpose_b,
              bool add, T* c) {
  if (n == 0 || m == 0) return;
  if (tape.exec().on_gpu()) return MultiplyOnGpu(tape, a, b, n, k, m, transpose_b, add, c);
  const T* right = b;
  if (transpose_b) {
    T* flipped = tape.arena().New<T>(k * m);
    Transpose(b, m, k, flipped);
    right = flipped;
  }
  ForRows(tape, (n + kTileRows - 1) / kTileRows, kTileRows * k * m / 4,
          [&](const LaneGroup&, int64_t tile) {
            const int64_t begin = tile * kTileRows;
            const int64_t rows = std::min(kTileRows, n - begin);
            const T* from[kTileRows];
            T* to[kTileRows];
            for (int64_t i = 0; i < rows; ++i) {
              from[i] = a + (begin + i) * k;
              to[i] = c + (begin + i) * m;
            }
            TileGemm<T>(from, rows, k, right, m, to, m, add);
          });
}

// c [k, m] += a^T b, a [n, k], b [n, m].
template <class T>
void AddOuter(Tape& tape, const T* a, const T* b, int64_t n, int64_t k, int64_t m, T* c) {
  if (n == 0 || k == 0 || m == 0) return;
  if (tape.exec().on_gpu()) return AddOuterOnGpu(tape, a, b, n, k, m, c);
  ForRows(tape, (k + kTileRows - 1) / kTileRows, n * kTileRows * m / 4,
          [&](const LaneGroup&, int64_t tile) {
            const int64_t first = tile * kTileRows, rows = std::min(kTileRows, k - first);
            const T* left[kTileRows];
            const T* right[kTileRows];
            for (int64_t begin = 0; begin < n; begin += kTileRows) {
              const int64_t inner = std::min(kTileRows, n - begin);
              for (int64_t i = 0; i < inner; ++i) {
                left[i] = a + (begin + i) * k + first;
                right[i] = b + (begin + i) * m;
              }
              TileOuter<T>(left, right, inner, rows, m, c + first * m, m);
            }
          });
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), a = tape.value(c.a), b = tape.value(c.b);
  const int64_t n = a.rows(), k = a.cols(), m = g.cols();
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (tape.needs_grad(c.a)) {
      Multiply<T>(tape, g.as<T>(), b.as<T>(), n, m, k, !c.transpose_b, true,
                  tape.grad(c.a).as<T>());
    }
    if (tape.needs_grad(c.b)) {
      T* out = tape.grad(c.b).as<T>();
      if (c.transpose_b) {
        AddOuter<T>(tape, g.as<T>(), a.as<T>(), n, m, k, out);
      } else {
        AddOuter<T>(tape, a.as<T>(), g.as<T>(), n, k, m, out);
      }
    }
  });
}

}  // namespace

void AddOuterProduct(Tape& tape, const Tensor& a, const Tensor& b, const Tensor& c) {
  WithFloat(c.dtype, [&](auto zero) {
    using T = decltype(zero);
    AddOuter<T>(tape, a.as<T>(), b.as<T>(), a.rows(), a.cols(), b.cols(), c.as<T>());
  });
}

Var MatMul(Tape& tape, Var a, Var b, bool transpose_b) {
  if (!Ready(tape, "MatMul", {a, b})) return Var{};
  const Tensor av = tape.value(a), bv = tape.value(b);
  const int64_t inner = bv.shape[transpose_b ? 1 : 0];
  if (av.rank != 2 || bv.rank != 2 || av.cols() != inner) {
    return BadInput(tape, "MatMul", "a ", Describe(av), " and b ", Describe(bv), " do not fit",
                    transpose_b ? " (b transposed)" : "");
  }
  const int64_t n = av.rows(), k = av.cols(), m = bv.shape[transpose_b ? 0 : 1];
  // cuBLAS takes int extents.
  if (std::max({n, k, m}) > INT32_MAX) {
    return BadInput(tape, "MatMul", "a ", Describe(av), " or b ", Describe(bv), " is too large");
  }
  const Tensor out = tape.NewTensor({n, m});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    Multiply<T>(tape, av.as<T>(), bv.as<T>(), n, k, m, transpose_b, false, out.as<T>());
  });
  Context* c = tape.New<Context>();
  *c = Context{a, b, transpose_b};
  return tape.Record(out, tape.needs_grad(a) || tape.needs_grad(b), Backward, c);
}

}  // namespace undula::propagation
