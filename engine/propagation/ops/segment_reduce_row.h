// Row bodies of SegmentReduce. Slot e of a segment reads row src[e] of x, or row e where src is
// null.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_ROW_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// Sum, or with `mean` the sum divided by the segment's size.
template <class T>
struct SegmentSumRow {
  const T* x;
  const int64_t* ptr;
  const uint32_t* src;
  T* out;
  int64_t cols;
  bool mean;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    T* to = out + row * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, cols, n, [](int64_t) { return T(1); },
        [&](int64_t k) {
          const int64_t e = begin + k;
          return x + (src == nullptr ? e : static_cast<int64_t>(src[e])) * cols;
        });
    if (mean && n > 1) group.ForEach(cols, [&](int64_t c) { to[c] /= static_cast<T>(n); });
  }
};

// Maximum; slot[row, c] is the slot of the first maximal entry (0 in empty segments, unused).
template <class T>
struct SegmentMaxRow {
  const T* x;
  const int64_t* ptr;
  const uint32_t* src;
  T* out;
  uint32_t* slot;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], end = ptr[row + 1];
    group.ForEach(cols, [&](int64_t c) {
      T best = T(0);
      int64_t at = begin;
      for (int64_t e = begin; e < end; ++e) {
        const T v = x[(src == nullptr ? e : static_cast<int64_t>(src[e])) * cols + c];
        if (e == begin || v > best) {
          best = v;
          at = e;
        }
      }
      out[row * cols + c] = best;
      slot[row * cols + c] = begin < end ? static_cast<uint32_t>(at) : 0;
    });
  }
};

// Gradient of the x row that entry s stands for: over its slots, in ascending order. With `order`
// null, entry s is slot s and row s.
template <class T>
struct SegmentReduceBackwardRow {
  const T* g;               // [segments, cols]
  const int64_t* ptr;       // of the segments
  const uint32_t* segment;  // [E], the segment of each slot
  const uint32_t* rows;     // RowOrder of src, or null
  const int64_t* slot_ptr;
  const uint32_t* order;
  const uint32_t* slot;  // of the maximum, or null: sum or mean
  T* grad;               // of x
  int64_t cols;
  bool mean;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t begin = order == nullptr ? s : slot_ptr[s];
    const int64_t n = order == nullptr ? 1 : slot_ptr[s + 1] - begin;
    if (n == 0) return;  // padding (cuda/row_segments.h)
    T* to = grad + (order == nullptr ? s : static_cast<int64_t>(rows[s])) * cols;
    const auto slot_at = [&](int64_t k) {
      return order == nullptr ? s : static_cast<int64_t>(order[begin + k]);
    };
    if (slot == nullptr) {
      group.AddRows(
          to, cols, n,
          [&](int64_t k) {
            const int64_t at = segment[slot_at(k)];
            return mean ? T(1) / static_cast<T>(ptr[at + 1] - ptr[at]) : T(1);
          },
          [&](int64_t k) { return g + static_cast<int64_t>(segment[slot_at(k)]) * cols; });
      return;
    }
    group.ForEach(cols, [&](int64_t c) {
      T sum = to[c];
      for (int64_t k = 0; k < n; ++k) {
        const int64_t e = slot_at(k);
        const int64_t at = static_cast<int64_t>(segment[e]) * cols + c;
        if (slot[at] == static_cast<uint32_t>(e)) sum += g[at];
      }
      to[c] = sum;
    });
  }
};

// segment[e] = row for the slots of one row.
struct SegmentOfSlotRow {
  const int64_t* ptr;
  uint32_t* segment;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row];
    group.ForEach(ptr[row + 1] - begin,
                  [&](int64_t k) { segment[begin + k] = static_cast<uint32_t>(row); });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_ROW_H_
