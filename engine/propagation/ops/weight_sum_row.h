// Row bodies of WeightSum.
#ifndef UNDULA_PROPAGATION_OPS_WEIGHT_SUM_ROW_H_
#define UNDULA_PROPAGATION_OPS_WEIGHT_SUM_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// Element at[j] of x, or with `shifted` 1 for 0 and element at[j] - 1.
template <class T>
struct TermFactor {
  const T* x;
  const uint32_t* at;
  bool shifted;

  UNDULA_HD T operator()(int64_t j) const {
    if (!shifted) return x[at[j]];
    return at[j] == 0 ? T(1) : x[at[j] - 1];
  }
};

template <class T>
struct WeightSumRow {
  const int64_t* ptr;
  const T* coefficient;
  TermFactor<T> weights, children;
  T* out;
  T gain;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row];
    const T sum = group.Sum(ptr[row + 1] - begin, [&](int64_t k) {
      return coefficient[begin + k] * weights(begin + k) * children(begin + k);
    });
    group.Once([&] { out[row] = gain * sum; });
  }
};

// Per distinct target s (propagation/row_order.h) of the terms: its gradient from them, with the
// other factor of each. Targets below `first` or from `end` on have none.
template <class T>
struct WeightSumBackwardRow {
  const uint32_t* rows;
  const int64_t* order_ptr;
  const uint32_t* order;
  const uint32_t* node;  // of each term
  const T* coefficient;
  const T* g;  // of each node
  TermFactor<T> other;
  T* to;
  int64_t first, end;
  T gain;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t target = rows[s];
    if (target < first || target >= end) return;
    const int64_t begin = order_ptr[s];
    const T sum = group.Sum(order_ptr[s + 1] - begin, [&](int64_t k) {
      const int64_t j = order[begin + k];
      return coefficient[j] * g[node[j]] * other(j);
    });
    group.Once([&] { to[target - first] += gain * sum; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_WEIGHT_SUM_ROW_H_
