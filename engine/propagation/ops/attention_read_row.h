// Row bodies of AttentionRead.
#ifndef UNDULA_PROPAGATION_OPS_ATTENTION_READ_ROW_H_
#define UNDULA_PROPAGATION_OPS_ATTENTION_READ_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {

template <class T>
struct AttentionReadRow {
  const T* queries;
  const T* keys;
  const T* memory;
  T* weights;  // [B, slots]
  T* out;
  int64_t slots, d, m;
  T gamma;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T* query = queries + b * d;
    T* w = weights + b * slots;
    for (int64_t r = 0; r < slots; ++r) {
      const T* key = keys + r * d;
      const T dot = group.Sum(d, [&](int64_t c) { return query[c] * key[c]; });
      group.Once([&] { w[r] = gamma * dot; });
    }
    SoftmaxInPlace(group, w, slots, static_cast<const T*>(nullptr));
    T* to = out + b * m;
    group.ForEach(m, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, m, slots, [&](int64_t r) { return w[r]; },
        [&](int64_t r) { return memory + (b * slots + r) * m; });
  }
};

// Per query: ds [B, slots], dq and dM.
template <class T>
struct AttentionReadBackwardRow {
  const T* keys;
  const T* memory;
  const T* weights;
  const T* g;
  T* ds;
  T* dq;       // may be null
  T* dmemory;  // may be null
  int64_t slots, d, m;
  T gamma;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const T* up = g + b * m;
    const T* w = weights + b * slots;
    T* s = ds + b * slots;
    for (int64_t r = 0; r < slots; ++r) {
      const T* value = memory + (b * slots + r) * m;
      const T dot = group.Sum(m, [&](int64_t c) { return up[c] * value[c]; });
      group.Once([&] { s[r] = dot; });
    }
    SoftmaxBackwardInPlace(group, w, s, slots, gamma);
    if (dq != nullptr) {
      group.AddRows(
          dq + b * d, d, slots, [&](int64_t r) { return s[r]; },
          [&](int64_t r) { return keys + r * d; });
    }
    if (dmemory != nullptr) {
      T* to = dmemory + b * slots * m;
      group.ForEach(slots * m, [&](int64_t i) { to[i] += w[i / m] * up[i % m]; });
    }
  }
};

// Per key: dkey_r += sum over b of ds[b, r] q_b.
template <class T>
struct AttentionReadBackwardKeyRow {
  const T* queries;
  const T* ds;
  T* dkeys;
  int64_t batch, slots, d;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t r) const {
    group.AddRows(
        dkeys + r * d, d, batch, [&](int64_t b) { return ds[b * slots + r]; },
        [&](int64_t b) { return queries + b * d; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ATTENTION_READ_ROW_H_
