// The kernels of group_attention_simd.h, compiled once per instruction set: the including file
// defines UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_BODY_H_

#include "propagation/ops/group_attention_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// Sums held in registers: kRowBlock rows, which share the loads of the slots, by kColumnVectors
// vectors; kSlotBlock slots of a transposed product. The order of operations within a row does not
// depend on it.
#if defined(__AVX512F__)
inline constexpr int kRowBlock = 4, kColumnVectors = 2, kSlotBlock = 8;
#elif defined(__AVX2__)
inline constexpr int kRowBlock = 4, kColumnVectors = 1, kSlotBlock = 4;
#else
inline constexpr int kRowBlock = 2, kColumnVectors = 1, kSlotBlock = 2;
#endif

// out[r][16 c] = sum_j x[r][j] m[j][16 c] for R rows and C vectors of columns.
template <int R, int C>
inline void MultiplyBlock(const float* x, int64_t ldx, const float* m, int64_t ldm, int64_t in,
                          float* out, int64_t ldo, bool add) {
  V16 acc[R][C];
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) acc[r][c] = Set(0.0f);
  }
  for (int64_t j = 0; j < in; ++j) {
    V16 b[C];
    for (int c = 0; c < C; ++c) b[c] = Load(m + j * ldm + 16 * c);
    for (int r = 0; r < R; ++r) {
      const V16 a = Set(x[r * ldx + j]);
      for (int c = 0; c < C; ++c) acc[r][c] = Fma(a, b[c], acc[r][c]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) {
      float* p = out + r * ldo + 16 * c;
      Store(p, add ? Add(Load(p), acc[r][c]) : acc[r][c]);
    }
  }
}

// The same for R rows and `cols` (a multiple of 16) columns.
template <int R>
inline void MultiplyRows(const float* x, int64_t ldx, const float* m, int64_t ldm, int64_t in,
                         int64_t cols, float* out, int64_t ldo, bool add) {
  constexpr int kWide = 16 * kColumnVectors;
  int64_t c = 0;
  for (; c + kWide <= cols; c += kWide) {
    MultiplyBlock<R, kColumnVectors>(x, ldx, m + c, ldm, in, out + c, ldo, add);
  }
  if (c < cols) MultiplyBlock<R, 1>(x, ldx, m + c, ldm, in, out + c, ldo, add);
}

inline void MultiplyAll(const float* x, int64_t ldx, int64_t rows, const float* m, int64_t ldm,
                        int64_t in, int64_t cols, float* out, int64_t ldo, bool add) {
  int64_t r = 0;
  for (; r + kRowBlock <= rows; r += kRowBlock) {
    MultiplyRows<kRowBlock>(x + r * ldx, ldx, m, ldm, in, cols, out + r * ldo, ldo, add);
  }
  for (; r < rows; ++r) {
    MultiplyRows<1>(x + r * ldx, ldx, m, ldm, in, cols, out + r * ldo, ldo, add);
  }
}

// out[i][16 c] += sum_r w[r][i] x[r][16 c], r ascending: the transposed product, for the slots
// [0, slots).
inline void MultiplyTransposed(const float* w, int64_t ldw, const float* x, int64_t ldx,
                               int64_t rows, int64_t slots, int64_t cols, float* out) {
  for (int64_t i = 0; i < slots; i += kSlotBlock) {  // slot_pad holds whole blocks
    for (int64_t c = 0; c < cols; c += 16) {
      V16 acc[kSlotBlock];
      for (int s = 0; s < kSlotBlock; ++s) acc[s] = Load(out + (i + s) * cols + c);
      for (int64_t r = 0; r < rows; ++r) {
        const V16 b = Load(x + r * ldx + c);
        for (int s = 0; s < kSlotBlock; ++s) acc[s] = Fma(Set(w[r * ldw + i + s]), b, acc[s]);
      }
      for (int s = 0; s < kSlotBlock; ++s) Store(out + (i + s) * cols + c, acc[s]);
    }
  }
}

// Softmax of one row of logits, in place, with counts.
inline void SoftmaxRow(const AttentionSlots& slots, float* row) {
  const int64_t n = slots.slot_pad;
  V16 top = Set(-3.0e38f);
  for (int64_t i = 0; i < n; i += 16) top = Max(Add(Load(row + i), Load(slots.bias + i)), top);
  const V16 shift = Set(HMax(top));
  V16 sum = Set(0.0f);
  for (int64_t i = 0; i < n; i += 16) {
    const V16 e = Mul(Load(slots.count + i), Exp(Sub(Load(row + i), shift)));
    sum = Add(sum, e);
    Store(row + i, e);
  }
  const V16 scale = Set(1.0f / HSum(sum));
  for (int64_t i = 0; i < n; i += 16) Store(row + i, Mul(Load(row + i), scale));
}

// Rows whose softmax is worked together: a pass over all of them has no chain from row to row, and
// four at a time share the steps of their sums.
inline constexpr int64_t kSoftmaxRows = 32;

// rows is a multiple of 4, at most kSoftmaxRows.
inline void SoftmaxBlock(const AttentionSlots& slots, int64_t rows, float* logits, int64_t ld) {
  const float *bias = slots.bias, *count = slots.count;
  const int64_t n = slots.slot_pad;
  float of_row[kSoftmaxRows];
  for (int64_t r = 0; r < rows; r += 4) {
    const float *a = logits + r * ld, *b = a + ld, *c = b + ld, *d = c + ld;
    V16 top_a = Set(-3.0e38f), top_b = top_a, top_c = top_a, top_d = top_a;
    for (int64_t i = 0; i < n; i += 16) {
      const V16 x = Load(bias + i);
      top_a = Max(Add(Load(a + i), x), top_a);
      top_b = Max(Add(Load(b + i), x), top_b);
      top_c = Max(Add(Load(c + i), x), top_c);
      top_d = Max(Add(Load(d + i), x), top_d);
    }
    HMax4(top_a, top_b, top_c, top_d, of_row + r);
  }
  for (int64_t r = 0; r < rows; r += 4) {
    V16 sum[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k += 2) {
      float *a = logits + (r + k) * ld, *b = a + ld;
      const V16 shift_a = Set(of_row[r + k]), shift_b = Set(of_row[r + k + 1]);
      sum[k] = sum[k + 1] = Set(0.0f);
      for (int64_t i = 0; i < n; i += 16) {
        V16 e[2] = {Sub(Load(a + i), shift_a), Sub(Load(b + i), shift_b)};
        ExpEach(e);
        e[0] = Mul(Load(count + i), e[0]);
        e[1] = Mul(Load(count + i), e[1]);
        sum[k] = Add(sum[k], e[0]);
        sum[k + 1] = Add(sum[k + 1], e[1]);
        Store(a + i, e[0]);
        Store(b + i, e[1]);
      }
    }
    HSum4(sum[0], sum[1], sum[2], sum[3], of_row + r);
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* row = logits + r * ld;
    const V16 scale = Set(1.0f / of_row[r]);
    for (int64_t i = 0; i < n; i += 16) Store(row + i, Mul(Load(row + i), scale));
  }
}

inline void SoftmaxRows(const AttentionSlots& slots, int64_t rows, float* logits, int64_t ld) {
  int64_t r = 0;
  while (rows - r >= 4) {
    const int64_t block = rows - r < kSoftmaxRows ? (rows - r) / 4 * 4 : kSoftmaxRows;
    SoftmaxBlock(slots, block, logits + r * ld, ld);
    r += block;
  }
  for (; r < rows; ++r) SoftmaxRow(slots, logits + r * ld);
}

inline void Forward(const AttentionSlots& s, const float* q, int64_t ldq, int64_t rows,
                    float* weights, int64_t ldw, float* out, int64_t ldo) {
  if (s.slots == 0) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < s.value_pad; c += 16) Store(out + r * ldo + c, Set(0.0f));
    }
    return;
  }
  MultiplyAll(q, ldq, rows, s.key_t, s.slot_pad, s.key_cols, s.slot_pad, weights, ldw, false);
  SoftmaxRows(s, rows, weights, ldw);
  MultiplyAll(weights, ldw, rows, s.value, s.value_pad, s.slots, s.value_pad, out, ldo, false);
}

inline void Backward(const AttentionSlots& s, const float* q, int64_t ldq, const float* weights,
                     int64_t ldw, const float* dout, int64_t ldo, int64_t rows, float* dq,
                     int64_t lddq, float* dkey, float* dvalue, float* scratch) {
  if (s.slots == 0) return;
  const int64_t n = s.slot_pad;
  MultiplyAll(dout, ldo, rows, s.value_t, n, s.value_cols, n, scratch, n, false);
  for (int64_t r = 0; r < rows; ++r) {
    const float* a = weights + r * ldw;
    float* g = scratch + r * n;
    V16 dot = Set(0.0f);
    for (int64_t i = 0; i < n; i += 16) dot = Fma(Load(a + i), Load(g + i), dot);
    const V16 mean = Set(HSum(dot));
    for (int64_t i = 0; i < n; i += 16) {
      Store(g + i, Mul(Load(a + i), Sub(Load(g + i), mean)));
    }
  }
  MultiplyAll(scratch, n, rows, s.key, s.key_pad, s.slots, s.key_pad, dq, lddq, true);
  MultiplyTransposed(scratch, n, q, ldq, rows, s.slots, s.key_pad, dkey);
  MultiplyTransposed(weights, ldw, dout, ldo, rows, s.slots, s.value_pad, dvalue);
}

inline void Multiply(const float* x, int64_t ldx, int64_t rows, const float* m, int64_t in,
                     int64_t out_pad, float* out, int64_t ldo) {
  MultiplyAll(x, ldx, rows, m, out_pad, in, out_pad, out, ldo, false);
}

inline V16 DotLanes(const float* a, const float* b, int64_t cols) {
  V16 sum = Set(0.0f);
  for (int64_t c = 0; c < cols; c += 16) sum = Fma(Load(a + c), Load(b + c), sum);
  return sum;
}

inline void RowDot(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t rows,
                   int64_t cols, float* out) {
  const auto lanes = [&](int64_t r) { return DotLanes(a + r * lda, b + r * ldb, cols); };
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    HSum4(lanes(r), lanes(r + 1), lanes(r + 2), lanes(r + 3), out + r);
  }
  for (; r < rows; ++r) out[r] = HSum(lanes(r));
}

inline void MultiplyAdd(const float* x, int64_t ldx, int64_t rows, const float* m, int64_t in,
                        int64_t out_pad, float* out, int64_t ldo) {
  MultiplyAll(x, ldx, rows, m, out_pad, in, out_pad, out, ldo, true);
}

// The columns [begin, cols) of 16 gathered rows, fewer than 16 of them.
inline void LayOutTail(const float* const* from, int64_t begin, int64_t cols, int64_t slot_pad,
                       float* to, int64_t ldo, float* to_t) {
  for (int64_t s = 0; s < 16; ++s) {
    for (int64_t c = begin; c < cols; ++c) {
      const float x = from[s] == nullptr ? 0.0f : from[s][c];
      if (to != nullptr) to[s * ldo + c] = x;
      if (to_t != nullptr) to_t[c * slot_pad + s] = x;
    }
    if (to == nullptr) continue;
    for (int64_t c = cols; c < ldo; ++c) to[s * ldo + c] = 0.0f;
  }
}

inline void LayOut(const float* x, const uint32_t* row, int64_t n, int64_t cols, int64_t slot_pad,
                   float* to, float* to_t) {
  const int64_t ldo = (cols + 15) / 16 * 16;
  for (int64_t i = 0; i < slot_pad; i += 16) {
    const float* from[16];
    for (int64_t s = 0; s < 16; ++s) {
      from[s] = i + s < n ? x + (row == nullptr ? i + s : int64_t{row[i + s]}) * cols : nullptr;
    }
    int64_t c = 0;
    for (; c + 16 <= cols; c += 16) {
      V16 block[16];
      for (int s = 0; s < 16; ++s) {
        block[s] = from[s] == nullptr ? Set(0.0f) : Load(from[s] + c);
      }
      if (to != nullptr) {
        for (int s = 0; s < 16; ++s) Store(to + (i + s) * ldo + c, block[s]);
      }
      if (to_t != nullptr) {
        Transpose(block);
        for (int s = 0; s < 16; ++s) Store(to_t + (c + s) * slot_pad + i, block[s]);
      }
    }
    if (c == cols) continue;
    LayOutTail(from, c, cols, slot_pad, to == nullptr ? nullptr : to + i * ldo, ldo,
               to_t == nullptr ? nullptr : to_t + i);
  }
}

inline void AddRows(const float* x, int64_t ldx, int64_t n, int64_t cols, const uint32_t* row,
                    float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float* from = x + i * ldx;
    float* to = out + int64_t{row[i]} * cols;
    int64_t c = 0;
    for (; c + 16 <= cols; c += 16) Store(to + c, Add(Load(to + c), Load(from + c)));
    for (; c < cols; ++c) to[c] += from[c];
  }
}

inline constexpr AttentionKernels kKernels = {&Forward,     &Backward, &Multiply, &RowDot,
                                              &MultiplyAdd, &LayOut,   &AddRows,  &SoftmaxRows};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_BODY_H_
