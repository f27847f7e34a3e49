// Row bodies of AddBias.
#ifndef UNDULA_PROPAGATION_OPS_BIAS_ROW_H_
#define UNDULA_PROPAGATION_OPS_BIAS_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

template <class T>
struct AddBiasRow {
  const T* x;
  const T* bias;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = x + row * cols;
    T* to = out + row * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = from[c] + bias[c]; });
  }
};

inline constexpr int64_t kColumnTile = 64;

UNDULA_HD int64_t ColumnTiles(int64_t cols) { return (cols + kColumnTile - 1) / kColumnTile; }

// out[c] += sum over the rows of g[., c], for the columns of a tile; rows in ascending order.
template <class T>
struct ColumnSumTile {
  const T* g;  // [n, cols]
  T* out;
  int64_t n, cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const int64_t begin = tile * kColumnTile;
    const int64_t width = cols - begin < kColumnTile ? cols - begin : kColumnTile;
    group.AddRows(
        out + begin, width, n, [](int64_t) { return T(1); },
        [&](int64_t r) { return g + r * cols + begin; });
  }
};

// to += from, a row.
template <class T>
struct AddToRow {
  const T* from;
  T* to;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* x = from + row * cols;
    T* y = to + row * cols;
    group.ForEach(cols, [&](int64_t c) { y[c] += x[c]; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_BIAS_ROW_H_
