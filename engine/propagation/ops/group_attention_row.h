// Row bodies of GroupAttention: the reference path (float64) on the CPU, the oracle of the tuned
// float32 kernels, and the first form of the CUDA kernels.
#ifndef UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_ROW_H_
#define UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {

// The groups as the bodies see them. Weights are packed: those of query row r of group g start at
// weight_ptr[g] + (r - first row of g) * slots of g.
struct GroupIndex {
  const int64_t* row_ptr;   // [G + 1]; query rows are row_ptr - row_ptr[0]
  const int64_t* slot_ptr;  // [G + 1]
  const uint32_t* key_row;  // absolute slots
  const uint32_t* value_row;
  const int64_t* weight_ptr;      // [G + 1]
  const uint32_t* group_of_row;   // [n]
  const uint32_t* group_of_slot;  // [slot_ptr[G] - slot_ptr[0]], relative slots

  UNDULA_HD int64_t slots(int64_t g) const { return slot_ptr[g + 1] - slot_ptr[g]; }
  UNDULA_HD int64_t first_row(int64_t g) const { return row_ptr[g] - row_ptr[0]; }
  UNDULA_HD int64_t weights_of(int64_t g, int64_t row) const {
    return weight_ptr[g] + (row - first_row(g)) * slots(g);
  }
};

// Per group: group_of_row and group_of_slot.
struct GroupIndexRow {
  const int64_t* row_ptr;
  const int64_t* slot_ptr;
  uint32_t* group_of_row;
  uint32_t* group_of_slot;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t g) const {
    const int64_t row = row_ptr[g] - row_ptr[0], slot = slot_ptr[g] - slot_ptr[0];
    group.ForEach(row_ptr[g + 1] - row_ptr[g],
                  [&](int64_t i) { group_of_row[row + i] = static_cast<uint32_t>(g); });
    group.ForEach(slot_ptr[g + 1] - slot_ptr[g],
                  [&](int64_t i) { group_of_slot[slot + i] = static_cast<uint32_t>(g); });
  }
};

// Per query row: weights and output.
template <class T>
struct GroupAttentionRow {
  GroupIndex index;
  const T* q;
  const T* keys;
  const T* values;
  const T* count;  // or null
  T* weights;
  T* out;
  int64_t d, m;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t g = index.group_of_row[row];
    const int64_t slot = index.slot_ptr[g], n = index.slots(g);
    const T* query = q + row * d;
    T* w = weights + index.weights_of(g, row);
    for (int64_t i = 0; i < n; ++i) {
      const T* key = keys + static_cast<int64_t>(index.key_row[slot + i]) * d;
      const T dot = group.Sum(d, [&](int64_t c) { return query[c] * key[c]; });
      group.Once([&] { w[i] = dot; });
    }
    SoftmaxInPlace(group, w, n, count == nullptr ? count : count + slot);
    T* to = out + row * m;
    group.ForEach(m, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, m, n, [&](int64_t i) { return w[i]; },
        [&](int64_t i) { return values + static_cast<int64_t>(index.value_row[slot + i]) * m; });
  }
};

// Per query row: ds (packed as the weights), the gradient of the logits, and dq.
template <class T>
struct GroupAttentionBackwardQueryRow {
  GroupIndex index;
  const T* keys;
  const T* values;
  const T* weights;
  const T* g_out;
  T* ds;
  T* dq;  // may be null
  int64_t d, m;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t g = index.group_of_row[row];
    const int64_t slot = index.slot_ptr[g], n = index.slots(g);
    const int64_t at = index.weights_of(g, row);
    const T* up = g_out + row * m;
    T* s = ds + at;
    for (int64_t i = 0; i < n; ++i) {
      const T* value = values + static_cast<int64_t>(index.value_row[slot + i]) * m;
      const T dot = group.Sum(m, [&](int64_t c) { return up[c] * value[c]; });
      group.Once([&] { s[i] = dot; });
    }
    SoftmaxBackwardInPlace(group, weights + at, s, n, T(1));
    if (dq == nullptr) return;
    group.AddRows(
        dq + row * d, d, n, [&](int64_t i) { return s[i]; },
        [&](int64_t i) { return keys + static_cast<int64_t>(index.key_row[slot + i]) * d; });
  }
};

// Per slot (relative number): slot_grad[slot] = sum over the group's rows of coefficient x row.
// With (ds, q) the gradient of the slot's key, with (weights, g_out) of its value.
template <class T>
struct GroupAttentionBackwardSlotRow {
  GroupIndex index;
  const T* coefficient;  // packed
  const T* x;            // [n, cols]
  T* slot_grad;          // [slots, cols]
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t g = index.group_of_slot[s];
    const int64_t i = s - (index.slot_ptr[g] - index.slot_ptr[0]), n = index.slots(g);
    const int64_t first = index.first_row(g);
    const T* w = coefficient + index.weight_ptr[g] + i;
    T* to = slot_grad + s * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, cols, index.row_ptr[g + 1] - index.row_ptr[g], [&](int64_t r) { return w[r * n]; },
        [&](int64_t r) { return x + (first + r) * cols; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_ROW_H_
