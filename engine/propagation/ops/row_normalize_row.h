// Row bodies of RowNormalize.
#ifndef UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_ROW_H_
#define UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_ROW_H_

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// 1 / |x|; 0 for a zero row, which is one without a normal number in it.
template <class T, class Group>
UNDULA_HD T InverseNorm(const Group& group, const T* x, int64_t cols) {
  const T plain = group.Sum(cols, [&](int64_t c) { return x[c] * x[c]; });
  if (plain > T(1e-24) && plain < T(1e24)) return T(1) / std::sqrt(plain);
  // Divided by the largest entry first, so that squares neither overflow nor vanish.
  const T top = group.Max(cols, [&](int64_t c) { return x[c] < T(0) ? -x[c] : x[c]; });
  if (!(top >= (sizeof(T) == 4 ? T(FLT_MIN) : T(DBL_MIN)))) return T(0);
  const T unit = T(1) / top;
  const T squares = group.Sum(cols, [&](int64_t c) {
    const T v = x[c] * unit;
    return v * v;
  });
  return unit / std::sqrt(squares);
}

// inverse[row] = 1 / |x_row|.
template <class T>
struct RowNormalizeRow {
  const T* x;
  T* out;
  T* inverse;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = x + row * cols;
    T* to = out + row * cols;
    const T scale = InverseNorm<T>(group, from, cols);
    group.ForEach(cols, [&](int64_t c) { to[c] = from[c] * scale; });
    group.Once([&] { inverse[row] = scale; });
  }
};

template <class T>
struct NormalizeInPlaceRow {
  T* x;
  const uint32_t* rows;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    T* row = x + static_cast<int64_t>(rows[i]) * cols;
    const T scale = InverseNorm<T>(group, row, cols);
    group.ForEach(cols, [&](int64_t c) { row[c] = scale == T(0) ? row[c] : row[c] * scale; });
  }
};

template <class T>
struct RowNormalizeBackwardRow {
  const T* y;
  const T* inverse;
  const T* g;
  T* grad;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* unit = y + row * cols;
    const T* up = g + row * cols;
    T* to = grad + row * cols;
    const T dot = group.Sum(cols, [&](int64_t c) { return unit[c] * up[c]; });
    const T scale = inverse[row];
    group.ForEach(cols, [&](int64_t c) { to[c] += (up[c] - unit[c] * dot) * scale; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ROW_NORMALIZE_ROW_H_
