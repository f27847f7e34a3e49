// The CPU's group of a row body. A row body computes one output row and is written once, as a
// template on the scalar T and on the group that works on the row together:
//
//   template <class T> struct XRow {
//     const T* x; T* out; int64_t cols;
//     template <class Group> UNDULA_HD void operator()(const Group& group, int64_t row) const;
//   };
//
// A group offers Sum, Max, ForEach, Once and AddRows. All members of the group call them together,
// with the same arguments; a value that Sum or Max returns is the same in all members; what
// ForEach, Once and AddRows wrote is visible to all members when they return. On the CPU a group is
// LaneGroup: one thread that plays 16 lanes; lane l works on the indices l, l + 16, ... and partial
// sums are joined by a fixed tree, so that the loops vectorize without fast-math and give the same
// bits on every target. On the GPU it is a warp (cuda/warp_group.h).
#ifndef UNDULA_PROPAGATION_LANE_GROUP_H_
#define UNDULA_PROPAGATION_LANE_GROUP_H_

#include <cfloat>
#include <cstdint>
#include <type_traits>

#include "base/hd.h"

namespace undula::propagation {

// The value of an empty maximum.
template <class T>
UNDULA_HD constexpr T Lowest() {
  if constexpr (std::is_same_v<T, float>) {
    return -FLT_MAX;
  } else {
    static_assert(std::is_same_v<T, double>);
    return -DBL_MAX;
  }
}

struct LaneGroup {
  static constexpr int64_t kLanes = 16;

  // Sum of f(0) .. f(n-1); 0 for n = 0.
  template <class F>
  UNDULA_HD auto Sum(int64_t n, F f) const {
    using T = std::decay_t<decltype(f(int64_t{0}))>;
    if (n <= 0) return T(0);
    T lane[kLanes];
    const int64_t first = n < kLanes ? n : kLanes;
    for (int64_t l = 0; l < first; ++l) lane[l] = f(l);
    int64_t i = kLanes;
    for (; i + kLanes <= n; i += kLanes) {
      for (int64_t l = 0; l < kLanes; ++l) lane[l] += f(i + l);
    }
    for (int64_t l = 0; i + l < n; ++l) lane[l] += f(i + l);
    // The tree joins l and l + w for w = 8, 4, 2, 1 and leaves out lanes without a value.
    for (int64_t w = kLanes / 2; w > 0; w /= 2) {
      const int64_t pairs = first - w < w ? first - w : w;
      for (int64_t l = 0; l < pairs; ++l) lane[l] += lane[l + w];
    }
    return lane[0];
  }

  // Maximum of f(0) .. f(n-1); Lowest for n = 0.
  template <class F>
  UNDULA_HD auto Max(int64_t n, F f) const {
    using T = std::decay_t<decltype(f(int64_t{0}))>;
    T best = Lowest<T>();
    for (int64_t i = 0; i < n; ++i) {
      const T v = f(i);
      best = v > best ? v : best;
    }
    return best;
  }

  // f(i) for all i < n, in any order: calls do not depend on each other.
  template <class F>
  UNDULA_HD void ForEach(int64_t n, F f) const {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC ivdep
#endif
    for (int64_t i = 0; i < n; ++i) f(i);
  }

  // f() by one member.
  template <class F>
  UNDULA_HD void Once(F f) const {
    f();
  }

  // out[c] += weight(0) row(0)[c] + ... + weight(n-1) row(n-1)[c] for c < cols; every column adds
  // in ascending k, so the bits are the same in any group. row(k) points to `cols` values that do
  // not overlap `out`.
  template <class T, class Weight, class Row>
  UNDULA_HD void AddRows(T* out, int64_t cols, int64_t n, Weight weight, Row row) const {
    int64_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
      T lane[kLanes];
      for (int64_t l = 0; l < kLanes; ++l) lane[l] = out[c + l];
      for (int64_t k = 0; k < n; ++k) {
        const T w = weight(k);
        const T* r = row(k) + c;
        for (int64_t l = 0; l < kLanes; ++l) lane[l] += w * r[l];
      }
      for (int64_t l = 0; l < kLanes; ++l) out[c + l] = lane[l];
    }
    if (c == cols) return;
    for (int64_t k = 0; k < n; ++k) {
      const T w = weight(k);
      const T* r = row(k);
      for (int64_t l = c; l < cols; ++l) out[l] += w * r[l];
    }
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_LANE_GROUP_H_
