// Terms and gradient bodies of the losses. Terms are functions of one element or row for SumTile
// (ops/elementwise_row.h); gradients are elementwise, scaled by g[0], the loss's upstream gradient.
#ifndef UNDULA_PROPAGATION_OPS_LOSSES_ROW_H_
#define UNDULA_PROPAGATION_OPS_LOSSES_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"
#include "propagation/ops/elementwise_row.h"

namespace undula::propagation {

// softplus(x) - y x as (max(x, 0) - y x) + ln(1 + e^-|x|): exact linear part for y in {0, 1}.
template <class T>
struct BceTerm {
  const T* logits;
  const T* labels;
  UNDULA_HD double operator()(int64_t i) const {
    const T x = logits[i];
    const T linear = (x > T(0) ? x : T(0)) - labels[i] * x;
    return static_cast<double>(linear) + static_cast<double>(Log1pUnit(Exp(x > T(0) ? -x : x)));
  }
};

template <class T>
struct BceBackwardTile {
  const T* logits;
  const T* labels;
  const T* g;
  T* grad;
  T scale;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T factor = scale * g[0];
    ForTile(group, tile, n,
            [&](int64_t i) { grad[i] += factor * (SigmoidOf(logits[i]) - labels[i]); });
  }
};

inline constexpr double kSmallestProbability = 1e-6;

template <class T>
UNDULA_HD T ClipProbability(T x) {
  const T low = static_cast<T>(kSmallestProbability), high = T(1) - low;
  return x < low ? low : x > high ? high : x;
}

template <class T>
struct BceProbabilityTerm {
  const T* x;
  const T* labels;
  UNDULA_HD double operator()(int64_t i) const {
    // Both clipped for themselves: 1 - p would round the smallest values away.
    const T p = ClipProbability(x[i]), q = ClipProbability(T(1) - x[i]);
    return -static_cast<double>(labels[i] * Log(p) + (T(1) - labels[i]) * Log(q));
  }
};

template <class T>
struct BceProbabilityBackwardTile {
  const T* x;
  const T* labels;
  const T* g;
  T* grad;
  T scale;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T factor = scale * g[0];
    ForTile(group, tile, n, [&](int64_t i) {
      const T p = ClipProbability(x[i]);
      if (p == x[i]) grad[i] += factor * (p - labels[i]) / (p * (T(1) - p));
    });
  }
};

template <class T>
struct PairTerm {
  const T* pos;
  const T* neg;
  UNDULA_HD double operator()(int64_t i) const {
    return static_cast<double>(Softplus(neg[i] - pos[i]));
  }
};

// sign = -1: gradient of pos, +1: of neg.
template <class T>
struct PairBackwardTile {
  const T* pos;
  const T* neg;
  const T* g;
  T* grad;
  T scale;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T factor = scale * g[0];
    ForTile(group, tile, n, [&](int64_t i) { grad[i] += factor * SigmoidOf(neg[i] - pos[i]); });
  }
};

template <class T>
struct MarginTerm {
  const T* better;
  const T* worse;
  T margin;
  UNDULA_HD double operator()(int64_t i) const {
    const T x = margin + (better[i] - worse[i]);
    return x > T(0) ? static_cast<double>(x) : 0.0;
  }
};

// scale > 0: gradient of better; < 0: of worse.
template <class T>
struct MarginBackwardTile {
  const T* better;
  const T* worse;
  const T* g;
  T* grad;
  T margin;
  T scale;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T factor = scale * g[0];
    ForTile(group, tile, n,
            [&](int64_t i) { grad[i] += margin + (better[i] - worse[i]) > T(0) ? factor : T(0); });
  }
};

// Per row of logits: top = its maximum, sum = sum of e^(x - top), loss = logsumexp - x[target].
template <class T>
struct CrossEntropyRow {
  const T* logits;
  const uint32_t* targets;
  T* top;
  T* sum;
  T* loss;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* x = logits + row * cols;
    const T largest = group.Max(cols, [&](int64_t c) { return x[c]; });
    const T total = group.Sum(cols, [&](int64_t c) { return Exp(x[c] - largest); });
    group.Once([&] {
      top[row] = largest;
      sum[row] = total;
      loss[row] = (largest - x[targets[row]]) + Log(total);
    });
  }
};

template <class T>
struct CrossEntropyBackwardRow {
  const T* logits;
  const uint32_t* targets;
  const T* top;
  const T* sum;
  const T* g;
  T* grad;
  T scale;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T factor = scale * g[0];
    const T* x = logits + row * cols;
    T* to = grad + row * cols;
    const int64_t target = targets[row];
    group.ForEach(cols, [&](int64_t c) {
      to[c] += factor * (Exp(x[c] - top[row]) / sum[row] - (c == target ? T(1) : T(0)));
    });
  }
};

template <class T>
struct SigmoidTerm {
  const T* x;
  const T* weights;  // or null
  UNDULA_HD double operator()(int64_t i) const {
    return static_cast<double>(weights == nullptr ? T(1) : weights[i]) *
           static_cast<double>(SigmoidOf(x[i]));
  }
};

template <class T>
struct SigmoidSumBackwardTile {
  const T* x;
  const T* weights;  // or null
  const T* g;
  T* grad;
  T scale;
  int64_t n;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t tile) const {
    const T factor = scale * g[0];
    ForTile(group, tile, n, [&](int64_t i) {
      const T y = SigmoidOf(x[i]);
      grad[i] += factor * (weights == nullptr ? T(1) : weights[i]) * (y * (T(1) - y));
    });
  }
};

// squares[row] = |x_row|^2 (rows are summed in float64 afterwards).
template <class T>
struct SquaredNormRow {
  const T* x;
  T* squares;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = x + row * cols;
    const T sum = group.Sum(cols, [&](int64_t c) { return from[c] * from[c]; });
    group.Once([&] { squares[row] = sum; });
  }
};

template <class T>
struct WeightedTerm {
  const T* x;
  const T* weights;  // or null
  UNDULA_HD double operator()(int64_t i) const {
    return static_cast<double>(weights == nullptr ? T(1) : weights[i]) * static_cast<double>(x[i]);
  }
};

template <class T>
struct SquaredNormBackwardRow {
  const T* x;
  const T* weights;  // or null
  const T* g;
  T* grad;
  T scale;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T factor = T(2) * scale * g[0] * (weights == nullptr ? T(1) : weights[row]);
    const T* from = x + row * cols;
    T* to = grad + row * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] += factor * from[c]; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_LOSSES_ROW_H_
