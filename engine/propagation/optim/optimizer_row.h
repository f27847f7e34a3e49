// Row bodies of the optimizers: one row of a parameter. g is the row's gradient, null where the row
// got none (dense-parity updates of embedding tables).
#ifndef UNDULA_PROPAGATION_OPTIM_OPTIMIZER_ROW_H_
#define UNDULA_PROPAGATION_OPTIM_OPTIMIZER_ROW_H_

#include <cmath>
#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

enum class OptimizerKind : uint8_t { kSgd, kAdagrad, kAdam, kAdamW, kLazyAdam };

// The numbers of one step, the same for all rows.
template <class T>
struct StepNumbers {
  T learning_rate, weight_decay, momentum, epsilon;
  // Adam: the betas, 1 - beta and 1 - beta^t of the global step t; differences are taken in
  // float64, since 1 - beta2 keeps only five digits in float32.
  T beta1, beta2, keep1, keep2, correction1, correction2;
  double exact_beta1, exact_beta2;
};

// Which rows of a parameter a step works on, and where their gradients are. A work item is a row of
// the gradient: a sparse one is row rows[item] of the parameter. With `slot_of_row` the item is a
// row of the parameter and its gradient, if any, row slot_of_row[item] (negative: none).
template <class T>
struct StepRows {
  const T* grad;
  const uint32_t* rows;        // or null: row = item
  const int32_t* slot_of_row;  // or null
  int64_t cols;

  // Padding of a GPU's list of rows (SparseGradient): nothing to do.
  UNDULA_HD bool skip(int64_t item) const { return rows != nullptr && rows[item] == UINT32_MAX; }
  UNDULA_HD int64_t row(int64_t item) const {
    return rows == nullptr ? item : static_cast<int64_t>(rows[item]);
  }
  UNDULA_HD const T* gradient(int64_t item) const {
    if (slot_of_row == nullptr) return grad + item * cols;
    return slot_of_row[item] < 0 ? nullptr : grad + static_cast<int64_t>(slot_of_row[item]) * cols;
  }
};

// slot_of_row[rows[s]] = s, or -1 with `clear`: one item is a tile of kMarkTile entries.
inline constexpr int64_t kMarkTile = 1024;
struct MarkSlotsTile {
  const uint32_t* rows;
  int32_t* slot_of_row;
  int64_t n;
  bool clear;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const int64_t begin = tile * kMarkTile;
    const int64_t left = n - begin;
    group.ForEach(left < kMarkTile ? left : kMarkTile, [&](int64_t i) {
      const uint32_t row = rows[begin + i];
      if (row != UINT32_MAX) slot_of_row[row] = clear ? -1 : static_cast<int32_t>(begin + i);
    });
  }
};

template <class T>
struct SgdRow {
  StepNumbers<T> step;
  StepRows<T> rows;
  T* value;
  T* buffer;  // momentum, or null

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t item) const {
    if (rows.skip(item)) return;
    const int64_t at = rows.row(item) * rows.cols;
    const T* g = rows.gradient(item);
    T* p = value + at;
    T* b = buffer == nullptr ? nullptr : buffer + at;
    group.ForEach(rows.cols, [&](int64_t c) {
      T d = (g == nullptr ? T(0) : g[c]) + step.weight_decay * p[c];
      if (b != nullptr) {
        b[c] = step.momentum * b[c] + d;
        d = b[c];
      }
      p[c] -= step.learning_rate * d;
    });
  }
};

template <class T>
struct AdagradRow {
  StepNumbers<T> step;
  StepRows<T> rows;
  T* value;
  T* sum;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t item) const {
    if (rows.skip(item)) return;
    const int64_t at = rows.row(item) * rows.cols;
    const T* g = rows.gradient(item);
    T* p = value + at;
    T* s = sum + at;
    group.ForEach(rows.cols, [&](int64_t c) {
      const T d = (g == nullptr ? T(0) : g[c]) + step.weight_decay * p[c];
      s[c] += d * d;
      p[c] -= step.learning_rate * d / (std::sqrt(s[c]) + step.epsilon);
    });
  }
};

// Adam and AdamW: p -= lr mhat / (sqrt(vhat) + eps).
template <class T>
struct AdamRow {
  StepNumbers<T> step;
  StepRows<T> rows;
  T* value;
  T* m;
  T* v;
  bool decoupled;  // AdamW

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t item) const {
    if (rows.skip(item)) return;
    const int64_t at = rows.row(item) * rows.cols;
    const T* g = rows.gradient(item);
    T* p = value + at;
    T* mean = m + at;
    T* square = v + at;
    const T coupled = decoupled ? T(0) : step.weight_decay;
    const T shrink = decoupled ? T(1) - step.learning_rate * step.weight_decay : T(1);
    const T rate = step.learning_rate / step.correction1;
    const T root = T(1) / std::sqrt(step.correction2);
    group.ForEach(rows.cols, [&](int64_t c) {
      const T d = (g == nullptr ? T(0) : g[c]) + coupled * p[c];
      const T mc = step.beta1 * mean[c] + step.keep1 * d;
      const T vc = step.beta2 * square[c] + step.keep2 * (d * d);
      mean[c] = mc;
      square[c] = vc;
      p[c] = shrink * p[c] - rate * mc / (std::sqrt(vc) * root + step.epsilon);
    });
  }
};

// What corrects the bias of lazy Adam's state after t steps of a row.
template <class T>
struct LazyAdamCorrection {
  T first, root;  // 1 - beta1^t, sqrt(1 - beta2^t)

  UNDULA_HD T Rate(T learning_rate) const { return learning_rate * root / first; }
};
template <class T>
UNDULA_HD LazyAdamCorrection<T> CorrectionAfter(const StepNumbers<T>& step, uint32_t t) {
  const auto power = [t](double base) {
    double result = 1;
    for (uint32_t exponent = t; exponent != 0; exponent >>= 1, base *= base) {
      if (exponent & 1) result *= base;
    }
    return result;
  };
  return {static_cast<T>(1 - power(step.exact_beta1)),
          std::sqrt(static_cast<T>(1 - power(step.exact_beta2)))};
}

// Rows of the step only: p -= rate m / (sqrt(v) + eps).
template <class T>
struct LazyAdamRow {
  StepNumbers<T> step;
  StepRows<T> rows;
  T* value;
  T* m;
  T* v;
  uint32_t* row_steps;  // steps of each row, or null: the global step counts

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t item) const {
    if (rows.skip(item)) return;
    const int64_t row = rows.row(item);
    const int64_t at = row * rows.cols;
    const T* g = rows.gradient(item);
    T* p = value + at;
    T* mean = m + at;
    T* square = v + at;
    const LazyAdamCorrection<T> correction =
        row_steps == nullptr ? LazyAdamCorrection<T>{step.correction1, std::sqrt(step.correction2)}
                             : CorrectionAfter(step, row_steps[row] + 1);
    const T rate = correction.Rate(step.learning_rate);
    group.ForEach(rows.cols, [&](int64_t c) {
      const T d = g[c] + step.weight_decay * p[c];
      const T mc = step.beta1 * mean[c] + step.keep1 * d;
      const T vc = step.beta2 * square[c] + step.keep2 * (d * d);
      mean[c] = mc;
      square[c] = vc;
      p[c] -= rate * mc / (std::sqrt(vc) + step.epsilon);
    });
    if (row_steps != nullptr) {
      group.Once([&] { ++row_steps[row]; });
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPTIM_OPTIMIZER_ROW_H_
