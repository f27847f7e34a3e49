// Row bodies of SharedNegativeLoss: the GPU's and float64's form, and the oracle of the tiled one.
#ifndef UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_ROW_H_
#define UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"
#include "propagation/ops/shared_negatives.h"

namespace undula::propagation {

// The loss of one pair and its slope by the negative's score, where x is that score, less the
// positive's where the form has one.
template <class T>
UNDULA_HD T PairLossOf(PairForm form, T x, T margin) {
  if (form != PairForm::kMargin) return Softplus(x);
  const T v = x + margin;
  return v > T(0) ? v : T(0);
}
template <class T>
UNDULA_HD T PairSlopeOf(PairForm form, T x, T margin) {
  if (form != PairForm::kMargin) return SigmoidOf(x);
  return x + margin > T(0) ? T(1) : T(0);
}

template <class T>
struct SharedPairs {
  const T* q;
  const T* positive;  // or null
  const T* negatives;
  const int64_t* excluded_ptr;  // or null
  const uint32_t* excluded;
  int64_t rows, columns, d;
  PairForm form;
  T margin;

  UNDULA_HD T Margin(int64_t b, int64_t j) const {
    const T *left = q + b * d, *right = negatives + j * d;
    T sum = T(0);
    for (int64_t c = 0; c < d; ++c) sum += left[c] * right[c];
    return positive == nullptr ? sum : sum - positive[b];
  }
  UNDULA_HD bool Counts(int64_t b, int64_t j) const {
    if (excluded_ptr == nullptr) return true;
    int64_t low = excluded_ptr[b], high = excluded_ptr[b + 1];
    const int64_t end = high;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (static_cast<int64_t>(excluded[middle]) < j) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == end || static_cast<int64_t>(excluded[low]) != j;
  }
  UNDULA_HD T Loss(int64_t b, int64_t j) const {
    return Counts(b, j) ? PairLossOf(form, Margin(b, j), margin) : T(0);
  }
  UNDULA_HD T Slope(int64_t b, int64_t j) const {
    return Counts(b, j) ? PairSlopeOf(form, Margin(b, j), margin) : T(0);
  }
};

template <class T>
struct SharedPairRow {
  SharedPairs<T> pairs;
  T* loss;  // [B]

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T sum = group.Sum(pairs.columns, [&](int64_t j) { return pairs.Loss(b, j); });
    group.Once([&] { loss[b] = sum; });
  }
};

// dq_b and the gradient of the row's positive.
template <class T>
struct SharedPairBackwardRow {
  SharedPairs<T> pairs;
  const T* g;  // a scalar
  T* dq;       // these two may be null
  T* dpositive;
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T factor = scale * g[0];
    if (dq != nullptr) {
      group.AddRows(
          dq + b * pairs.d, pairs.d, pairs.columns,
          [&](int64_t j) { return factor * pairs.Slope(b, j); },
          [&](int64_t j) { return pairs.negatives + j * pairs.d; });
    }
    if (dpositive != nullptr) {
      const T sum = group.Sum(pairs.columns, [&](int64_t j) { return pairs.Slope(b, j); });
      group.Once([&] { dpositive[b] -= factor * sum; });
    }
  }
};

template <class T>
struct SharedPairBackwardColumn {
  SharedPairs<T> pairs;
  const T* g;
  T* dnegatives;
  T scale;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t j) const {
    const T factor = scale * g[0];
    group.AddRows(
        dnegatives + j * pairs.d, pairs.d, pairs.rows,
        [&](int64_t b) { return factor * pairs.Slope(b, j); },
        [&](int64_t b) { return pairs.q + b * pairs.d; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_ROW_H_
