// Row bodies of SegmentAttention. Slot e of a row reads row src[e] of k and v, or row e where src
// is null.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_ROW_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {

template <class T>
struct SegmentAttentionRow {
  const T* q;
  const T* k;
  const T* v;
  const int64_t* ptr;
  const uint32_t* src;
  T* weights;  // [E]
  T* out;
  int64_t d, m;  // columns of q and k, of v
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    const auto source = [&](int64_t i) {
      return src == nullptr ? begin + i : static_cast<int64_t>(src[begin + i]);
    };
    const T* query = q + row * d;
    T* w = weights + begin;
    for (int64_t i = 0; i < n; ++i) {
      const T* key = k + source(i) * d;
      const T dot = group.Sum(d, [&](int64_t c) { return query[c] * key[c]; });
      group.Once([&] { w[i] = scale * dot; });
    }
    SoftmaxInPlace(group, w, n, static_cast<const T*>(nullptr));
    T* to = out + row * m;
    group.ForEach(m, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, m, n, [&](int64_t i) { return w[i]; }, [&](int64_t i) { return v + source(i) * m; });
  }
};

// Per row of q: ds [E], the gradient of the scaled logits times scale, and dq.
template <class T>
struct SegmentAttentionBackwardQueryRow {
  const T* k;
  const T* v;
  const T* g;
  const int64_t* ptr;
  const uint32_t* src;
  const T* weights;
  T* ds;
  T* dq;  // may be null
  int64_t d, m;
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    const auto source = [&](int64_t i) {
      return src == nullptr ? begin + i : static_cast<int64_t>(src[begin + i]);
    };
    const T* up = g + row * m;
    T* s = ds + begin;
    for (int64_t i = 0; i < n; ++i) {
      const T* value = v + source(i) * m;
      const T dot = group.Sum(m, [&](int64_t c) { return up[c] * value[c]; });
      group.Once([&] { s[i] = dot; });
    }
    SoftmaxBackwardInPlace(group, weights + begin, s, n, scale);
    if (dq != nullptr) {
      group.AddRows(
          dq + row * d, d, n, [&](int64_t i) { return s[i]; },
          [&](int64_t i) { return k + source(i) * d; });
    }
  }
};

// Per distinct source row: grad[row] += sum over its slots e of coefficient[e] x[segment[e]]. With
// (ds, q) it is dk, with (weights, g) dv. order null: entry s is slot s and row s.
template <class T>
struct SegmentAttentionBackwardSourceRow {
  const T* coefficient;  // [E]
  const T* x;            // [segments, cols]
  const uint32_t* segment;
  const uint32_t* rows;
  const int64_t* slot_ptr;
  const uint32_t* order;
  T* grad;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t begin = order == nullptr ? s : slot_ptr[s];
    const int64_t n = order == nullptr ? 1 : slot_ptr[s + 1] - begin;
    const auto slot = [&](int64_t i) {
      return order == nullptr ? s : static_cast<int64_t>(order[begin + i]);
    };
    group.AddRows(
        grad + (order == nullptr ? s : static_cast<int64_t>(rows[s])) * cols, cols, n,
        [&](int64_t i) { return coefficient[slot(i)]; },
        [&](int64_t i) { return x + static_cast<int64_t>(segment[slot(i)]) * cols; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_ATTENTION_ROW_H_
