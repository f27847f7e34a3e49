// Bodies of the elementwise operators and of tiled sums. A "row" here is a tile of kElementTile
// consecutive elements.
#ifndef UNDULA_PROPAGATION_OPS_ELEMENTWISE_ROW_H_
#define UNDULA_PROPAGATION_OPS_ELEMENTWISE_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"
#include "propagation/ops/activation.h"

namespace undula::propagation {

inline constexpr int64_t kElementTile = 1024;

UNDULA_HD int64_t ElementTiles(int64_t n) { return (n + kElementTile - 1) / kElementTile; }

// f(i) for the elements of one tile.
template <class Group, class F>
UNDULA_HD void ForTile(const Group& group, int64_t tile, int64_t n, F f) {
  const int64_t begin = tile * kElementTile;
  const int64_t left = n - begin;
  group.ForEach(left < kElementTile ? left : kElementTile, [&](int64_t i) { f(begin + i); });
}

// out = ca a + cb b; with `add` it is added to out. b may be null (then only ca a).
template <class T>
struct LinearTile {
  const T* a;
  const T* b;
  T* out;
  T ca, cb;
  int64_t n;
  bool add;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    ForTile(group, tile, n, [&](int64_t i) {
      const T v = b == nullptr ? ca * a[i] : ca * a[i] + cb * b[i];
      out[i] = add ? out[i] + v : v;
    });
  }
};

// out = a b; with `add` it is added to out.
template <class T>
struct MulTile {
  const T* a;
  const T* b;
  T* out;
  int64_t n;
  bool add;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    ForTile(group, tile, n, [&](int64_t i) {
      const T v = a[i] * b[i];
      out[i] = add ? out[i] + v : v;
    });
  }
};

template <class T>
struct ActivationTile {
  const T* x;
  T* out;
  int64_t n;
  Activation activation;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    WithActivation(activation, [&](auto of) {
      ForTile(group, tile, n, [&](int64_t i) { out[i] = ActivationOf<T>(of, x[i]); });
    });
  }
};

// From the outputs y: grad += g act'(y).
template <class T>
struct ActivationBackwardTile {
  const T* y;
  const T* g;
  T* grad;
  int64_t n;
  Activation activation;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    WithActivation(activation, [&](auto of) {
      ForTile(group, tile, n, [&](int64_t i) { grad[i] += g[i] * SlopeOf<T>(of, y[i]); });
    });
  }
};

template <class T>
struct RowDotRow {
  const T* a;
  const T* b;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* x = a + row * cols;
    const T* y = b + row * cols;
    const T dot = group.Sum(cols, [&](int64_t c) { return x[c] * y[c]; });
    group.Once([&] { out[row] = dot; });
  }
};

// grad_row += g[row] other_row.
template <class T>
struct RowDotBackwardRow {
  const T* other;
  const T* g;
  T* grad;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = other + row * cols;
    T* to = grad + row * cols;
    const T up = g[row];
    group.ForEach(cols, [&](int64_t c) { to[c] += up * from[c]; });
  }
};

// partial[tile] = sum in float64 of term(i) over the tile's elements. Term: double operator()(i).
template <class Term>
struct SumTile {
  Term term;
  double* partial;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const int64_t begin = tile * kElementTile;
    const int64_t left = n - begin;
    const double sum = group.Sum(left < kElementTile ? left : kElementTile,
                                 [&](int64_t i) { return term(begin + i); });
    group.Once([&] { partial[tile] = sum; });
  }
};

// One row: out[0] = scale * sum of the partial sums.
template <class T>
struct FinishSumRow {
  const double* partial;
  int64_t tiles;
  double scale;
  T* out;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t) const {
    const double sum = group.Sum(tiles, [&](int64_t i) { return partial[i]; });
    group.Once([&] { out[0] = static_cast<T>(scale * sum); });
  }
};

template <class T>
struct ElementTerm {
  const T* x;
  UNDULA_HD double operator()(int64_t i) const { return static_cast<double>(x[i]); }
};

// grad[i] += factor * g[0]: backward of a sum.
template <class T>
struct AddScalarTile {
  const T* g;
  T factor;
  T* grad;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T v = factor * g[0];
    ForTile(group, tile, n, [&](int64_t i) { grad[i] += v; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ELEMENTWISE_ROW_H_
