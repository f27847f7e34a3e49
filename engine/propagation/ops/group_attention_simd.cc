#include "propagation/ops/group_attention_simd.h"

#include <algorithm>
#include <cstring>

namespace undula::propagation {

namespace simd {
extern const AttentionKernels kAttentionKernels_scalar;
#if defined(__x86_64__)
extern const AttentionKernels kAttentionKernels_avx2;
extern const AttentionKernels kAttentionKernels_avx512;
#endif
}  // namespace simd

namespace {

// Rows of a group that are worked at a time: bounds the scratch memory of large groups.
constexpr int64_t kTileRows = 64;

// Rows are a few dozen floats long: a loop of fixed blocks beats a call of memcpy.
void CopyPadded(const float* from, int64_t cols, int64_t pad, float* to) {
  int64_t c = 0;
  for (; c + 16 <= cols; c += 16) {
    for (int64_t l = 0; l < 16; ++l) to[c + l] = from[c + l];
  }
  for (; c < pad; ++c) to[c] = c < cols ? from[c] : 0.0f;
}

// Rows [n][cols] with rows padded to `pad` columns; the rows themselves where no padding is needed.
const float* PadRows(const float* rows, int64_t n, int64_t cols, int64_t pad, float* scratch) {
  if (cols == pad) return rows;
  for (int64_t r = 0; r < n; ++r) CopyPadded(rows + r * cols, cols, pad, scratch + r * pad);
  return scratch;
}

void CopyRows(const float* from, int64_t from_cols, int64_t n, int64_t cols, float* to) {
  for (int64_t r = 0; r < n; ++r) CopyPadded(from + r * from_cols, cols, cols, to + r * cols);
}

void AddRow(const float* from, int64_t cols, float* to) {
  for (int64_t c = 0; c < cols; ++c) to[c] += from[c];
}

int64_t MaxSlots(const GroupAttentionArgs& args) {
  int64_t most = 0;
  for (int64_t g = 0; g < args.groups; ++g) {
    most = std::max(most, args.slot_ptr[g + 1] - args.slot_ptr[g]);
  }
  return most;
}

void FillGroup(const GroupAttentionArgs& args, int64_t g, simd::Target target,
               AttentionSlots* slots) {
  const int64_t begin = args.slot_ptr[g];
  FillAttentionSlots(args.keys, args.key_row + begin, args.values, args.value_row + begin,
                     args.count == nullptr ? nullptr : args.count + begin,
                     args.slot_ptr[g + 1] - begin, slots, target);
}

}  // namespace

const AttentionKernels& GetAttentionKernels(simd::Target target) {
#if defined(__x86_64__)
  target = std::min(target, simd::SupportedTarget());
  if (target == simd::Target::kAvx512) return simd::kAttentionKernels_avx512;
  if (target == simd::Target::kAvx2) return simd::kAttentionKernels_avx2;
#endif
  return simd::kAttentionKernels_scalar;
}

AttentionSlots AllocateAttentionSlots(int64_t max_slots, int64_t key_cols, int64_t value_cols,
                                      unsigned arrays, Arena& arena) {
  AttentionSlots s;
  s.key_cols = key_cols;
  s.key_pad = PadTo16(key_cols);
  s.value_cols = value_cols;
  s.value_pad = PadTo16(value_cols);
  const int64_t pad = PadTo16(max_slots);
  const auto floats = [&](int64_t n) { return arena.New<float>(static_cast<size_t>(n)); };
  if (arrays & kKeyT) s.key_t = floats(key_cols * pad);
  if (arrays & kValue) s.value = floats(pad * s.value_pad);
  if (arrays & kKey) s.key = floats(pad * s.key_pad);
  if (arrays & kValueT) s.value_t = floats(value_cols * pad);
  s.count = floats(pad);
  s.bias = floats(pad);
  return s;
}

void FillAttentionSlots(const float* keys, const uint32_t* key_row, const float* values,
                        const uint32_t* value_row, const float* count, int64_t n, AttentionSlots* s,
                        simd::Target target) {
  const AttentionKernels& kernels = GetAttentionKernels(target);
  const int64_t pad = PadTo16(n);
  s->slots = n;
  s->slot_pad = pad;
  kernels.lay_out(keys, key_row, n, s->key_cols, pad, s->key, s->key_t);
  kernels.lay_out(values, value_row, n, s->value_cols, pad, s->value, s->value_t);
  for (int64_t i = 0; i < pad; ++i) {
    s->count[i] = i < n ? (count == nullptr ? 1.0f : count[i]) : 0.0f;
    s->bias[i] = i < n ? 0.0f : -3.0e38f;
  }
}

void GroupAttentionForward(const GroupAttentionArgs& args, float* out, float* weights,
                           Arena& scratch, simd::Target target) {
  const AttentionKernels& kernels = GetAttentionKernels(target);
  AttentionSlots slots = AllocateAttentionSlots(MaxSlots(args), args.key_cols, args.value_cols,
                                                kForwardArrays, scratch);
  const int64_t max_pad = PadTo16(MaxSlots(args));
  float* tile_weights = scratch.New<float>(static_cast<size_t>(kTileRows * max_pad));
  float* tile_out = scratch.New<float>(static_cast<size_t>(kTileRows * slots.value_pad));
  const bool padded = slots.value_pad != args.value_cols;
  for (int64_t g = 0; g < args.groups; ++g) {
    FillGroup(args, g, target, &slots);
    const int64_t end = args.row_ptr[g + 1] - args.row_ptr[0];
    for (int64_t r = args.row_ptr[g] - args.row_ptr[0]; r < end; r += kTileRows) {
      const int64_t rows = std::min(kTileRows, end - r);
      float* rows_out = padded ? tile_out : out + r * args.value_cols;
      kernels.forward(slots, args.q + r * args.key_cols, args.key_cols, rows, tile_weights,
                      slots.slot_pad, rows_out, padded ? slots.value_pad : args.value_cols);
      if (padded) {
        CopyRows(tile_out, slots.value_pad, rows, args.value_cols, out + r * args.value_cols);
      }
      CopyRows(tile_weights, slots.slot_pad, rows, slots.slots, weights);
      weights += rows * slots.slots;
    }
  }
}

void GroupAttentionBackward(const GroupAttentionArgs& args, const float* weights, const float* dout,
                            float* dq, float* dkeys, float* dvalues, Arena& scratch,
                            simd::Target target) {
  const AttentionKernels& kernels = GetAttentionKernels(target);
  AttentionSlots s = AllocateAttentionSlots(MaxSlots(args), args.key_cols, args.value_cols,
                                            kBackwardArrays, scratch);
  const int64_t max_pad = PadTo16(MaxSlots(args));
  const auto floats = [&](int64_t n) { return scratch.New<float>(static_cast<size_t>(n)); };
  float* tile_weights = floats(kTileRows * max_pad);
  float* tile_scratch = floats(kTileRows * max_pad);
  float* tile_q = floats(kTileRows * s.key_pad);
  float* tile_dout = floats(kTileRows * s.value_pad);
  float* tile_dq = floats(kTileRows * s.key_pad);
  float* dkey = floats(max_pad * s.key_pad);
  float* dvalue = floats(max_pad * s.value_pad);
  for (int64_t g = 0; g < args.groups; ++g) {
    FillGroup(args, g, target, &s);
    std::memset(dkey, 0, static_cast<size_t>(s.slot_pad * s.key_pad) * sizeof(float));
    std::memset(dvalue, 0, static_cast<size_t>(s.slot_pad * s.value_pad) * sizeof(float));
    const int64_t end = args.row_ptr[g + 1] - args.row_ptr[0];
    for (int64_t r = args.row_ptr[g] - args.row_ptr[0]; r < end; r += kTileRows) {
      const int64_t rows = std::min(kTileRows, end - r);
      const float* q = PadRows(args.q + r * args.key_cols, rows, args.key_cols, s.key_pad, tile_q);
      const float* g_out =
          PadRows(dout + r * args.value_cols, rows, args.value_cols, s.value_pad, tile_dout);
      const float* a = PadRows(weights, rows, s.slots, s.slot_pad, tile_weights);
      weights += rows * s.slots;
      const bool direct = dq != nullptr && s.key_pad == args.key_cols;
      float* g_q = direct ? dq + r * args.key_cols : tile_dq;
      if (!direct) {
        std::memset(tile_dq, 0, static_cast<size_t>(rows * s.key_pad) * sizeof(float));
      }
      kernels.backward(s, q, s.key_pad, a, s.slot_pad, g_out, s.value_pad, rows, g_q, s.key_pad,
                       dkey, dvalue, tile_scratch);
      if (dq != nullptr && !direct) {
        for (int64_t i = 0; i < rows; ++i) {
          AddRow(tile_dq + i * s.key_pad, args.key_cols, dq + (r + i) * args.key_cols);
        }
      }
    }
    const int64_t first = args.slot_ptr[g];
    if (dkeys != nullptr) {
      kernels.add_rows(dkey, s.key_pad, s.slots, args.key_cols, args.key_row + first, dkeys);
    }
    if (dvalues != nullptr) {
      kernels.add_rows(dvalue, s.value_pad, s.slots, args.value_cols, args.value_row + first,
                       dvalues);
    }
  }
}

}  // namespace undula::propagation
