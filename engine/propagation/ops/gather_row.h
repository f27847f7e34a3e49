// Row body of GatherRows; its backward is ScatterAddRow (propagation/row_order.h).
#ifndef UNDULA_PROPAGATION_OPS_GATHER_ROW_H_
#define UNDULA_PROPAGATION_OPS_GATHER_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// out[k] = x[rows[k]].
template <class T>
struct GatherRow {
  const T* x;
  const uint32_t* rows;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t k) const {
    const T* from = x + static_cast<int64_t>(rows[k]) * cols;
    T* to = out + k * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = from[c]; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GATHER_ROW_H_
