// Row bodies of RelationGemv. R: [relations, a, b]; `transpose` swaps the roles of a and b.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_GEMV_ROW_H_
#define UNDULA_PROPAGATION_OPS_RELATION_GEMV_ROW_H_

#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// One edge: out_e (+)= R_r x_s, or R_r^T x_s. Used for the output, and for the gradient of the
// gathered x (the other orientation, with x the upstream gradient and sources null: row e).
template <class T>
struct RelationGemvRow {
  const T* R;
  const T* x;
  const uint32_t* relations;
  const uint32_t* sources;  // null: x_e
  T* out;
  int64_t a, b;
  bool transpose;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t e) const {
    const T* matrix = R + static_cast<int64_t>(relations[e]) * a * b;
    const int64_t in = transpose ? a : b, width = transpose ? b : a;
    const T* from = x + (sources == nullptr ? e : static_cast<int64_t>(sources[e])) * in;
    T* to = out + e * width;
    if (transpose) {
      group.ForEach(width, [&](int64_t j) { to[j] = T(0); });
      group.AddRows(
          to, width, in, [&](int64_t i) { return from[i]; },
          [&](int64_t i) { return matrix + i * b; });
    } else {
      // A member per output element: sums in ascending order, as the tiles do.
      group.ForEach(width, [&](int64_t i) {
        T sum = T(0);
        for (int64_t j = 0; j < in; ++j) sum += matrix[i * b + j] * from[j];
        to[i] = sum;
      });
    }
  }
};

// One row of one relation's gradient: dR_r[i, :] += sum over the edges of run s of u_e[i] w_e,
// where (u, w) = (g_e, x_s), transposed (x_s, g_e). Row number: s * a + i.
template <class T>
struct RelationGradientRow {
  const T* x;
  const T* g;
  const uint32_t* sources;
  const uint32_t* relation_of_run;
  const int64_t* run_ptr;
  const uint32_t* order;  // edges by relation
  T* grad;                // [relations, a, b]
  int64_t a, b;
  bool transpose;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t s = row / a, i = row % a;
    const int64_t begin = run_ptr[s];
    T* to = grad + (static_cast<int64_t>(relation_of_run[s]) * a + i) * b;
    const auto source = [&](int64_t k) {
      return x + static_cast<int64_t>(sources[order[begin + k]]) * (transpose ? a : b);
    };
    const auto upstream = [&](int64_t k) {
      return g + static_cast<int64_t>(order[begin + k]) * (transpose ? b : a);
    };
    group.AddRows(
        to, b, run_ptr[s + 1] - begin,
        [&](int64_t k) { return transpose ? source(k)[i] : upstream(k)[i]; },
        [&](int64_t k) { return transpose ? upstream(k) : source(k); });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_GEMV_ROW_H_
