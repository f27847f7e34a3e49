// Row bodies of key_value_memory. Only z [E, A] and rho [E, A] are kept: the coefficient of event s
// after event t is z_as prod_{q = s+1..t} (1 - z_aq), formed on the way from t down to s.
#ifndef UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_ROW_H_
#define UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {

// One value of the direct form. before [steps, M, d]: the value before each write.
template <class T>
struct MemoryWriteRow {
  const T* updates;
  T* before;
  T* z;  // [steps, M]
  T* out;
  int64_t steps, rows, d;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    T* value = out + row * d;
    group.ForEach(d, [&](int64_t c) { value[c] = T(0); });
    for (int64_t t = 0; t < steps; ++t) {
      const T* x = updates + (t * rows + row) * d;
      T* old = before + (t * rows + row) * d;
      const T gate = SigmoidOf(group.Sum(d, [&](int64_t c) { return value[c] * x[c]; }));
      group.Once([&] { z[t * rows + row] = gate; });
      group.ForEach(d, [&](int64_t c) {
        old[c] = value[c];
        value[c] += gate * (x[c] - value[c]);
      });
    }
  }
};

template <class T>
struct MemoryWriteBackwardRow {
  const T* updates;
  const T* before;
  const T* z;
  const T* g;
  T* carry;  // [M, d]
  T* dupdates;
  int64_t steps, rows, d;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    T* back = carry + row * d;
    group.ForEach(d, [&](int64_t c) { back[c] = g[row * d + c]; });
    for (int64_t t = steps - 1; t >= 0; --t) {
      const T* x = updates + (t * rows + row) * d;
      const T* old = before + (t * rows + row) * d;
      T* to = dupdates + (t * rows + row) * d;
      const T gate = z[t * rows + row];
      const T dz = group.Sum(d, [&](int64_t c) { return back[c] * (x[c] - old[c]); });
      const T dlogit = dz * gate * (T(1) - gate);
      group.ForEach(d, [&](int64_t c) {
        to[c] += gate * back[c] + dlogit * old[c];
        back[c] = (T(1) - gate) * back[c] + dlogit * x[c];
      });
    }
  }
};

// What the bodies of the scalar form share.
template <class T>
struct MemoryState {
  const T* events;    // [E, d]
  const T* products;  // [E, A]
  const T* keys;      // [A, d]
  const int64_t* event_ptr;
  T* z;    // [E, A]
  T* rho;  // [E, A]
  int64_t d, a;
  T truncation;

  // step(s, C) for the events s = last, last - 1, ... >= first that are not dropped, with C(k) the
  // coefficient of event s under key k after event `last`. product: [A], scratch.
  template <class Group, class Step>
  UNDULA_HD void Walk(const Group& group, int64_t first, int64_t last, T* product,
                      Step step) const {
    group.ForEach(a, [&](int64_t k) { product[k] = T(1); });
    for (int64_t s = last; s >= first; --s) {
      const T* gate = z + s * a;
      step(s, [gate, product](int64_t k) { return gate[k] * product[k]; });
      group.ForEach(a, [&](int64_t k) { product[k] *= T(1) - gate[k]; });
      if (truncation > T(0) && group.Max(a, [&](int64_t k) { return product[k]; }) <= truncation) {
        return;
      }
    }
  }
  template <class Group>
  UNDULA_HD T Dot(const Group& group, const T* x, const T* y) const {
    return group.Sum(d, [x, y](int64_t c) { return x[c] * y[c]; });
  }
};

// z and rho of the events of one sequence.
template <class T>
struct MemoryScanRow {
  MemoryState<T> state;
  const T* norms;  // [A]: |r_a|^2
  T* scratch;      // [S, 2 A]

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t sequence) const {
    const MemoryState<T>& m = state;
    const int64_t first = m.event_ptr[sequence];
    T* product = scratch + sequence * 2 * m.a;
    T* logit = product + m.a;
    for (int64_t t = first; t < m.event_ptr[sequence + 1]; ++t) {
      const T* er = m.products + t * m.a;
      const T* before = t == first ? nullptr : m.rho + (t - 1) * m.a;
      group.ForEach(m.a, [&](int64_t k) {
        logit[k] = before == nullptr ? T(0) : before[k] * (er[k] + norms[k]);
      });
      m.Walk(group, first, t - 1, product, [&](int64_t s, auto coefficient) {
        const T gram = m.Dot(group, m.events + s * m.d, m.events + t * m.d);
        const T* es = m.products + s * m.a;
        group.ForEach(m.a, [&](int64_t k) { logit[k] += coefficient(k) * (gram + es[k]); });
      });
      T *z = m.z + t * m.a, *rho = m.rho + t * m.a;
      group.ForEach(m.a, [&](int64_t k) {
        const T gate = SigmoidOf(logit[k]);
        const T old = before == nullptr ? T(0) : before[k];
        z[k] = gate;
        rho[k] = old + gate * (T(1) - old);
      });
    }
  }
};

// One read: w and the output.
template <class T>
struct MemoryReadRow {
  MemoryState<T> state;
  const T* queries;
  const uint32_t* sequence;  // [B]
  const uint32_t* last;      // [B]
  T* weights;                // [B, A]
  T* scratch;                // [B, A]
  T* out;
  T gamma;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const MemoryState<T>& m = state;
    T* w = weights + b * m.a;
    for (int64_t k = 0; k < m.a; ++k) {
      const T dot = m.Dot(group, queries + b * m.d, m.keys + k * m.d);
      group.Once([&] { w[k] = gamma * dot; });
    }
    SoftmaxInPlace(group, w, m.a, static_cast<const T*>(nullptr));
    T* to = out + b * m.d;
    group.ForEach(m.d, [&](int64_t c) { to[c] = T(0); });
    const int64_t t = last[b];
    m.Walk(group, m.event_ptr[sequence[b]], t, scratch + b * m.a, [&](int64_t s, auto coefficient) {
      const T alpha = group.Sum(m.a, [&](int64_t k) { return w[k] * coefficient(k); });
      const T* event = m.events + s * m.d;
      group.ForEach(m.d, [&](int64_t c) { to[c] += alpha * event[c]; });
    });
    const T* rho = m.rho + t * m.a;
    group.AddRows(
        to, m.d, m.a, [&](int64_t k) { return w[k] * rho[k]; },
        [&](int64_t k) { return m.keys + k * m.d; });
  }
};

// One read: ds [B, A], the gradient of q . r_a, and dq.
template <class T>
struct MemoryReadBackwardRow {
  MemoryState<T> state;
  const uint32_t* sequence;
  const uint32_t* last;
  const T* weights;
  const T* g;
  T* scratch;  // [B, A]
  T* ds;
  T* dq;  // may be null
  T gamma;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t b) const {
    const MemoryState<T>& m = state;
    const T *w = weights + b * m.a, *up = g + b * m.d;
    T* slope = ds + b * m.a;
    const int64_t t = last[b];
    const T* rho = m.rho + t * m.a;
    for (int64_t k = 0; k < m.a; ++k) {
      const T dot = m.Dot(group, up, m.keys + k * m.d);
      group.Once([&] { slope[k] = rho[k] * dot; });
    }
    m.Walk(group, m.event_ptr[sequence[b]], t, scratch + b * m.a, [&](int64_t s, auto coefficient) {
      const T dot = m.Dot(group, up, m.events + s * m.d);
      group.ForEach(m.a, [&](int64_t k) { slope[k] += coefficient(k) * dot; });
    });
    // Only differences count: those to the key with the largest weight keep their digits.
    const T most = group.Max(m.a, [&](int64_t k) { return w[k]; });
    const T least = static_cast<T>(-HUGE_VAL);
    const T shift = group.Max(m.a, [&](int64_t k) { return w[k] == most ? slope[k] : least; });
    group.ForEach(m.a, [&](int64_t k) { slope[k] -= shift; });
    SoftmaxBackwardInPlace(group, w, slope, m.a, gamma);
    if (dq == nullptr) return;
    group.AddRows(
        dq + b * m.d, m.d, m.a, [&](int64_t k) { return slope[k]; },
        [&](int64_t k) { return m.keys + k * m.d; });
  }
};

// One sequence, from its last event to the first: what events and products are due.
template <class T>
struct MemoryScanBackwardRow {
  MemoryState<T> state;
  const T* norms;
  const int64_t* read_ptr;
  const uint32_t* last;
  const T* weights;
  const T* g;
  T* scratch;    // [S, 4 A]
  T* dc;         // [E, A], zero: the gradient of the coefficients
  T* devents;    // may be null
  T* dproducts;  // may be null
  T* dnorms;     // [E, A]

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t sequence) const {
    const MemoryState<T>& m = state;
    const int64_t first = m.event_ptr[sequence], end = m.event_ptr[sequence + 1];
    T* product = scratch + sequence * 4 * m.a;
    T *drho = product + m.a, *dz = drho + m.a, *dlogit = dz + m.a;
    group.ForEach(m.a, [&](int64_t k) { drho[k] = T(0); });
    int64_t read = read_ptr[sequence + 1] - 1;
    for (int64_t t = end - 1; t >= first; --t) {
      for (; read >= read_ptr[sequence] && static_cast<int64_t>(last[read]) == t; --read) {
        Read(group, first, t, read, product, drho);
      }
      const T *z = m.z + t * m.a, *er = m.products + t * m.a;
      const T* before = t == first ? nullptr : m.rho + (t - 1) * m.a;
      T* due = dc + t * m.a;
      group.ForEach(m.a, [&](int64_t k) {
        dz[k] = due[k] + drho[k] * (T(1) - (before == nullptr ? T(0) : before[k]));
      });
      m.Walk(group, first, t - 1, product, [&](int64_t s, auto coefficient) {
        const T* c = dc + s * m.a;
        group.ForEach(m.a, [&](int64_t k) { dz[k] -= c[k] * coefficient(k); });
      });
      T* norm = dnorms + t * m.a;
      group.ForEach(m.a, [&](int64_t k) {
        dlogit[k] = dz[k] * z[k] * (T(1) - z[k]);
        norm[k] = before == nullptr ? T(0) : dlogit[k] * before[k];
        if (dproducts != nullptr) dproducts[t * m.a + k] += norm[k];
        drho[k] = drho[k] * (T(1) - z[k]) + dlogit[k] * (er[k] + norms[k]);
      });
      m.Walk(group, first, t - 1, product, [&](int64_t s, auto coefficient) {
        const T *es = m.events + s * m.d, *et = m.events + t * m.d;
        const T gram = m.Dot(group, es, et);
        const T dgram = group.Sum(m.a, [&](int64_t k) { return dlogit[k] * coefficient(k); });
        const T* ps = m.products + s * m.a;
        T* c = dc + s * m.a;
        group.ForEach(m.a, [&](int64_t k) {
          if (dproducts != nullptr) dproducts[s * m.a + k] += dlogit[k] * coefficient(k);
          c[k] = c[k] * (T(1) - z[k]) + dlogit[k] * (gram + ps[k]);
        });
        if (devents == nullptr) return;
        T *to_s = devents + s * m.d, *to_t = devents + t * m.d;
        group.ForEach(m.d, [&](int64_t i) {
          to_s[i] += dgram * et[i];
          to_t[i] += dgram * es[i];
        });
      });
    }
  }

  // The part of read b, made after event t.
  template <class Group>
  UNDULA_HD void Read(const Group& group, int64_t first, int64_t t, int64_t b, T* product,
                      T* drho) const {
    const MemoryState<T>& m = state;
    const T *w = weights + b * m.a, *up = g + b * m.d;
    m.Walk(group, first, t, product, [&](int64_t s, auto coefficient) {
      const T dot = m.Dot(group, up, m.events + s * m.d);
      const T alpha = group.Sum(m.a, [&](int64_t k) { return w[k] * coefficient(k); });
      T* c = dc + s * m.a;
      group.ForEach(m.a, [&](int64_t k) { c[k] += w[k] * dot; });
      if (devents == nullptr) return;
      T* to = devents + s * m.d;
      group.ForEach(m.d, [&](int64_t i) { to[i] += alpha * up[i]; });
    });
    for (int64_t k = 0; k < m.a; ++k) {
      const T dot = m.Dot(group, up, m.keys + k * m.d);
      group.Once([&] { drho[k] += w[k] * dot; });
    }
  }
};

// One key: from the reads that use it and from |r_a|^2.
template <class T>
struct MemoryKeyBackwardRow {
  const T* queries;
  const T* keys;
  const T* rho;
  const uint32_t* last;
  const T* weights;
  const T* ds;
  const T* g;
  const T* dnorms;  // [E, A]
  T* dkeys;
  int64_t events, reads, d, a;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t k) const {
    T* to = dkeys + k * d;
    group.AddRows(
        to, d, reads,
        [&](int64_t b) { return weights[b * a + k] * rho[static_cast<int64_t>(last[b]) * a + k]; },
        [&](int64_t b) { return g + b * d; });
    group.AddRows(
        to, d, reads, [&](int64_t b) { return ds[b * a + k]; },
        [&](int64_t b) { return queries + b * d; });
    const T sum = group.Sum(events, [&](int64_t t) { return dnorms[t * a + k]; });
    group.ForEach(d, [&](int64_t c) { to[c] += T(2) * sum * keys[k * d + c]; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_KEY_VALUE_MEMORY_ROW_H_
