// Row bodies of SoftRead.
#ifndef UNDULA_PROPAGATION_OPS_SOFT_READ_ROW_H_
#define UNDULA_PROPAGATION_OPS_SOFT_READ_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"

namespace undula::propagation {

template <class T>
struct SoftReadRow {
  const T* queries;
  const T* keys;
  const T* values;
  const T* q;
  const int64_t* ptr;
  const uint32_t* src;
  const T* count;  // or null
  T* weights;      // [E]: count alpha
  T* out;
  int64_t d, m;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T* query = queries + i * d;
    for (int64_t e = ptr[i]; e < ptr[i + 1]; ++e) {
      const T* key = keys + static_cast<int64_t>(src[e]) * d;
      const T alpha = group.Sum(d, [&](int64_t c) { return q[c] * SigmoidOf(query[c] + key[c]); });
      group.Once([&] { weights[e] = count == nullptr ? alpha : count[e] * alpha; });
    }
    T* to = out + i * m;
    const int64_t first = ptr[i];
    group.ForEach(m, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, m, ptr[i + 1] - first, [&](int64_t k) { return weights[first + k]; },
        [&](int64_t k) { return values + static_cast<int64_t>(src[first + k]) * m; });
  }
};

// Per row: dkey [E, d] = the gradient of query + key in each slot, dquery += its sum, and the row's
// part of q's gradient.
template <class T>
struct SoftReadBackwardRow {
  const T* queries;
  const T* keys;
  const T* values;
  const T* q;
  const T* g;
  const int64_t* ptr;
  const uint32_t* src;
  const T* count;  // or null
  T* dkey;         // [E, d]
  T* dquery;       // may be null
  T* dq;           // [B, d]
  int64_t d, m;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t i) const {
    const T *query = queries + i * d, *up = g + i * m;
    T* to_q = dq + i * d;
    T* to_query = dquery == nullptr ? nullptr : dquery + i * d;
    group.ForEach(d, [&](int64_t c) { to_q[c] = T(0); });
    for (int64_t e = ptr[i]; e < ptr[i + 1]; ++e) {
      const T* value = values + static_cast<int64_t>(src[e]) * m;
      const T dot = group.Sum(m, [&](int64_t c) { return up[c] * value[c]; });
      const T dalpha = count == nullptr ? dot : count[e] * dot;
      const T* key = keys + static_cast<int64_t>(src[e]) * d;
      T* to = dkey + e * d;
      group.ForEach(d, [&](int64_t c) {
        const T y = SigmoidOf(query[c] + key[c]);
        const T slope = dalpha * q[c] * y * (T(1) - y);
        to[c] = slope;
        to_q[c] += dalpha * y;
        if (to_query != nullptr) to_query[c] += slope;
      });
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SOFT_READ_ROW_H_
