// Row bodies of Spmm.
#ifndef UNDULA_PROPAGATION_OPS_SPMM_ROW_H_
#define UNDULA_PROPAGATION_OPS_SPMM_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

template <class T>
struct SpmmRow {
  const T* x;
  const T* weight;
  const int64_t* ptr;
  const uint32_t* src;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row];
    T* to = out + row * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, cols, ptr[row + 1] - begin, [&](int64_t k) { return weight[begin + k]; },
        [&](int64_t k) { return x + static_cast<int64_t>(src[begin + k]) * cols; });
  }
};

// Added to the gradient of row j of x.
template <class T>
struct SpmmBackwardRow {
  const T* g;
  const T* weight;
  const int64_t* in_ptr;
  const uint32_t* in_row;
  const uint32_t* in_entry;
  T* grad;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t j) const {
    const int64_t begin = in_ptr[j];
    group.AddRows(
        grad + j * cols, cols, in_ptr[j + 1] - begin,
        [&](int64_t k) { return weight[in_entry[begin + k]]; },
        [&](int64_t k) { return g + static_cast<int64_t>(in_row[begin + k]) * cols; });
  }
};

// Added to the gradients of the weights of an output row.
template <class T>
struct SpmmWeightRow {
  const T* g;
  const T* x;
  const int64_t* ptr;
  const uint32_t* src;
  T* grad;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* up = g + row * cols;
    for (int64_t e = ptr[row]; e < ptr[row + 1]; ++e) {
      const T* from = x + static_cast<int64_t>(src[e]) * cols;
      const T dot = group.Sum(cols, [&](int64_t c) { return up[c] * from[c]; });
      group.Once([&] { grad[e] += dot; });
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SPMM_ROW_H_
