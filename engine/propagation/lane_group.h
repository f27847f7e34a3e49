// The CPU's group of a row body. A row body computes one output row and is written once, as a
// template on the scalar T and on the group that works on the row together:
//
//   template <class T> struct XRow {
//     const T* x; T* out; int64_t cols;
//     template <class Group> UNDULA_HD void operator()(const Group& group, int64_t row) const;
//   };
//
// A group offers Sum, Max, ForEach and Once. All members of the group call them together, with the
// same arguments; a value that Sum or Max returns is the same in all members; what ForEach and Once
// wrote is visible to all members when they return. On the CPU a group is LaneGroup: one thread that
// plays 16 lanes; lane l works on the indices l, l + 16, ... and partial sums are joined by a fixed
// tree, so that the loops vectorize without fast-math and give the same bits on every target. On the
// GPU it is a warp (cuda/warp_group.h).
#ifndef UNDULA_PROPAGATION_LANE_GROUP_H_
#define UNDULA_PROPAGATION_LANE_GROUP_H_

#include <cstdint>
#include <limits>
#include <type_traits>

namespace undula::propagation {

struct LaneGroup {
  static constexpr int64_t kLanes = 16;

  // Sum of f(0) .. f(n-1); 0 for n = 0.
  template <class F>
  auto Sum(int64_t n, F f) const {
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
    return Tree(lane, first, [](T a, T b) { return a + b; });
  }

  // Maximum of f(0) .. f(n-1); the lowest value of the type for n = 0.
  template <class F>
  auto Max(int64_t n, F f) const {
    using T = std::decay_t<decltype(f(int64_t{0}))>;
    T best = std::numeric_limits<T>::lowest();
    for (int64_t i = 0; i < n; ++i) {
      const T v = f(i);
      best = v > best ? v : best;
    }
    return best;
  }

  // f(i) for all i < n, in any order.
  template <class F>
  void ForEach(int64_t n, F f) const {
    for (int64_t i = 0; i < n; ++i) f(i);
  }

  // f() by one member.
  template <class F>
  void Once(F f) const {
    f();
  }

 private:
  // Joins lane[l] and lane[l + w] for w = 8, 4, 2, 1, leaving out lanes that have no value.
  template <class T, class Join>
  static T Tree(T* lane, int64_t n, Join join) {
    for (int64_t w = kLanes / 2; w > 0; w /= 2) {
      const int64_t pairs = n - w < w ? n - w : w;
      for (int64_t l = 0; l < pairs; ++l) lane[l] = join(lane[l], lane[l + w]);
    }
    return lane[0];
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_LANE_GROUP_H_
