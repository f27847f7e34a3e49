// Row bodies of LinearCrossEntropy: the GPU's and float64's form, and the oracle of the tiled one.
#ifndef UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_ROW_H_
#define UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"

namespace undula::propagation {

template <class T>
struct LinearLogits {
  const T* x;
  const T* table;
  const uint32_t* targets;
  const T* offset;         // [N] or null
  const T* target_offset;  // [B] or null
  int64_t rows, items, d;

  UNDULA_HD T operator()(int64_t b, int64_t i) const {
    const T *left = x + b * d, *right = table + i * d;
    T sum = T(0);
    for (int64_t c = 0; c < d; ++c) sum += left[c] * right[c];
    if (offset == nullptr) return sum;
    return sum + (i == static_cast<int64_t>(targets[b]) ? target_offset[b] : offset[i]);
  }
  // The derivative of the row's loss by logit i, given its largest logit and 1 / sum exp(. - top).
  UNDULA_HD T Slope(int64_t b, int64_t i, const T* top, const T* share) const {
    return Exp((*this)(b, i) - top[b]) * share[b] -
           (i == static_cast<int64_t>(targets[b]) ? T(1) : T(0));
  }
};

template <class T>
struct LinearCrossEntropyRow {
  LinearLogits<T> logits;
  T* top;    // [B]: the largest logit
  T* share;  // [B]: 1 / sum of exp(logit - top); a logarithm of both would lose digits
  T* loss;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T most = group.Max(logits.items, [&](int64_t i) { return logits(b, i); });
    const T sum = group.Sum(logits.items, [&](int64_t i) { return Exp(logits(b, i) - most); });
    group.Once([&] {
      top[b] = most;
      share[b] = T(1) / sum;
      loss[b] = (most - logits(b, logits.targets[b])) + Log(sum);
    });
  }
};

// dx_b.
template <class T>
struct LinearCrossEntropyBackwardRow {
  LinearLogits<T> logits;
  const T* top;
  const T* share;
  const T* g;  // a scalar
  T* dx;
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T factor = scale * g[0];
    group.AddRows(
        dx + b * logits.d, logits.d, logits.items,
        [&](int64_t i) { return factor * logits.Slope(b, i, top, share); },
        [&](int64_t i) { return logits.table + i * logits.d; });
  }
};

// dtable_i.
template <class T>
struct LinearCrossEntropyBackwardItemRow {
  LinearLogits<T> logits;
  const T* top;
  const T* share;
  const T* g;  // a scalar
  T* dtable;
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T factor = scale * g[0];
    group.AddRows(
        dtable + i * logits.d, logits.d, logits.rows,
        [&](int64_t b) { return factor * logits.Slope(b, i, top, share); },
        [&](int64_t b) { return logits.x + b * logits.d; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LINEAR_CROSS_ENTROPY_ROW_H_
