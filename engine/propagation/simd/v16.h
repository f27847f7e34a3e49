// Sixteen float lanes, for tuned float32 kernels. A kernel is written once against V16 and compiled
// once per instruction set: scalar (any processor), AVX2 + FMA, AVX-512F. Every operation here is
// either exact (moves, max, integer shifts) or one correctly rounded IEEE operation per lane, and
// HSum is one fixed tree, so that a kernel gives the same bits on all three targets.
//
// Include this file only from a kernel body that is compiled per target (see
// ops/group_attention_simd_body.h): the macro UNDULA_SIMD_TARGET names the target's namespace,
// which keeps the linker from replacing one target's code by another's. For the same reason such
// bodies use no function of the standard library.
#ifndef UNDULA_SIMD_TARGET
#error "define UNDULA_SIMD_TARGET before including propagation/simd/v16.h"
#endif
#ifndef UNDULA_PROPAGATION_SIMD_V16_H_
#define UNDULA_PROPAGATION_SIMD_V16_H_

#include <cstdint>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline constexpr int32_t kReciprocalBits = 0x7EF311C7;

#if defined(__AVX512F__)

struct V16 {
  __m512 v;
};
inline V16 Load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void Store(float* p, V16 a) { _mm512_storeu_ps(p, a.v); }
// The first n < 16 lanes from or to memory; the others are 0 or stay untouched.
inline V16 LoadFirst(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)};
}
inline void StoreFirst(float* p, int n, V16 a) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), a.v);
}
inline V16 Set(float x) { return {_mm512_set1_ps(x)}; }
inline V16 Add(V16 a, V16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline V16 Sub(V16 a, V16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline V16 Mul(V16 a, V16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline V16 Div(V16 a, V16 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline V16 Sqrt(V16 a) { return {_mm512_sqrt_ps(a.v)}; }
inline V16 Max(V16 a, V16 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline V16 Min(V16 a, V16 b) { return {_mm512_min_ps(a.v, b.v)}; }
// b where a > 0, else 0.
inline V16 WherePositive(V16 a, V16 b) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_GT_OQ), b.v)};
}
// Bit l: a >= b in lane l (never where one of them is NaN).
inline unsigned MaskAtLeast(V16 a, V16 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ); }
// a b + c, rounded once.
inline V16 Fma(V16 a, V16 b, V16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// 1 / a within 5.1 %, for 2^-125 < a < 2^125: exponent and fraction are subtracted at once.
inline V16 GuessReciprocal(V16 a) {
  return {_mm512_castsi512_ps(
      _mm512_sub_epi32(_mm512_set1_epi32(kReciprocalBits), _mm512_castps_si512(a.v)))};
}
// a 2^n, where the lanes of `n_bits` hold n in their low bits; the result must be a normal number.
inline V16 ScaleByPowerOfTwo(V16 a, V16 n_bits) {
  return {_mm512_castsi512_ps(_mm512_add_epi32(
      _mm512_castps_si512(a.v), _mm512_slli_epi32(_mm512_castps_si512(n_bits.v), 23)))};
}

#elif defined(__AVX2__)

struct V16 {
  __m256 lo, hi;
};
inline V16 Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void Store(float* p, V16 a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
inline constexpr int32_t kFirstLanes[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                            -1, -1, -1, -1, -1, -1, -1, -1};
inline __m256i FirstLanes(int n, int at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirstLanes + 16 - n + at));
}
inline V16 LoadFirst(const float* p, int n) {
  return {_mm256_maskload_ps(p, FirstLanes(n, 0)), _mm256_maskload_ps(p + 8, FirstLanes(n, 8))};
}
inline void StoreFirst(float* p, int n, V16 a) {
  _mm256_maskstore_ps(p, FirstLanes(n, 0), a.lo);
  _mm256_maskstore_ps(p + 8, FirstLanes(n, 8), a.hi);
}
inline V16 Set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline V16 Add(V16 a, V16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
inline V16 Sub(V16 a, V16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
inline V16 Mul(V16 a, V16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline V16 Div(V16 a, V16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
inline V16 Sqrt(V16 a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
inline V16 Max(V16 a, V16 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
inline V16 Min(V16 a, V16 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
inline V16 WherePositive(V16 a, V16 b) {
  const __m256 zero = _mm256_setzero_ps();
  return {_mm256_and_ps(_mm256_cmp_ps(a.lo, zero, _CMP_GT_OQ), b.lo),
          _mm256_and_ps(_mm256_cmp_ps(a.hi, zero, _CMP_GT_OQ), b.hi)};
}
inline unsigned MaskAtLeast(V16 a, V16 b) {
  const int lo = _mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ));
  const int hi = _mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ));
  return static_cast<unsigned>(lo) | static_cast<unsigned>(hi) << 8;
}
inline V16 Fma(V16 a, V16 b, V16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline __m256 MinusBits(__m256 a) {
  return _mm256_castsi256_ps(
      _mm256_sub_epi32(_mm256_set1_epi32(kReciprocalBits), _mm256_castps_si256(a)));
}
inline V16 GuessReciprocal(V16 a) { return {MinusBits(a.lo), MinusBits(a.hi)}; }
inline __m256 ShiftExponent(__m256 a, __m256 n) {
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
inline V16 ScaleByPowerOfTwo(V16 a, V16 n_bits) {
  return {ShiftExponent(a.lo, n_bits.lo), ShiftExponent(a.hi, n_bits.hi)};
}

#else

struct V16 {
  float v[16];
};
#define UNDULA_V16_LANES_(expr)               \
  V16 r;                                      \
  for (int l = 0; l < 16; ++l) r.v[l] = expr; \
  return r
inline V16 Load(const float* p) { UNDULA_V16_LANES_(p[l]); }
inline void Store(float* p, V16 a) {
  for (int l = 0; l < 16; ++l) p[l] = a.v[l];
}
inline V16 LoadFirst(const float* p, int n) { UNDULA_V16_LANES_(l < n ? p[l] : 0.0f); }
inline void StoreFirst(float* p, int n, V16 a) {
  for (int l = 0; l < n; ++l) p[l] = a.v[l];
}
inline V16 Set(float x) { UNDULA_V16_LANES_(x); }
inline V16 Add(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] + b.v[l]); }
inline V16 Sub(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] - b.v[l]); }
inline V16 Mul(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] * b.v[l]); }
inline V16 Div(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] / b.v[l]); }
inline V16 Sqrt(V16 a) { UNDULA_V16_LANES_(__builtin_sqrtf(a.v[l])); }
// As maxps and minps: b where the lanes compare equal or unordered.
inline V16 Max(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] > b.v[l] ? a.v[l] : b.v[l]); }
inline V16 Min(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] < b.v[l] ? a.v[l] : b.v[l]); }
inline V16 WherePositive(V16 a, V16 b) { UNDULA_V16_LANES_(a.v[l] > 0.0f ? b.v[l] : 0.0f); }
inline unsigned MaskAtLeast(V16 a, V16 b) {
  unsigned mask = 0;
  for (int l = 0; l < 16; ++l) mask |= static_cast<unsigned>(a.v[l] >= b.v[l]) << l;
  return mask;
}
inline V16 Fma(V16 a, V16 b, V16 c) { UNDULA_V16_LANES_(__builtin_fmaf(a.v[l], b.v[l], c.v[l])); }
inline V16 GuessReciprocal(V16 a) {
  UNDULA_V16_LANES_(__builtin_bit_cast(
      float, static_cast<uint32_t>(kReciprocalBits) - __builtin_bit_cast(uint32_t, a.v[l])));
}
inline V16 ScaleByPowerOfTwo(V16 a, V16 n_bits) {
  UNDULA_V16_LANES_(__builtin_bit_cast(
      float,
      __builtin_bit_cast(uint32_t, a.v[l]) + (__builtin_bit_cast(uint32_t, n_bits.v[l]) << 23)));
}
#undef UNDULA_V16_LANES_

#endif

// (((0+8)+(4+12)) + ((2+10)+(6+14))) + (((1+9)+(5+13)) + ((3+11)+(7+15))): halves are folded.
#if defined(__AVX512F__) || defined(__AVX2__)
// Lane l: ((l) + (l + 8)) + ((l + 4) + (l + 12)).
inline __m128 Quarters(V16 a) {
#if defined(__AVX512F__)
  const __m256 f =
      _mm256_add_ps(_mm512_castps512_ps256(a.v),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1)));
#else
  const __m256 f = _mm256_add_ps(a.lo, a.hi);
#endif
  return _mm_add_ps(_mm256_castps256_ps128(f), _mm256_extractf128_ps(f, 1));
}
#endif

inline float HSum(V16 a) {
#if defined(__AVX512F__) || defined(__AVX2__)
  const __m128 q = Quarters(a);
  const __m128 p = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(p, _mm_shuffle_ps(p, p, 1)));
#else
  float t[8];
  for (int l = 0; l < 8; ++l) t[l] = a.v[l] + a.v[l + 8];
  for (int l = 0; l < 4; ++l) t[l] = t[l] + t[l + 4];
  return (t[0] + t[2]) + (t[1] + t[3]);
#endif
}

// out = HSum of a, b, c, d, in fewer steps.
inline void HSum4(V16 a, V16 b, V16 c, V16 d, float* out) {
#if defined(__AVX512F__) || defined(__AVX2__)
  const __m128 q0 = Quarters(a), q1 = Quarters(b), q2 = Quarters(c), q3 = Quarters(d);
  const __m128 low = _mm_add_ps(_mm_unpacklo_ps(q0, q1), _mm_unpackhi_ps(q0, q1));
  const __m128 high = _mm_add_ps(_mm_unpacklo_ps(q2, q3), _mm_unpackhi_ps(q2, q3));
  _mm_storeu_ps(out, _mm_add_ps(_mm_movelh_ps(low, high), _mm_movehl_ps(high, low)));
#else
  out[0] = HSum(a);
  out[1] = HSum(b);
  out[2] = HSum(c);
  out[3] = HSum(d);
#endif
}

#if defined(__AVX512F__) || defined(__AVX2__)
// The largest of the lanes l, l + 4, l + 8 and l + 12.
inline __m128 MostOfQuarters(V16 a) {
#if defined(__AVX512F__)
  const __m256 f =
      _mm256_max_ps(_mm512_castps512_ps256(a.v),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1)));
#else
  const __m256 f = _mm256_max_ps(a.lo, a.hi);
#endif
  return _mm_max_ps(_mm256_castps256_ps128(f), _mm256_extractf128_ps(f, 1));
}
#endif

inline float HMax(V16 a) {
#if defined(__AVX512F__) || defined(__AVX2__)
  const __m128 q = MostOfQuarters(a);
  const __m128 p = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(p, _mm_shuffle_ps(p, p, 1)));
#else
  float m = a.v[0];
  for (int l = 1; l < 16; ++l) m = a.v[l] > m ? a.v[l] : m;
  return m;
#endif
}

// out = HMax of a, b, c, d, in fewer steps.
inline void HMax4(V16 a, V16 b, V16 c, V16 d, float* out) {
#if defined(__AVX512F__) || defined(__AVX2__)
  const __m128 q0 = MostOfQuarters(a), q1 = MostOfQuarters(b);
  const __m128 q2 = MostOfQuarters(c), q3 = MostOfQuarters(d);
  const __m128 low = _mm_max_ps(_mm_unpacklo_ps(q0, q1), _mm_unpackhi_ps(q0, q1));
  const __m128 high = _mm_max_ps(_mm_unpacklo_ps(q2, q3), _mm_unpackhi_ps(q2, q3));
  _mm_storeu_ps(out, _mm_max_ps(_mm_movelh_ps(low, high), _mm_movehl_ps(high, low)));
#else
  out[0] = HMax(a);
  out[1] = HMax(b);
  out[2] = HMax(c);
  out[3] = HMax(d);
#endif
}

#if !defined(__AVX512F__) && defined(__AVX2__)
// out[i]: lane i of the lower (or upper) halves of r[0] .. r[7].
inline void TransposeEight(const V16* r, bool upper, __m256 (&out)[8]) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 4) {  // 4 x 4 blocks within halves
    const __m256 r0 = upper ? r[i].hi : r[i].lo, r1 = upper ? r[i + 1].hi : r[i + 1].lo;
    const __m256 r2 = upper ? r[i + 2].hi : r[i + 2].lo, r3 = upper ? r[i + 3].hi : r[i + 3].lo;
    const __m256 a = _mm256_unpacklo_ps(r0, r1), b = _mm256_unpackhi_ps(r0, r1);
    const __m256 c = _mm256_unpacklo_ps(r2, r3), d = _mm256_unpackhi_ps(r2, r3);
    t[i] = _mm256_shuffle_ps(a, c, 0x44);
    t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
    t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
    t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
  for (int i = 0; i < 4; ++i) {  // the 4 x 4 blocks themselves
    out[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    out[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}
#endif

// Turns the 16 x 16 matrix of the rows r[0] .. r[15] over its diagonal.
inline void Transpose(V16 (&r)[16]) {
#if defined(__AVX512F__)
  __m512 t[16];
  for (int i = 0; i < 16; i += 4) {  // 4 x 4 blocks within quarters
    const __m512 a = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
    const __m512 b = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
    const __m512 c = _mm512_unpacklo_ps(r[i + 2].v, r[i + 3].v);
    const __m512 d = _mm512_unpackhi_ps(r[i + 2].v, r[i + 3].v);
    t[i] = _mm512_shuffle_ps(a, c, 0x44);
    t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
    t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
    t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
  }
  for (int i = 0; i < 4; ++i) {  // the 4 x 4 blocks themselves
    const __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
    const __m512 b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
    r[i].v = _mm512_shuffle_f32x4(a, c, 0x88);
    r[i + 4].v = _mm512_shuffle_f32x4(b, d, 0x88);
    r[i + 8].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[i + 12].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
#elif defined(__AVX2__)
  __m256 t[8];
  for (int half = 0; half < 16; half += 8) {  // the two 8 x 8 blocks of 8 rows, each in its place
    TransposeEight(r + half, false, t);
    __m256 u[8];
    TransposeEight(r + half, true, u);
    for (int i = 0; i < 8; ++i) r[half + i] = {t[i], u[i]};
  }
  for (int i = 0; i < 8; ++i) {  // the blocks off the diagonal change places
    const __m256 hi = r[i].hi;
    r[i].hi = r[8 + i].lo;
    r[8 + i].lo = hi;
  }
#else
  float m[16][16];
  for (int i = 0; i < 16; ++i) Store(m[i], r[i]);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) r[i].v[j] = m[j][i];
  }
#endif
}

// Functions of N vectors go step by step for all of them: one alone is a chain of some 15
// operations, more than what a processor looks ahead to find the next vector's.

// 1 / a for 2^-125 < a < 2^125, relative error below 1.3e-7: cheaper than a division, which many
// processors make 16 lanes of in 16 cycles. Two steps of the iteration, of third and second order.
template <int N>
[[gnu::always_inline]] inline void ReciprocalEach(const V16 (&a)[N], V16 (&r)[N]) {
  const V16 one = Set(1.0f), zero = Set(0.0f);
  V16 minus[N], error[N], step[N];
  for (int k = 0; k < N; ++k) minus[k] = Sub(zero, a[k]);
  for (int k = 0; k < N; ++k) r[k] = GuessReciprocal(a[k]);
  for (int k = 0; k < N; ++k) error[k] = Fma(minus[k], r[k], one);
  for (int k = 0; k < N; ++k) step[k] = Fma(error[k], error[k], error[k]);
  for (int k = 0; k < N; ++k) r[k] = Fma(r[k], step[k], r[k]);
  for (int k = 0; k < N; ++k) error[k] = Fma(minus[k], r[k], one);
  for (int k = 0; k < N; ++k) r[k] = Fma(r[k], error[k], r[k]);
}

inline V16 Reciprocal(V16 a) {
  const V16 of[1] = {a};
  V16 r[1];
  ReciprocalEach(of, r);
  return r[0];
}

// exp(x) of N vectors, in place. Relative error below 2e-7 for -87 <= x <= 88; below -87 it gives
// exp(-87) = 1.6e-38, above 88 exp(88). x = n ln 2 + r with |r| <= ln 2 / 2; the polynomial for
// exp(r) is that of Cephes' expf (S. Moshier).
template <int N>
[[gnu::always_inline]] inline void ExpEach(V16 (&x)[N]) {
  const V16 kShift = Set(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  V16 n_bits[N], n[N], p[N], square[N];
  for (int k = 0; k < N; ++k) x[k] = Min(Max(x[k], Set(-87.0f)), Set(88.0f));
  for (int k = 0; k < N; ++k) n_bits[k] = Fma(x[k], Set(1.44269504f), kShift);
  for (int k = 0; k < N; ++k) n[k] = Sub(n_bits[k], kShift);
  for (int k = 0; k < N; ++k) x[k] = Fma(n[k], Set(-0.693359375f), x[k]);
  for (int k = 0; k < N; ++k) x[k] = Fma(n[k], Set(2.12194440e-4f), x[k]);
  for (int k = 0; k < N; ++k) p[k] = Fma(Set(1.9875691500e-4f), x[k], Set(1.3981999507e-3f));
  for (int k = 0; k < N; ++k) p[k] = Fma(p[k], x[k], Set(8.3334519073e-3f));
  for (int k = 0; k < N; ++k) p[k] = Fma(p[k], x[k], Set(4.1665795894e-2f));
  for (int k = 0; k < N; ++k) p[k] = Fma(p[k], x[k], Set(1.6666665459e-1f));
  for (int k = 0; k < N; ++k) p[k] = Fma(p[k], x[k], Set(5.0000001201e-1f));
  for (int k = 0; k < N; ++k) square[k] = Mul(x[k], x[k]);
  for (int k = 0; k < N; ++k) x[k] = Add(x[k], Set(1.0f));
  for (int k = 0; k < N; ++k) p[k] = Fma(square[k], p[k], x[k]);
  for (int k = 0; k < N; ++k) x[k] = ScaleByPowerOfTwo(p[k], n_bits[k]);
}

inline V16 Exp(V16 x) {
  V16 each[1] = {x};
  ExpEach(each);
  return each[0];
}

// tanh(x) of N vectors, in place. Relative error below 4e-7: a rational function of x clamped to
// where tanh rounds to 1 (the coefficients that Eigen and XLA use).
template <int N>
[[gnu::always_inline]] inline void TanhEach(V16 (&x)[N]) {
  const V16 limit = Set(7.90531110763549805f), zero = Set(0.0f);
  V16 z[N], p[N], q[N], r[N];
  // Adding 0 turns -0 into 0.
  for (int k = 0; k < N; ++k) x[k] = Max(x[k], Sub(zero, limit));
  for (int k = 0; k < N; ++k) x[k] = Add(Min(x[k], limit), zero);
  for (int k = 0; k < N; ++k) z[k] = Mul(x[k], x[k]);
  const auto step = [&](V16(&sum)[N], float next) __attribute__((always_inline)) {
    for (int k = 0; k < N; ++k) sum[k] = Fma(sum[k], z[k], Set(next));
  };
  for (int k = 0; k < N; ++k) q[k] = Set(1.19825839466702e-06f);
  step(q, 1.18534705686654e-04f);
  step(q, 2.26843463243900e-03f);
  step(q, 4.89352518554385e-03f);
  ReciprocalEach(q, r);
  for (int k = 0; k < N; ++k) p[k] = Set(-2.76076847742355e-16f);
  step(p, 2.00018790482477e-13f);
  step(p, -8.60467152213735e-11f);
  step(p, 5.12229709037114e-08f);
  step(p, 1.48572235717979e-05f);
  step(p, 6.37261928875436e-04f);
  step(p, 4.89352455891786e-03f);
  for (int k = 0; k < N; ++k) p[k] = Mul(x[k], p[k]);
  for (int k = 0; k < N; ++k) x[k] = Mul(p[k], r[k]);
  for (int k = 0; k < N; ++k) p[k] = Fma(Sub(zero, q[k]), x[k], p[k]);
  for (int k = 0; k < N; ++k) x[k] = Fma(p[k], r[k], x[k]);
}

inline V16 Tanh(V16 x) {
  V16 each[1] = {x};
  TanhEach(each);
  return each[0];
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_SIMD_V16_H_
