// Row bodies of SegmentSoftmax, and the softmax that the attention operators share.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_ROW_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"

namespace undula::propagation {

// w[0 .. n) from logits to softmax weights in place; n = 0 does nothing. With counts (not null) the
// weight of entry i is proportional to counts[i] e^w[i].
template <class T, class Group>
UNDULA_HD void SoftmaxInPlace(const Group& group, T* w, int64_t n, const T* counts) {
  const T top = group.Max(n, [&](int64_t i) { return w[i]; });
  group.ForEach(
      n, [&](int64_t i) { w[i] = Exp(w[i] - top) * (counts == nullptr ? T(1) : counts[i]); });
  const T sum = group.Sum(n, [&](int64_t i) { return w[i]; });
  const T scale = T(1) / sum;
  group.ForEach(n, [&](int64_t i) { w[i] *= scale; });
}

// ds[i] = (upstream of weight i) becomes the gradient of logit i: a_i (ds_i - sum_j a_j ds_j),
// times `factor`.
template <class T, class Group>
UNDULA_HD void SoftmaxBackwardInPlace(const Group& group, const T* a, T* ds, int64_t n, T factor) {
  const T dot = group.Sum(n, [&](int64_t i) { return a[i] * ds[i]; });
  group.ForEach(n, [&](int64_t i) { ds[i] = factor * (a[i] * (ds[i] - dot)); });
}

template <class T>
struct SegmentSoftmaxRow {
  const T* logits;
  const int64_t* ptr;
  T* out;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    group.ForEach(n, [&](int64_t i) { out[begin + i] = logits[begin + i]; });
    SoftmaxInPlace(group, out + begin, n, static_cast<const T*>(nullptr));
  }
};

template <class T>
struct SegmentSoftmaxBackwardRow {
  const T* weights;
  const T* g;
  const int64_t* ptr;
  T* grad;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t begin = ptr[row], n = ptr[row + 1] - begin;
    const T* a = weights + begin;
    const T* up = g + begin;
    const T dot = group.Sum(n, [&](int64_t i) { return a[i] * up[i]; });
    group.ForEach(n, [&](int64_t i) { grad[begin + i] += a[i] * (up[i] - dot); });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_ROW_H_
