// The kernels of relation_mix_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_BODY_H_

#include "propagation/ops/activation_simd_body.h"
#include "propagation/ops/relation_mix_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline void Exponentials(const float* u, int64_t d, const float* relation_t, int64_t n,
                         int64_t r_pad, float scale, float* x) {
  V16 top = Set(-3.0e38f);
  for (int64_t r = 0; r < r_pad; r += 16) {
    V16 sum = Set(0.0f);
    for (int64_t j = 0; j < d; ++j) sum = Fma(Set(u[j]), Load(relation_t + j * r_pad + r), sum);
    Store(x + r, Mul(Set(scale), sum));
  }
  for (int64_t r = n; r < r_pad; ++r) x[r] = -3.0e38f;
  for (int64_t r = 0; r < r_pad; r += 16) top = Max(Load(x + r), top);
  const V16 shift = Set(HMax(top));
  for (int64_t r = 0; r < r_pad; r += 16) Store(x + r, Exp(Sub(Load(x + r), shift)));
}

// C vectors of columns; C = 0: pad / 16 of them, in blocks that read the slots again.
template <int C>
inline void MixCell(const MixCells& cells, int64_t cell, int64_t column, const float* x, float gain,
                    V16* h) {
  const int64_t begin = cells.slot_ptr[cell], end = cells.slot_ptr[cell + 1];
  for (int c = 0; c < C; ++c) h[c] = Set(0.0f);
  float den = 0;
  for (int64_t s = begin; s < end; ++s) {
    const float w = x[cells.relation[s]] * cells.count[s];
    den += w;
    const int64_t row =
        cells.value_row == nullptr ? s : static_cast<int64_t>(cells.position[cells.value_row[s]]);
    const float* value = cells.value + row * cells.pad + column;
    const V16 weight = Set(w);
    for (int c = 0; c < C; ++c) h[c] = Fma(weight, Load(value + 16 * c), h[c]);
  }
  const V16 factor = Set(begin < end ? gain / den : 0.0f);
  if (cells.base == nullptr) {
    for (int c = 0; c < C; ++c) h[c] = Mul(factor, h[c]);
    return;
  }
  const int64_t base_row =
      cells.base_row == nullptr ? cell : static_cast<int64_t>(cells.base_row[cell]);
  const float* base = cells.base + base_row * cells.pad + column;
  for (int c = 0; c < C; ++c) h[c] = Fma(factor, h[c], Load(base + 16 * c));
}

// Cells worked together: a pass over all of them has no chain from cell to cell.
inline constexpr int64_t kMixCells = 32;

// The cells of `list` into rows of `ldz`, 16 C columns from `column` on; not activated.
template <int C>
inline void MixColumns(const MixCells& cells, const uint32_t* list, int64_t n, int64_t column,
                       const float* x, float gain, float* z, int64_t ldz) {
  for (int64_t i = 0; i < n; ++i) {
    V16 h[C];
    MixCell<C>(cells, list[i], column, x, gain, h);
    for (int c = 0; c < C; ++c) Store(z + i * ldz + 16 * c, h[c]);
  }
}

template <int C>
inline void MixBlock(const MixCells& cells, const uint32_t* list, int64_t n, const float* x,
                     float gain, Activation activation, const float* user, float* out) {
  constexpr int64_t kWide = 16 * C;
  if (user == nullptr) {
    for (int64_t column = 0; column < cells.pad; column += kWide) {
      MixColumns<C>(cells, list, n, column, x, gain, out + column, cells.pad);
    }
    return Activate(activation, out, n * cells.pad);
  }
  float z[kMixCells * kWide];
  V16 sum[kMixCells];
  for (int64_t i = 0; i < n; ++i) sum[i] = Set(0.0f);
  for (int64_t column = 0; column < cells.pad; column += kWide) {
    MixColumns<C>(cells, list, n, column, x, gain, z, kWide);
    Activate(activation, z, n * kWide);
    for (int64_t i = 0; i < n; ++i) {
      for (int c = 0; c < C; ++c) {
        sum[i] = Fma(Load(user + column + 16 * c), Load(z + i * kWide + 16 * c), sum[i]);
      }
    }
  }
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) HSum4(sum[i], sum[i + 1], sum[i + 2], sum[i + 3], out + i);
  for (; i < n; ++i) out[i] = HSum(sum[i]);
}

template <int C>
inline void MixAll(const MixCells& cells, const uint32_t* list, int64_t n, const float* x,
                   float gain, Activation activation, const float* user, float* out) {
  for (int64_t i = 0; i < n; i += kMixCells) {
    MixBlock<C>(cells, list + i, n - i < kMixCells ? n - i : kMixCells, x, gain, activation, user,
                out + (user == nullptr ? i * cells.pad : i));
  }
}

inline void Mix(const MixCells& cells, const uint32_t* list, int64_t n, const float* x, float gain,
                Activation activation, const float* user, float* out) {
  if (cells.pad % 64 == 0) {
    MixAll<4>(cells, list, n, x, gain, activation, user, out);
  } else if (cells.pad % 32 == 0) {
    MixAll<2>(cells, list, n, x, gain, activation, user, out);
  } else {
    MixAll<1>(cells, list, n, x, gain, activation, user, out);
  }
}

inline void Finish(float* z, int64_t n, int64_t pad, const float* bias, Activation activation) {
  for (int64_t i = 0; i < n; ++i) {
    float* row = z + i * pad;
    for (int64_t c = 0; c < pad; c += 16) Store(row + c, Add(Load(row + c), Load(bias + c)));
  }
  Activate(activation, z, n * pad);
}

inline constexpr MixKernels kMixKernels = {&Exponentials, &Mix, &Finish};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_BODY_H_
