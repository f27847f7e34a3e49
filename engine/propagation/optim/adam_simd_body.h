// The kernel of adam_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_BODY_H_

#include "propagation/optim/adam_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline void AdamLanes(const AdamArgs& a, V16 rate, V16 g, float* p, float* m, float* v) {
  const V16 value = Load(p);
  const V16 d = Add(g, Mul(Set(a.decay), value));
  const V16 mean = Add(Mul(Set(a.beta1), Load(m)), Mul(Set(a.keep1), d));
  const V16 square = Add(Mul(Set(a.beta2), Load(v)), Mul(Set(a.keep2), Mul(d, d)));
  Store(m, mean);
  Store(v, square);
  const V16 root = Add(Mul(Sqrt(square), Set(a.root)), Set(a.epsilon));
  Store(p, Sub(Mul(Set(a.shrink), value), Div(Mul(rate, mean), root)));
}

inline void Adam(const AdamArgs& a, int64_t begin, int64_t end) {
  const int64_t whole = a.cols / 16 * 16, rest = a.cols - whole;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t at = (a.rows == nullptr ? i : int64_t{a.rows[i]}) * a.cols;
    const int64_t slot = a.slot_of_row == nullptr ? i : int64_t{a.slot_of_row[i]};
    const float* g = slot < 0 ? nullptr : a.grad + slot * a.cols;
    const V16 rate = Set(a.rates == nullptr ? a.rate : a.rates[i - begin]);
    float* const p = a.value + at;
    float* const m = a.m + at;
    float* const v = a.v + at;
    for (int64_t c = 0; c < whole; c += 16) {
      AdamLanes(a, rate, g == nullptr ? Set(0.0f) : Load(g + c), p + c, m + c, v + c);
    }
    if (rest == 0) continue;
    float lanes[4][16] = {};
    for (int64_t c = 0; c < rest; ++c) {
      lanes[0][c] = g == nullptr ? 0.0f : g[whole + c];
      lanes[1][c] = p[whole + c];
      lanes[2][c] = m[whole + c];
      lanes[3][c] = v[whole + c];
    }
    AdamLanes(a, rate, Load(lanes[0]), lanes[1], lanes[2], lanes[3]);
    for (int64_t c = 0; c < rest; ++c) {
      p[whole + c] = lanes[1][c];
      m[whole + c] = lanes[2][c];
      v[whole + c] = lanes[3][c];
    }
  }
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_BODY_H_
