// Row bodies of gru.
#ifndef UNDULA_PROPAGATION_OPS_GRU_ROW_H_
#define UNDULA_PROPAGATION_OPS_GRU_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/math_row.h"

namespace undula::propagation {

template <class T>
struct GruGate {
  T r, z, n;
};

// The gates of one unit; gi and gh are its values in the blocks reset, update, new.
template <class T>
UNDULA_HD GruGate<T> GateOf(T gi_r, T gi_z, T gi_n, T gh_r, T gh_z, T gh_n) {
  const T r = SigmoidOf(gi_r + gh_r);
  return {r, SigmoidOf(gi_z + gh_z), TanhOf(gi_n + r * gh_n)};
}

template <class T>
UNDULA_HD T NextState(const GruGate<T>& gate, T h, bool keeps_old) {
  return keeps_old ? gate.n + gate.z * (h - gate.n) : h + gate.z * (gate.n - h);
}

template <class T>
struct GruSlope {
  T r, z, n, h_n, h;  // by gi_r (= gh_r), gi_z (= gh_z), gi_n, gh_n, and the old state directly
};

template <class T>
UNDULA_HD GruSlope<T> SlopeOf(const GruGate<T>& gate, T h, T gh_n, T g, bool keeps_old) {
  const T to_new = keeps_old ? T(1) - gate.z : gate.z;
  const T dn = g * to_new * (T(1) - gate.n * gate.n);
  const T dz = (keeps_old ? g * (h - gate.n) : g * (gate.n - h)) * gate.z * (T(1) - gate.z);
  return {dn * gh_n * gate.r * (T(1) - gate.r), dz, dn, dn * gate.r, g * (T(1) - to_new)};
}

template <class T>
struct GruGatesRow {
  const T* gi;
  const T* gh;
  const T* h;
  T* out;
  int64_t d;
  bool keeps_old;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T *i = gi + row * 3 * d, *a = gh + row * 3 * d, *old = h + row * d;
    T* to = out + row * d;
    group.ForEach(d, [&](int64_t c) {
      const GruGate<T> gate = GateOf(i[c], i[d + c], i[2 * d + c], a[c], a[d + c], a[2 * d + c]);
      to[c] = NextState(gate, old[c], keeps_old);
    });
  }
};

template <class T>
struct GruGatesBackwardRow {
  const T* gi;
  const T* gh;
  const T* h;
  const T* g;
  T* dgi;  // these three may be null
  T* dgh;
  T* dh;
  int64_t d;
  bool keeps_old;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const T *i = gi + row * 3 * d, *a = gh + row * 3 * d, *old = h + row * d;
    const T* up = g + row * d;
    T* to_i = dgi == nullptr ? nullptr : dgi + row * 3 * d;
    T* to_a = dgh == nullptr ? nullptr : dgh + row * 3 * d;
    T* to_h = dh == nullptr ? nullptr : dh + row * d;
    group.ForEach(d, [&](int64_t c) {
      const GruGate<T> gate = GateOf(i[c], i[d + c], i[2 * d + c], a[c], a[d + c], a[2 * d + c]);
      const GruSlope<T> s = SlopeOf(gate, old[c], a[2 * d + c], up[c], keeps_old);
      if (to_i != nullptr) {
        to_i[c] += s.r;
        to_i[d + c] += s.z;
        to_i[2 * d + c] += s.n;
      }
      if (to_a != nullptr) {
        to_a[c] += s.r;
        to_a[d + c] += s.z;
        to_a[2 * d + c] += s.h_n;
      }
      if (to_h != nullptr) to_h[c] += s.h;
    });
  }
};

// One sequence. before [E, d]: the state before each event; gh [E, 3 d].
template <class T>
struct GruSequenceRow {
  const T* gi;
  const T* w;
  const T* bias;  // or null
  const int64_t* ptr;
  T* before;
  T* gh;
  T* out;
  int64_t d;
  bool keeps_old;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    for (int64_t e = ptr[s]; e < ptr[s + 1]; ++e) {
      T *old = before + e * d, *a = gh + e * 3 * d, *to = out + e * d;
      const T* last = e == ptr[s] ? nullptr : out + (e - 1) * d;
      group.ForEach(d, [&](int64_t c) { old[c] = last == nullptr ? T(0) : last[c]; });
      group.ForEach(3 * d, [&](int64_t c) { a[c] = bias == nullptr ? T(0) : bias[c]; });
      group.AddRows(
          a, 3 * d, last == nullptr ? 0 : d, [&](int64_t k) { return old[k]; },
          [&](int64_t k) { return w + k * 3 * d; });
      const T* i = gi + e * 3 * d;
      group.ForEach(d, [&](int64_t c) {
        const GruGate<T> gate = GateOf(i[c], i[d + c], i[2 * d + c], a[c], a[d + c], a[2 * d + c]);
        to[c] = NextState(gate, old[c], keeps_old);
      });
    }
  }
};

// From the last event to the first: dgi += (where not null) and dgh =; `carry` [S, d] is scratch.
template <class T>
struct GruSequenceBackwardRow {
  const T* gi;
  const T* w;
  const int64_t* ptr;
  const T* before;
  const T* gh;
  const T* g;
  T* dgi;
  T* dgh;
  T* carry;
  int64_t d;
  bool keeps_old;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    T* back = carry + s * d;
    group.ForEach(d, [&](int64_t c) { back[c] = T(0); });
    for (int64_t e = ptr[s + 1] - 1; e >= ptr[s]; --e) {
      const T *i = gi + e * 3 * d, *a = gh + e * 3 * d, *old = before + e * d, *up = g + e * d;
      T* to_a = dgh + e * 3 * d;
      T* to_i = dgi == nullptr ? nullptr : dgi + e * 3 * d;
      group.ForEach(d, [&](int64_t c) {
        const GruGate<T> gate = GateOf(i[c], i[d + c], i[2 * d + c], a[c], a[d + c], a[2 * d + c]);
        const GruSlope<T> slope = SlopeOf(gate, old[c], a[2 * d + c], up[c] + back[c], keeps_old);
        to_a[c] = slope.r;
        to_a[d + c] = slope.z;
        to_a[2 * d + c] = slope.h_n;
        if (to_i != nullptr) {
          to_i[c] += slope.r;
          to_i[d + c] += slope.z;
          to_i[2 * d + c] += slope.n;
        }
        back[c] = slope.h;
      });
      if (e == ptr[s]) break;
      for (int64_t k = 0; k < d; ++k) {
        const T* row = w + k * 3 * d;
        const T dot = group.Sum(3 * d, [&](int64_t c) { return row[c] * to_a[c]; });
        group.Once([&] { back[k] += dot; });
      }
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GRU_ROW_H_
