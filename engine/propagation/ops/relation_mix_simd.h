// Tuned float32 CPU kernels of relation mixes (ops/relation_mix.h), for scoring: one user against
// many cells. Every cell is a fixed sequence of fused multiply-adds, so its bits depend on nothing
// but the cell and the user, and are equal on the scalar, AVX2 and AVX-512 targets.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_H_

#include <cstdint>

#include "propagation/ops/activation.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

// Cell e owns the slots [slot_ptr[e], slot_ptr[e+1]). Rows of base and value have `pad` (a multiple
// of 16) columns.
struct MixCells {
  int64_t pad = 0;
  const int64_t* slot_ptr = nullptr;
  const uint32_t* relation = nullptr;  // of each slot
  const float* count = nullptr;        // of each slot
  const float* base = nullptr;         // may be null: 0
  const float* value = nullptr;
  // Where they are: base row base_row[e] (null: e); value row position[value_row[s]], or s where
  // value_row is null.
  const uint32_t* base_row = nullptr;
  const uint32_t* value_row = nullptr;
  const uint32_t* position = nullptr;
};

struct MixKernels {
  // x[r] = exp(scale u . relation_r - max over r) for r < n, with the relations transposed,
  // [d][r_pad], r_pad a multiple of 16; at least e^-87. x has r_pad entries.
  void (*exponentials)(const float* u, int64_t d, const float* relation_t, int64_t n, int64_t r_pad,
                       float scale, float* x);
  // For i < n, cell c = list[i]: h = act(base + gain sum_s x[r_s] count_s value_s / sum_s x[r_s]
  // count_s). user null: out[i * pad ...] = h; else out[i] = user . h.
  void (*mix)(const MixCells& cells, const uint32_t* list, int64_t n, const float* x, float gain,
              Activation activation, const float* user, float* out);
  // The same ending for rows [n][pad], in place: act(z_i + bias).
  void (*finish)(float* z, int64_t n, int64_t pad, const float* bias, Activation activation);
};

const MixKernels& GetMixKernels(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_SIMD_H_
