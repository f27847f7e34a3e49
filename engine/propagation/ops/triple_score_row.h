// Row bodies of TripleScore and ProjectToHyperplane.
#ifndef UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_ROW_H_
#define UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_ROW_H_

#include <cmath>
#include <cstdint>

#include "base/hd.h"
#include "propagation/ops/triple_score.h"

namespace undula::propagation {

// Per triple: its score, and the slope of a distance with regard to h (and r, and -t).
template <class T>
struct TripleDistanceRow {
  const T* entities;
  const T* relations;
  const uint32_t* heads;
  const uint32_t* relation;
  const uint32_t* tails;
  T* score;
  T* slope;  // [n, cols]
  int64_t cols;
  TripleForm form;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T* h = entities + static_cast<int64_t>(heads[i]) * cols;
    const T* r = relations + static_cast<int64_t>(relation[i]) * cols;
    const T* t = entities + static_cast<int64_t>(tails[i]) * cols;
    T* to = slope + i * cols;
    if (form == TripleForm::kL1) {
      const T sum = group.Sum(cols, [&](int64_t c) {
        const T v = h[c] + r[c] - t[c];
        return v < T(0) ? -v : v;
      });
      group.ForEach(cols, [&](int64_t c) {
        const T v = h[c] + r[c] - t[c];
        to[c] = static_cast<T>(v > T(0)) - static_cast<T>(v < T(0));
      });
      group.Once([&] { score[i] = sum; });
      return;
    }
    const T squares = group.Sum(cols, [&](int64_t c) {
      const T v = h[c] + r[c] - t[c];
      return v * v;
    });
    const bool squared = form == TripleForm::kSquaredL2;
    const T norm = squared ? squares : std::sqrt(squares);
    const T factor = squared ? T(2) : norm > T(0) ? T(1) / norm : T(0);
    group.ForEach(cols, [&](int64_t c) { to[c] = (h[c] + r[c] - t[c]) * factor; });
    group.Once([&] { score[i] = norm; });
  }
};

template <class T>
struct TripleProductRow {
  const T* entities;
  const T* relations;
  const uint32_t* heads;
  const uint32_t* relation;
  const uint32_t* tails;
  T* score;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T* h = entities + static_cast<int64_t>(heads[i]) * cols;
    const T* r = relations + static_cast<int64_t>(relation[i]) * cols;
    const T* t = entities + static_cast<int64_t>(tails[i]) * cols;
    const T sum = group.Sum(cols, [&](int64_t c) { return h[c] * r[c] * t[c]; });
    group.Once([&] { score[i] = sum; });
  }
};

// slope[i] = a_row(i) o b_row(i): of a product with regard to its third factor.
template <class T>
struct TripleProductSlopeRow {
  const T* a;
  const uint32_t* a_row;
  const T* b;
  const uint32_t* b_row;
  T* slope;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T* x = a + static_cast<int64_t>(a_row[i]) * cols;
    const T* y = b + static_cast<int64_t>(b_row[i]) * cols;
    T* to = slope + i * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = x[c] * y[c]; });
  }
};

// out[rows[s]] += sign sum over the triples i of row s of g[i] slope_i.
template <class T>
struct TripleBackwardRow {
  const T* slope;
  const T* g;
  const uint32_t* rows;
  const int64_t* ptr;
  const uint32_t* order;
  T* out;
  int64_t cols;
  T sign;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t begin = ptr[s], n = ptr[s + 1] - begin;
    if (n == 0) return;
    group.AddRows(
        out + static_cast<int64_t>(rows[s]) * cols, cols, n,
        [&](int64_t k) { return sign * g[order[begin + k]]; },
        [&](int64_t k) { return slope + static_cast<int64_t>(order[begin + k]) * cols; });
  }
};

template <class T>
struct HyperplaneRow {
  const T* x;
  const T* w;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = x + row * cols;
    const T* normal = w + row * cols;
    T* to = out + row * cols;
    const T along = group.Sum(cols, [&](int64_t c) { return from[c] * normal[c]; });
    group.ForEach(cols, [&](int64_t c) { to[c] = from[c] - along * normal[c]; });
  }
};

// dx and dw may be null: not wanted.
template <class T>
struct HyperplaneBackwardRow {
  const T* x;
  const T* w;
  const T* g;
  T* dx;
  T* dw;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T* from = x + row * cols;
    const T* normal = w + row * cols;
    const T* up = g + row * cols;
    const T along = group.Sum(cols, [&](int64_t c) { return from[c] * normal[c]; });
    const T across = group.Sum(cols, [&](int64_t c) { return up[c] * normal[c]; });
    if (dx != nullptr) {
      T* to = dx + row * cols;
      group.ForEach(cols, [&](int64_t c) { to[c] += up[c] - across * normal[c]; });
    }
    if (dw != nullptr) {
      T* to = dw + row * cols;
      group.ForEach(cols, [&](int64_t c) { to[c] -= along * up[c] + across * from[c]; });
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_TRIPLE_SCORE_ROW_H_
