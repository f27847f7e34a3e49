// The kernels of triple_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_BODY_H_

#include "propagation/ops/triple_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// The first n (1 to 16) of sixteen lanes; the others are 0.
inline V16 LoadFirst(const float* p, int64_t n) {
  if (n == 16) return Load(p);
  float lanes[16] = {};
  for (int64_t l = 0; l < n; ++l) lanes[l] = p[l];
  return Load(lanes);
}
inline void StoreFirst(float* p, V16 a, int64_t n) {
  if (n == 16) return Store(p, a);
  float lanes[16];
  Store(lanes, a);
  for (int64_t l = 0; l < n; ++l) p[l] = lanes[l];
}
inline int64_t LanesAt(int64_t c, int64_t cols) { return cols - c < 16 ? cols - c : 16; }

inline float SquareRoot(float x) {
  float lanes[16];
  Store(lanes, Sqrt(Set(x)));
  return lanes[0];
}

inline void Distance(const TripleDistanceRow<float>& a, int64_t begin, int64_t end) {
  const int64_t cols = a.cols;
  const bool l1 = a.form == TripleForm::kL1, squared = a.form == TripleForm::kSquaredL2;
  const V16 zero = Set(0.0f), one = Set(1.0f);
  for (int64_t i = begin; i < end; ++i) {
    const float* h = a.entities + int64_t{a.heads[i]} * cols;
    const float* r = a.relations + int64_t{a.relation[i]} * cols;
    const float* t = a.entities + int64_t{a.tails[i]} * cols;
    float* to = a.slope + i * cols;
    V16 sum = zero;
    for (int64_t c = 0; c < cols; c += 16) {
      const int64_t n = LanesAt(c, cols);
      const V16 v = Sub(Add(LoadFirst(h + c, n), LoadFirst(r + c, n)), LoadFirst(t + c, n));
      if (l1) {
        const V16 minus = Sub(zero, v);
        sum = Add(sum, Max(v, minus));
        StoreFirst(to + c, Sub(WherePositive(v, one), WherePositive(minus, one)), n);
      } else {
        sum = Fma(v, v, sum);
        StoreFirst(to + c, v, n);
      }
    }
    const float total = HSum(sum);
    if (l1) {
      a.score[i] = total;
      continue;
    }
    const float norm = squared ? total : SquareRoot(total);
    const V16 factor = Set(squared ? 2.0f : norm > 0.0f ? 1.0f / norm : 0.0f);
    a.score[i] = norm;
    for (int64_t c = 0; c < cols; c += 16) {
      const int64_t n = LanesAt(c, cols);
      StoreFirst(to + c, Mul(LoadFirst(to + c, n), factor), n);
    }
  }
}

inline void AddSlopes(const TripleBackwardRow<float>& a, int64_t begin, int64_t end) {
  const int64_t cols = a.cols;
  for (int64_t s = begin; s < end; ++s) {
    float* out = a.out + int64_t{a.rows[s]} * cols;
    for (int64_t c = 0; c < cols; c += 16) {
      const int64_t n = LanesAt(c, cols);
      V16 sum = LoadFirst(out + c, n);
      for (int64_t k = a.ptr[s]; k < a.ptr[s + 1]; ++k) {
        const int64_t i = a.order[k];
        if (a.g[i] == 0.0f) continue;  // a pair beyond the margin
        sum = Fma(Set(a.sign * a.g[i]), LoadFirst(a.slope + i * cols + c, n), sum);
      }
      StoreFirst(out + c, sum, n);
    }
  }
}

inline void NormalizeInPlace(float* x, const uint32_t* rows, int64_t cols, int64_t begin,
                             int64_t end, void (*row_body)(float* row, int64_t cols)) {
  for (int64_t i = begin; i < end; ++i) {
    float* row = x + int64_t{rows[i]} * cols;
    V16 sum = Set(0.0f);
    for (int64_t c = 0; c < cols; c += 16) {
      const V16 v = LoadFirst(row + c, LanesAt(c, cols));
      sum = Fma(v, v, sum);
    }
    const float squares = HSum(sum);
    if (!(squares > 1e-24f && squares < 1e24f)) {
      row_body(row, cols);
      continue;
    }
    const V16 scale = Set(1.0f / SquareRoot(squares));
    for (int64_t c = 0; c < cols; c += 16) {
      const int64_t n = LanesAt(c, cols);
      StoreFirst(row + c, Mul(LoadFirst(row + c, n), scale), n);
    }
  }
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_BODY_H_
