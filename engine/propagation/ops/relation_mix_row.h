// Row bodies of RelationMix.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_ROW_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/ops/activation.h"
#include "propagation/ops/group_attention_row.h"

namespace undula::propagation {

// GroupIndex with key_row = relation; value_row may be null: slot s has value s.
UNDULA_HD int64_t ValueRow(const GroupIndex& index, int64_t slot) {
  return index.value_row == nullptr ? slot : static_cast<int64_t>(index.value_row[slot]);
}

// Per row: weights and output.
template <class T>
struct RelationMixRow {
  GroupIndex index;
  const T* q;
  const T* relations;
  const T* values;
  const T* base;   // or null
  const T* count;  // or null
  T* weights;
  T* out;
  int64_t d, m;
  T scale, gain;
  Activation activation;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t g = index.group_of_row[row];
    const int64_t slot = index.slot_ptr[g], n = index.slots(g);
    const T* query = q + row * d;
    T* w = weights + index.weights_of(g, row);
    T score = T(0);
    for (int64_t i = 0; i < n; ++i) {
      if (i == 0 || index.key_row[slot + i] != index.key_row[slot + i - 1]) {
        const T* key = relations + static_cast<int64_t>(index.key_row[slot + i]) * d;
        score = scale * group.Sum(d, [&](int64_t c) { return query[c] * key[c]; });
      }
      group.Once([&] { w[i] = score; });
    }
    SoftmaxInPlace(group, w, n, count == nullptr ? count : count + slot);
    T* to = out + row * m;
    group.ForEach(m, [&](int64_t c) { to[c] = base == nullptr ? T(0) : base[g * m + c]; });
    group.AddRows(
        to, m, n, [&](int64_t i) { return gain * w[i]; },
        [&](int64_t i) { return values + ValueRow(index, slot + i) * m; });
    if (activation == Activation::kNone) return;
    WithActivation(activation, [&](auto of) {
      group.ForEach(m, [&](int64_t c) { to[c] = ActivationOf<T>(of, to[c]); });
    });
  }
};

// Per row: dz [n, m], ds (packed as the weights) and dq.
template <class T>
struct RelationMixBackwardRow {
  GroupIndex index;
  const T* relations;
  const T* values;
  const T* weights;
  const T* dweights;  // or null
  const T* out;
  const T* g_out;
  T* dz;
  T* ds;
  T* dq;  // may be null
  int64_t d, m;
  T scale, gain;
  Activation activation;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t g = index.group_of_row[row];
    const int64_t slot = index.slot_ptr[g], n = index.slots(g);
    const int64_t at = index.weights_of(g, row);
    T* z = dz + row * m;
    WithActivation(activation, [&](auto of) {
      group.ForEach(
          m, [&](int64_t c) { z[c] = g_out[row * m + c] * SlopeOf<T>(of, out[row * m + c]); });
    });
    T* s = ds + at;
    for (int64_t i = 0; i < n; ++i) {
      const T* value = values + ValueRow(index, slot + i) * m;
      const T dot = group.Sum(m, [&](int64_t c) { return z[c] * value[c]; });
      group.Once([&] { s[i] = gain * dot + (dweights == nullptr ? T(0) : dweights[at + i]); });
    }
    SoftmaxBackwardInPlace(group, weights + at, s, n, scale);
    if (dq == nullptr) return;
    group.AddRows(
        dq + row * d, d, n, [&](int64_t i) { return s[i]; },
        [&](int64_t i) { return relations + static_cast<int64_t>(index.key_row[slot + i]) * d; });
  }
};

// Per slot: to[slot] += factor * sum over the group's rows of coefficient x row. With (weights, dz)
// the gradient of the slot's value, with (ds, q) of its relation.
template <class T>
struct RelationMixSlotRow {
  GroupIndex index;
  const T* coefficient;  // packed
  const T* x;            // [n, cols]
  T* to;                 // [S, cols]
  int64_t cols;
  T factor;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t slot) const {
    const int64_t g = index.group_of_slot[slot];
    const int64_t n = index.slots(g), first = index.row_ptr[g];
    const T* w = coefficient + index.weight_ptr[g] + (slot - index.slot_ptr[g]);
    group.AddRows(
        to + slot * cols, cols, index.row_ptr[g + 1] - first,
        [&](int64_t r) { return factor * w[r * n]; },
        [&](int64_t r) { return x + (first + r) * cols; });
  }
};

// Per group: to[g] += sum of the group's rows of x.
template <class T>
struct RelationMixBaseRow {
  const int64_t* row_ptr;
  const T* x;
  T* to;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t g) const {
    const int64_t first = row_ptr[g];
    group.AddRows(
        to + g * cols, cols, row_ptr[g + 1] - first, [](int64_t) { return T(1); },
        [&](int64_t r) { return x + (first + r) * cols; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_ROW_H_
