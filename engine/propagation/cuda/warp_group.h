// The GPU's group of a row body (see propagation/lane_group.h): the 32 lanes of a warp. Lane l
// works on the indices l, l + 32, ...; partial sums are joined by a butterfly, so the order is
// fixed.
#ifndef UNDULA_PROPAGATION_CUDA_WARP_GROUP_H_
#define UNDULA_PROPAGATION_CUDA_WARP_GROUP_H_

#include <cstdint>
#include <type_traits>

#include "propagation/cuda/simt.h"
#include "propagation/lane_group.h"

namespace undula::propagation::cuda {

struct WarpGroup {
  template <class F>
  UNDULA_DEVICE auto Sum(int64_t n, F f) const {
    using T = std::decay_t<decltype(f(int64_t{0}))>;
    T sum(0);
    for (int64_t i = simt::Lane(); i < n; i += simt::kWarpSize) sum += f(i);
    return simt::WarpSum(sum);
  }

  template <class F>
  UNDULA_DEVICE auto Max(int64_t n, F f) const {
    using T = std::decay_t<decltype(f(int64_t{0}))>;
    T best = Lowest<T>();
    for (int64_t i = simt::Lane(); i < n; i += simt::kWarpSize) {
      const T v = f(i);
      best = v > best ? v : best;
    }
    return simt::WarpMax(best);
  }

  template <class F>
  UNDULA_DEVICE void ForEach(int64_t n, F f) const {
    for (int64_t i = simt::Lane(); i < n; i += simt::kWarpSize) f(i);
    simt::SyncWarp();
  }

  template <class F>
  UNDULA_DEVICE void Once(F f) const {
    if (simt::Lane() == 0) f();
    simt::SyncWarp();
  }

  template <class T, class Weight, class Row>
  UNDULA_DEVICE void AddRows(T* out, int64_t cols, int64_t n, Weight weight, Row row) const {
    if (n <= 0) return;  // `out` may be nothing: see row_segments.h
    for (int64_t c = simt::Lane(); c < cols; c += simt::kWarpSize) {
      T sum = out[c];
      for (int64_t k = 0; k < n; ++k) sum += weight(k) * row(k)[c];
      out[c] = sum;
    }
    simt::SyncWarp();
  }
};

// body(group, row) for the rows [0, n), one warp per row.
template <class Body>
UNDULA_KERNEL void ForEachRowKernel(int64_t n, Body body) {
  for (int64_t row = simt::GlobalWarp(); row < n; row += simt::GlobalWarps()) {
    body(WarpGroup{}, row);
  }
}

template <class Body>
int ForEachRow(const Queue& queue, int64_t n, const Body& body) {
  return simt::Launch(queue, simt::WarpPerItem(queue, n), ForEachRowKernel<Body>, n, body);
}

// body(i) for i in [0, n), one thread each.
template <class Body>
UNDULA_KERNEL void ForEachKernel(int64_t n, Body body) {
  for (int64_t i = simt::GlobalThread(); i < n; i += simt::GlobalThreads()) body(i);
}

template <class Body>
int ForEach(const Queue& queue, int64_t n, const Body& body) {
  return simt::Launch(queue, simt::ThreadPerItem(queue, n), ForEachKernel<Body>, n, body);
}

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_WARP_GROUP_H_
