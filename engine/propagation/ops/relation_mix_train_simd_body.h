// The kernels of relation_mix_train_simd.h, compiled once per instruction set: the including file
// defines UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_BODY_H_

#include "propagation/ops/activation_simd_body.h"
#include "propagation/ops/relation_mix_train_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// Loops over columns have compile-time bounds for the usual widths; D = 0 reads them.
template <int D>
inline int64_t Width(int64_t width) {
  return D > 0 ? D : width;
}

inline float DotOf(const float* a, const float* b, int64_t n) {
  V16 sum = Mul(Load(a), Load(b));
  for (int64_t c = 16; c < n; c += 16) sum = Fma(Load(a + c), Load(b + c), sum);
  return HSum(sum);
}

// out[i] = the dot of a and the rows row(i) of n values, i < count.
template <class Row>
inline void DotsOf(const float* a, int64_t n, int64_t count, const Row& row, float* out) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float *p0 = row(i), *p1 = row(i + 1), *p2 = row(i + 2), *p3 = row(i + 3);
    V16 x = Load(a);
    V16 s0 = Mul(x, Load(p0)), s1 = Mul(x, Load(p1)), s2 = Mul(x, Load(p2)), s3 = Mul(x, Load(p3));
    for (int64_t c = 16; c < n; c += 16) {
      x = Load(a + c);
      s0 = Fma(x, Load(p0 + c), s0);
      s1 = Fma(x, Load(p1 + c), s1);
      s2 = Fma(x, Load(p2 + c), s2);
      s3 = Fma(x, Load(p3 + c), s3);
    }
    HSum4(s0, s1, s2, s3, out + i);
  }
  for (; i < count; ++i) out[i] = DotOf(a, row(i), n);
}

// y += a x.
inline void AddTimes(float a, const float* x, int64_t n, float* y) {
  const V16 factor = Set(a);
  for (int64_t c = 0; c < n; c += 16) Store(y + c, Fma(factor, Load(x + c), Load(y + c)));
}

inline V16 TimesSlope(Activation activation, V16 g, V16 y) {
  if (activation == Activation::kTanh) {
    return Mul(g, Mul(Sub(Set(1.0f), y), Add(Set(1.0f), y)));
  }
  return activation == Activation::kRelu ? WherePositive(y, g) : g;
}

// One group: its slots, counts in scratch.
struct MixGroup {
  int64_t slot, slots, first, end;
  float* weights;  // of its first row
};

inline MixGroup GroupOf(const MixTrainArgs& a, int64_t g) {
  return {a.slot_ptr[g], a.slot_ptr[g + 1] - a.slot_ptr[g], a.row_ptr[g], a.row_ptr[g + 1],
          a.weights + a.weight_ptr[g]};
}

inline int64_t ValueOf(const MixTrainArgs& a, int64_t slot) {
  return a.value_row == nullptr ? slot : static_cast<int64_t>(a.value_row[slot]);
}

// The attention of one row from its table of exponentials, into w.
inline void LookedUp(const MixTrainArgs& a, const MixGroup& g, int64_t row, const float* count,
                     float* w) {
  const int64_t query = a.query_row == nullptr ? row : static_cast<int64_t>(a.query_row[row]);
  const float* x = a.table + query * a.table_width;
  const uint32_t* relation = a.relation + g.slot;
  float sum = 0;
  for (int64_t i = 0; i < g.slots; ++i) {
    w[i] = count[i] * x[relation[i]];
    sum += w[i];
  }
  const float scale = 1.0f / sum;
  for (int64_t i = 0; i < g.slots; ++i) w[i] *= scale;
}

// The attention of one row, into w (padded to 16).
inline void Attention(const MixTrainArgs& a, const MixGroup& g, const float* q, int64_t d,
                      const float* count, float* w) {
  float score = 0;
  for (int64_t i = 0; i < g.slots; ++i) {
    const uint32_t r = a.relation[g.slot + i];
    if (i == 0 || r != a.relation[g.slot + i - 1]) {
      score = a.scale * DotOf(q, a.relations + static_cast<int64_t>(r) * d, d);
    }
    w[i] = score;
  }
  const int64_t pad = (g.slots + 15) / 16 * 16;
  for (int64_t i = g.slots; i < pad; ++i) w[i] = -3.0e38f;
  V16 top = Load(w);
  for (int64_t i = 16; i < pad; i += 16) top = Max(Load(w + i), top);
  const V16 shift = Set(HMax(top));
  V16 sum = Set(0.0f);
  for (int64_t i = 0; i < pad; i += 16) {
    const V16 e = Mul(Load(count + i), Exp(Sub(Load(w + i), shift)));
    sum = Add(sum, e);
    Store(w + i, e);
  }
  const V16 scale = Set(1.0f / HSum(sum));
  for (int64_t i = 0; i < pad; i += 16) Store(w + i, Mul(Load(w + i), scale));
}

template <int D, int M>
inline void MixForward(const MixTrainArgs& a, int64_t begin, int64_t end, float* scratch) {
  const int64_t d = Width<D>(a.d), m = Width<M>(a.m);
  for (int64_t number = begin; number < end; ++number) {
    const MixGroup g = GroupOf(a, number);
    const int64_t pad = (g.slots + 15) / 16 * 16;
    float* count = scratch;
    float* w = scratch + pad;
    for (int64_t i = 0; i < pad; ++i) {
      count[i] = i >= g.slots ? 0.0f : a.count == nullptr ? 1.0f : a.count[g.slot + i];
    }
    if (g.slots == 1) w[0] = 1.0f;  // whatever the score
    for (int64_t row = g.first; row < g.end; ++row) {
      if (g.slots > 1) {
        if (a.table != nullptr) {
          LookedUp(a, g, row, count, w);
        } else {
          Attention(a, g, a.q + row * d, d, count, w);
        }
      }
      float* out = a.out + row * m;
      for (int64_t c = 0; c < m; c += 16) {
        V16 z = a.base == nullptr ? Set(0.0f) : Load(a.base + number * m + c);
        for (int64_t i = 0; i < g.slots; ++i) {
          z = Fma(Set(a.gain * w[i]), Load(a.values + ValueOf(a, g.slot + i) * m + c), z);
        }
        Store(out + c, z);
      }
      float* packed = g.weights + (row - g.first) * g.slots;
      for (int64_t i = 0; i < g.slots; ++i) packed[i] = w[i];
    }
  }
  const int64_t first = a.row_ptr[begin], last = a.row_ptr[end];
  Activate(a.activation, a.out + first * m, (last - first) * m);
}

// dz of one row.
inline void SlopeRow(const MixTrainArgs& a, int64_t row, int64_t m, float* dz) {
  const float* g = a.g_out + row * m;
  const float* y = a.out + row * m;
  for (int64_t c = 0; c < m; c += 16) {
    Store(dz + c, TimesSlope(a.activation, Load(g + c), Load(y + c)));
  }
}

template <int D, int M>
inline void MixBackward(const MixTrainArgs& a, int64_t begin, int64_t end, float* scratch) {
  const int64_t d = Width<D>(a.d), m = Width<M>(a.m);
  float* dz = scratch;
  float* ds = dz + (m + 15) / 16 * 16;
  for (int64_t number = begin; number < end; ++number) {
    const MixGroup g = GroupOf(a, number);
    float* dkey = ds + (g.slots + 15) / 16 * 16;  // [slots][d]
    const bool keys = g.slots > 1 && a.drelation != nullptr;
    for (int64_t c = 0; keys && c < g.slots * d; c += 16) Store(dkey + c, Set(0.0f));
    for (int64_t row = g.first; row < g.end; ++row) {
      SlopeRow(a, row, m, dz);
      if (a.dbase != nullptr) AddTimes(1.0f, dz, m, a.dbase + number * m);
      const float* w = g.weights + (row - g.first) * g.slots;
      for (int64_t i = 0; a.dslot != nullptr && i < g.slots; ++i) {
        AddTimes(a.gain * w[i], dz, m, a.dslot + (g.slot + i) * m);
      }
      float* dscore = a.dscore == nullptr ? nullptr : a.dscore + (w - a.weights);
      if (g.slots < 2) {  // the weight is 1
        if (dscore != nullptr && g.slots == 1) dscore[0] = 0;
        continue;
      }
      const float* dw = a.dweights == nullptr ? nullptr : a.dweights + (w - a.weights);
      DotsOf(
          dz, m, g.slots, [&](int64_t i) { return a.values + ValueOf(a, g.slot + i) * m; }, ds);
      float mean = 0;
      for (int64_t i = 0; i < g.slots; ++i) {
        ds[i] *= a.gain;
        if (dw != nullptr) ds[i] += dw[i];
        mean += w[i] * ds[i];
      }
      for (int64_t i = 0; i < g.slots; ++i) {
        ds[i] = a.scale * (w[i] * (ds[i] - mean));
        if (dscore != nullptr) {
          dscore[i] = ds[i];
          continue;
        }
        if (a.dq != nullptr) {
          AddTimes(ds[i], a.relations + static_cast<int64_t>(a.relation[g.slot + i]) * d, d,
                   a.dq + row * d);
        }
        if (keys) AddTimes(ds[i], a.q + row * d, d, dkey + i * d);
      }
    }
    for (int64_t i = 0; keys && i < g.slots; ++i) {
      AddTimes(1.0f, dkey + i * d, d,
               a.drelation + static_cast<int64_t>(a.relation[g.slot + i]) * d);
    }
  }
}

inline void TrainForward(const MixTrainArgs& a, int64_t begin, int64_t end, float* scratch) {
  if (a.d == 16 && a.m == 16) return MixForward<16, 16>(a, begin, end, scratch);
  if (a.d == 32 && a.m == 32) return MixForward<32, 32>(a, begin, end, scratch);
  MixForward<0, 0>(a, begin, end, scratch);
}

inline void TrainBackward(const MixTrainArgs& a, int64_t begin, int64_t end, float* scratch) {
  if (a.d == 16 && a.m == 16) return MixBackward<16, 16>(a, begin, end, scratch);
  if (a.d == 32 && a.m == 32) return MixBackward<32, 32>(a, begin, end, scratch);
  MixBackward<0, 0>(a, begin, end, scratch);
}

inline constexpr MixTrainKernels kMixTrainKernels = {&TrainForward, &TrainBackward};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_BODY_H_
