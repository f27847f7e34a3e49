// Row body of MatMul, the reference of the tiled and BLAS paths.
#ifndef UNDULA_PROPAGATION_OPS_MATMUL_ROW_H_
#define UNDULA_PROPAGATION_OPS_MATMUL_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// out[i, :] = a[i, :] b (b [k, m]) or a[i, :] b^T (b [m, k]).
template <class T>
struct MatMulRow {
  const T* a;
  const T* b;
  T* out;
  int64_t k, m;
  bool transpose_b;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T* left = a + i * k;
    T* to = out + i * m;
    if (transpose_b) {
      for (int64_t j = 0; j < m; ++j) {
        const T* right = b + j * k;
        const T sum = group.Sum(k, [&](int64_t p) { return left[p] * right[p]; });
        group.Once([&] { to[j] = sum; });
      }
    } else {
      group.ForEach(m, [&](int64_t j) { to[j] = T(0); });
      group.AddRows(
          to, m, k, [&](int64_t p) { return left[p]; }, [&](int64_t p) { return b + p * m; });
    }
  }
};

// Row i of out [k, m] += a^T b, a [n, k], b [n, m].
template <class T>
struct MatMulOuterRow {
  const T* a;
  const T* b;
  T* out;
  int64_t n, k, m;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    group.AddRows(
        out + i * m, m, n, [&](int64_t p) { return a[p * k + i]; },
        [&](int64_t p) { return b + p * m; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_MATMUL_ROW_H_
