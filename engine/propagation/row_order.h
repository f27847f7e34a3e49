// The pull form of a scatter: positions sorted by the row that they go to. Backward of a gather is
// then a segment sum, with the same bits for any number of threads.
#ifndef UNDULA_PROPAGATION_ROW_ORDER_H_
#define UNDULA_PROPAGATION_ROW_ORDER_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/arena.h"

namespace undula::propagation {

// Distinct row s (ascending) receives the positions order[ptr[s] .. ptr[s+1]), ascending.
struct RowOrder {
  int64_t distinct = 0;
  const uint32_t* rows = nullptr;   // [distinct]
  const int64_t* ptr = nullptr;     // [distinct + 1]
  const uint32_t* order = nullptr;  // [n], the positions 0 .. n-1
  bool ascending = false;           // the ids came sorted: order is 0 .. n-1 (not set on a GPU)
};

// Stable sort of n ids (n < 2^32), each < limit, in O(n) time and arena memory. Serial.
RowOrder SortByRow(const uint32_t* ids, int64_t n, int64_t limit, Arena& arena);

// out[rows[s]] += sum over the positions p of row s of x[p]. rows null: out[s].
template <class T>
struct ScatterAddRow {
  const T* x;  // [n, cols]
  const uint32_t* rows;
  const int64_t* ptr;
  const uint32_t* order;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t begin = ptr[s];
    group.AddRows(
        out + (rows == nullptr ? s : static_cast<int64_t>(rows[s])) * cols, cols,
        ptr[s + 1] - begin, [](int64_t) { return T(1); },
        [&](int64_t k) { return x + static_cast<int64_t>(order[begin + k]) * cols; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_ROW_ORDER_H_
