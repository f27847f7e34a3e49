// exp, log, tanh, sigmoid and softplus of row bodies, on the CPU and in kernels. float: our own
// polynomials (Cody-Waite reduction; the errors below hold over the stated range and are tested
// against float64), free of branches where it matters, so that loops vectorize and every machine
// gives the same bits. double (the reference path): the standard library.
#ifndef UNDULA_PROPAGATION_MATH_ROW_H_
#define UNDULA_PROPAGATION_MATH_ROW_H_

#include <cmath>
#include <cstdint>

#include "base/hd.h"

namespace undula::propagation {

// e^x, relative error < 2e-7 for x in [-87, 88]; 0 below -87.3, +inf above 88.7; NaN stays NaN.
[[gnu::always_inline]] UNDULA_HD float Exp(float x) {
  const float clamped = x < -87.33654f ? -87.33654f : (x > 88.72283f ? 88.72283f : x);
  // n = round(x / ln 2) by adding 1.5 * 2^23, which shifts the fraction out.
  const float shifted = clamped * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = clamped - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // Two factors 2^(n/2), so that n = 128 does not overflow on the way.
  const int32_t whole = static_cast<int32_t>(n == n ? n : 0.0f);
  const int32_t half = whole >> 1;
  union Bits {
    uint32_t u;
    float f;
  };
  const Bits a{static_cast<uint32_t>(half + 127) << 23};
  const Bits b{static_cast<uint32_t>(whole - half + 127) << 23};
  const float y = p * a.f * b.f;
  return x < -87.33654f ? 0.0f : (x > 88.72283f ? HUGE_VALF : y);
}
UNDULA_HD double Exp(double x) { return std::exp(x); }

// ln x for normal x > 0: error < 2e-7 relative to max(|ln x|, 1).
[[gnu::always_inline]] UNDULA_HD float Log(float x) {
  union Bits {
    uint32_t u;
    float f;
  };
  Bits v;
  v.f = x;
  // m in [sqrt(1/2), sqrt(2)), x = m 2^k; ln m = 2 atanh((m - 1) / (m + 1)).
  const int32_t k = static_cast<int32_t>(v.u - 0x3f3504f3u) >> 23;
  v.u -= static_cast<uint32_t>(k) << 23;
  const float s = (v.f - 1.0f) / (v.f + 1.0f);
  const float z = s * s;
  const float series = z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * 0.111111111f)));
  const float kf = static_cast<float>(k);
  return kf * 0.693359375f + (kf * -2.12194440e-4f + 2.0f * (s + s * series));
}
UNDULA_HD double Log(double x) { return std::log(x); }

// ln(1 + e) for e in [0, 1], relative error < 3e-7.
[[gnu::always_inline]] UNDULA_HD float Log1pUnit(float e) {
  const float s = e / (2.0f + e);
  const float z = s * s;
  float p = 0.0666666667f;
  p = p * z + 0.0769230769f;
  p = p * z + 0.0909090909f;
  p = p * z + 0.111111111f;
  p = p * z + 0.142857143f;
  p = p * z + 0.2f;
  p = p * z + 0.333333333f;
  return 2.0f * (s + s * z * p);
}
UNDULA_HD double Log1pUnit(double e) { return std::log1p(e); }

// ln(1 + e^x) without overflow.
template <class T>
[[gnu::always_inline]] UNDULA_HD T Softplus(T x) {
  return (x > T(0) ? x : T(0)) + Log1pUnit(Exp(x > T(0) ? -x : x));
}

// 1 / (1 + e^-x).
template <class T>
[[gnu::always_inline]] UNDULA_HD T SigmoidOf(T x) {
  const T e = Exp(x > T(0) ? -x : x);
  return (x > T(0) ? T(1) : e) / (T(1) + e);
}

// tanh x, relative error < 4e-7.
[[gnu::always_inline]] UNDULA_HD float TanhOf(float x) {
  const float a = x < 0.0f ? -x : x;
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float large = 1.0f - 2.0f / (Exp(2.0f * a) + 1.0f);
  return a < 0.625f ? small : (x < 0.0f ? -large : large);
}
UNDULA_HD double TanhOf(double x) { return std::tanh(x); }

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_MATH_ROW_H_
