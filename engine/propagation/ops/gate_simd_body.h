// The kernels of gate_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_

#include "propagation/ops/gate_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// Below -80 it gives sigmoid(-80) = 1.8e-35.
inline V16 SigmoidV(V16 x) {
  return Reciprocal(Add(Set(1.0f), Exp(Sub(Set(0.0f), Max(x, Set(-80.0f))))));
}

struct GatesV {
  V16 r, z, n, old, hidden_n;
};

// i_r, i_z, i_n: the input part of the gates of 16 units from c on.
inline GatesV GatesOf(V16 i_r, V16 i_z, V16 i_n, const float* a, const float* h, int64_t d,
                      int64_t c) {
  GatesV g;
  g.r = SigmoidV(Add(i_r, Load(a + c)));
  g.z = SigmoidV(Add(i_z, Load(a + d + c)));
  g.hidden_n = Load(a + 2 * d + c);
  g.n = Tanh(Fma(g.r, g.hidden_n, i_n));
  g.old = Load(h + c);
  return g;
}

inline GatesV GatesAt(const float* i, const float* a, const float* h, int64_t d, int64_t c) {
  return GatesOf(Load(i + c), Load(i + d + c), Load(i + 2 * d + c), a, h, d, c);
}

inline V16 NextOf(const GatesV& g, bool keeps_old) {
  return keeps_old ? Fma(g.z, Sub(g.old, g.n), g.n) : Fma(g.z, Sub(g.n, g.old), g.old);
}

inline void Gates(const GruGatesRow<float>& p, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *i = p.gi + row * 3 * p.d, *a = p.gh + row * 3 * p.d, *h = p.h + row * p.d;
    for (int64_t c = 0; c < p.d; c += 16) {
      Store(p.out + row * p.d + c, NextOf(GatesAt(i, a, h, p.d, c), p.keeps_old));
    }
  }
}

// The mean of rows of x, 16 columns from c on; 0 for none.
inline V16 MeanAt(const float* x, const uint32_t* rows, int64_t n, int64_t cols, int64_t c) {
  V16 sum = Set(0.0f);
  for (int64_t i = 0; i < n; ++i) {
    sum = Add(sum, Load(x + static_cast<int64_t>(rows[i]) * cols + c));
  }
  return n > 1 ? Div(sum, Set(static_cast<float>(n))) : sum;
}

inline void GraphGates(const GraphGatesRow& p, int64_t begin, int64_t end) {
  const int64_t wide = 3 * p.d;
  for (int64_t row = begin; row < end; ++row) {
    const uint32_t *in = p.in_row + p.in_ptr[row], *out = p.out_row + p.out_ptr[row];
    const int64_t n_in = p.in_ptr[row + 1] - p.in_ptr[row];
    const int64_t n_out = p.out_ptr[row + 1] - p.out_ptr[row];
    const int64_t own = static_cast<int64_t>(p.node_row[row]);
    const float *a = p.hidden + own * wide, *h = p.state + own * p.d;
    for (int64_t c = 0; c < p.d; c += 16) {
      const auto message = [&](int64_t at) {
        return Add(Add(MeanAt(p.in, in, n_in, wide, at), MeanAt(p.out, out, n_out, wide, at)),
                   Load(p.bias + at));
      };
      const GatesV g = GatesOf(message(c), message(p.d + c), message(2 * p.d + c), a, h, p.d, c);
      Store(p.to + row * p.d + c, NextOf(g, p.keeps_old));
    }
  }
}

// A row of n values in kVectors vectors, zeros behind it.
template <int kVectors>
inline void LoadRow(const float* row, int64_t n, V16 (&out)[kVectors]) {
  const int last = static_cast<int>(n - 16 * (kVectors - 1));
  for (int v = 0; v + 1 < kVectors; ++v) out[v] = Load(row + 16 * v);
  if (last == 16) {
    out[kVectors - 1] = Load(row + 16 * (kVectors - 1));
  } else {
    out[kVectors - 1] = LoadFirst(row + 16 * (kVectors - 1), last);
  }
}
template <int kVectors>
inline void StoreRow(const V16 (&x)[kVectors], int64_t n, float* row) {
  const int last = static_cast<int>(n - 16 * (kVectors - 1));
  for (int v = 0; v + 1 < kVectors; ++v) Store(row + 16 * v, x[v]);
  const V16 end = x[kVectors - 1];
  if (last == 16) {
    Store(row + 16 * (kVectors - 1), end);
  } else {
    StoreFirst(row + 16 * (kVectors - 1), last, end);
  }
}
template <int kVectors>
inline float MostOf(const V16 (&x)[kVectors]) {
  V16 most = x[0];
  for (int v = 1; v < kVectors; ++v) most = Max(most, x[v]);
  return HMax(most);
}
// Ones for n keys, zeros behind them: what padding must be to be dropped with the rest.
template <int kVectors>
inline void OnesRow(int64_t n, V16 (&out)[kVectors]) {
  float ones[16 * kVectors];
  for (int64_t k = 0; k < 16 * kVectors; ++k) ones[k] = k < n ? 1.0f : 0.0f;
  for (int v = 0; v < kVectors; ++v) out[v] = Load(ones + 16 * v);
}

// Events looked at between two checks of what can be dropped. The row bodies check after each.
inline constexpr int kWalkStep = 4;

// Products of x with the row `latest` and those before it, n <= 4 of them; the others are
// undefined.
inline void DotFour(const float* x, const float* latest, int64_t n, int64_t d, float* out) {
  const float *a = latest, *b = n > 1 ? a - d : a, *c = n > 2 ? b - d : a, *e = n > 3 ? c - d : a;
  V16 at_a = Set(0.0f), at_b = at_a, at_c = at_a, at_e = at_a;
  for (int64_t i = 0; i < d; i += 16) {
    const V16 y = Load(x + i);
    at_a = Fma(Load(a + i), y, at_a);
    at_b = Fma(Load(b + i), y, at_b);
    at_c = Fma(Load(c + i), y, at_c);
    at_e = Fma(Load(e + i), y, at_e);
  }
  HSum4(at_a, at_b, at_c, at_e, out);
}

// Of one sequence, kVectors x 16 keys.
template <int kVectors>
inline void ScanSequence(const MemoryScanRow<float>& p, float* padded, int64_t sequence) {
  constexpr int64_t kWide = kVectors * 16;
  const MemoryState<float>& m = p.state;
  const int64_t first = m.event_ptr[sequence], n = m.event_ptr[sequence + 1] - first;
  const float* events = m.events + first * m.d;
  float *products = padded + first * 2 * kWide, *gates = products + n * kWide;
  V16 norms[kVectors], ones[kVectors], rho[kVectors];
  LoadRow(p.norms, m.a, norms);
  OnesRow(m.a, ones);
  for (int v = 0; v < kVectors; ++v) rho[v] = Set(0.0f);
  for (int64_t t = 0; t < n; ++t) {
    const float* now = events + t * m.d;
    V16 logit[kVectors], product[kVectors];
    LoadRow(m.products + (first + t) * m.a, m.a, product);
    for (int v = 0; v < kVectors; ++v) {
      Store(products + t * kWide + v * 16, product[v]);
      logit[v] = Mul(rho[v], Add(product[v], norms[v]));
      product[v] = ones[v];
    }
    for (int64_t s = t; s > 0;) {
      const int64_t step = s < kWalkStep ? s : kWalkStep;
      float gram[kWalkStep];
      DotFour(now, events + (s - 1) * m.d, step, m.d, gram);
      for (int64_t i = 0; i < step; ++i) {
        --s;
        const V16 g = Set(gram[i]);
        for (int v = 0; v < kVectors; ++v) {
          const V16 coefficient = Mul(Load(gates + s * kWide + v * 16), product[v]);
          logit[v] = Fma(coefficient, Add(g, Load(products + s * kWide + v * 16)), logit[v]);
          product[v] = Sub(product[v], coefficient);
        }
      }
      if (m.truncation > 0.0f && MostOf(product) <= m.truncation) break;
    }
    V16 gate[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      gate[v] = SigmoidV(logit[v]);
      rho[v] = Fma(gate[v], Sub(Set(1.0f), rho[v]), rho[v]);
      Store(gates + t * kWide + v * 16, gate[v]);
    }
    StoreRow(gate, m.a, m.z + (first + t) * m.a);
    StoreRow(rho, m.a, m.rho + (first + t) * m.a);
  }
}

inline void MemoryScan(const MemoryScanRow<float>& p, float* padded, int64_t begin, int64_t end) {
  constexpr void (*kScan[])(const MemoryScanRow<float>&, float*, int64_t) = {
      ScanSequence<1>, ScanSequence<2>, ScanSequence<3>, ScanSequence<4>,
      ScanSequence<5>, ScanSequence<6>, ScanSequence<7>, ScanSequence<8>};
  const auto scan = kScan[(p.state.a - 1) / 16];
  for (int64_t sequence = begin; sequence < end; ++sequence) scan(p, padded, sequence);
}

// out[c] (+)= sum over i < n of weight[i] rows[i stride + c], c < d.
inline void AddWeighted(const float* weight, const float* rows, int64_t n, int64_t stride,
                        int64_t d, bool add, float* out) {
  int64_t c = 0;
  for (; c + 64 <= d; c += 64) {
    V16 sum[4];
    for (int v = 0; v < 4; ++v) sum[v] = add ? Load(out + c + 16 * v) : Set(0.0f);
    for (int64_t i = 0; i < n; ++i) {
      const V16 w = Set(weight[i]);
      for (int v = 0; v < 4; ++v) sum[v] = Fma(w, Load(rows + i * stride + c + 16 * v), sum[v]);
    }
    for (int v = 0; v < 4; ++v) Store(out + c + 16 * v, sum[v]);
  }
  for (; c < d; c += 16) {
    V16 sum = add ? Load(out + c) : Set(0.0f);
    for (int64_t i = 0; i < n; ++i) sum = Fma(Set(weight[i]), Load(rows + i * stride + c), sum);
    Store(out + c, sum);
  }
}

// The weights of the keys, zeros behind them; also stored.
template <int kVectors>
inline void ReadWeights(const MemoryReadRow<float>& p, const float* key_columns, int64_t b,
                        V16 (&w)[kVectors]) {
  constexpr int64_t kWide = kVectors * 16;
  const MemoryState<float>& m = p.state;
  const float* query = p.queries + b * m.d;
  for (int v = 0; v < kVectors; ++v) w[v] = Set(0.0f);
  for (int64_t c = 0; c < m.d; ++c) {
    const V16 q = Set(query[c]);
    for (int v = 0; v < kVectors; ++v) w[v] = Fma(q, Load(key_columns + c * kWide + 16 * v), w[v]);
  }
  float logits[kWide];
  for (int v = 0; v < kVectors; ++v) Store(logits + 16 * v, Mul(Set(p.gamma), w[v]));
  for (int64_t k = m.a; k < kWide; ++k) logits[k] = logits[0];
  for (int v = 0; v < kVectors; ++v) w[v] = Load(logits + 16 * v);
  const V16 top = Set(MostOf(w));
  for (int v = 0; v < kVectors; ++v) Store(logits + 16 * v, Exp(Sub(w[v], top)));
  LoadRow(logits, m.a, w);
  V16 sum = w[0];
  for (int v = 1; v < kVectors; ++v) sum = Add(sum, w[v]);
  const V16 share = Set(1.0f / HSum(sum));
  for (int v = 0; v < kVectors; ++v) w[v] = Mul(w[v], share);
  StoreRow(w, m.a, p.weights + b * m.a);
}

template <int kVectors>
inline void ReadRow(const MemoryReadRow<float>& p, const float* key_columns, int64_t b) {
  const MemoryState<float>& m = p.state;
  const int64_t t = static_cast<int64_t>(p.last[b]), first = m.event_ptr[p.sequence[b]];
  V16 w[kVectors], x[kVectors], product[kVectors];
  ReadWeights(p, key_columns, b, w);
  float weight[kVectors * 16];
  LoadRow(m.rho + t * m.a, m.a, x);
  for (int v = 0; v < kVectors; ++v) Store(weight + 16 * v, Mul(w[v], x[v]));
  float* to = p.out + b * m.d;
  AddWeighted(weight, m.keys, m.a, m.d, m.d, false, to);
  OnesRow(m.a, product);
  constexpr int64_t kEvents = 32;  // whose coefficients are held, latest first
  float coefficients[kEvents];
  for (int64_t s = t; s >= first;) {
    const float* latest = m.events + s * m.d;
    int64_t n = 0;
    bool dropped = false;
    while (n < kEvents && s >= first && !dropped) {
      const int64_t step = s - first + 1 < kWalkStep ? s - first + 1 : kWalkStep;
      const auto take = [&](int64_t i) {  // the part of event s - i, by keys modulo 16
        V16 part = Set(0.0f);
        if (i >= step) return part;
        LoadRow(m.z + (s - i) * m.a, m.a, x);
        for (int v = 0; v < kVectors; ++v) {
          const V16 coefficient = Mul(x[v], product[v]);
          part = Fma(w[v], coefficient, part);
          product[v] = Sub(product[v], coefficient);
        }
        return part;
      };
      const V16 part_0 = take(0), part_1 = take(1), part_2 = take(2), part_3 = take(3);
      HSum4(part_0, part_1, part_2, part_3, coefficients + n);
      n += step;
      s -= step;
      dropped = m.truncation > 0.0f && MostOf(product) <= m.truncation;
    }
    AddWeighted(coefficients, latest, n, -m.d, m.d, true, to);
    if (dropped) return;
  }
}

inline void MemoryRead(const MemoryReadRow<float>& p, const float* key_columns, int64_t begin,
                       int64_t end) {
  constexpr void (*kRead[])(const MemoryReadRow<float>&, const float*, int64_t) = {
      ReadRow<1>, ReadRow<2>, ReadRow<3>, ReadRow<4>,
      ReadRow<5>, ReadRow<6>, ReadRow<7>, ReadRow<8>};
  const auto read = kRead[(p.state.a - 1) / 16];
  for (int64_t b = begin; b < end; ++b) read(p, key_columns, b);
}

inline void AddAt(float* p, V16 x) { Store(p, Add(Load(p), x)); }

inline void GatesBackward(const GruGatesBackwardRow<float>& p, int64_t begin, int64_t end) {
  const V16 one = Set(1.0f);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t wide = row * 3 * p.d;
    const float *i = p.gi + wide, *a = p.gh + wide, *h = p.h + row * p.d;
    for (int64_t c = 0; c < p.d; c += 16) {
      const GatesV g = GatesAt(i, a, h, p.d, c);
      const V16 up = Load(p.g + row * p.d + c);
      const V16 to_new = p.keeps_old ? Sub(one, g.z) : g.z;
      const V16 change = p.keeps_old ? Sub(g.old, g.n) : Sub(g.n, g.old);
      const V16 dn = Mul(Mul(up, to_new), Sub(one, Mul(g.n, g.n)));
      const V16 dz = Mul(Mul(up, change), Mul(g.z, Sub(one, g.z)));
      const V16 dr = Mul(Mul(dn, g.hidden_n), Mul(g.r, Sub(one, g.r)));
      if (p.dgi != nullptr) {
        AddAt(p.dgi + wide + c, dr);
        AddAt(p.dgi + wide + p.d + c, dz);
        AddAt(p.dgi + wide + 2 * p.d + c, dn);
      }
      if (p.dgh != nullptr) {
        AddAt(p.dgh + wide + c, dr);
        AddAt(p.dgh + wide + p.d + c, dz);
        AddAt(p.dgh + wide + 2 * p.d + c, Mul(dn, g.r));
      }
      if (p.dh != nullptr) AddAt(p.dh + row * p.d + c, Mul(up, Sub(one, to_new)));
    }
  }
}

inline void Read(const SoftReadRow<float>& p, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float* query = p.queries + i * p.d;
    const int64_t first = p.ptr[i], last = p.ptr[i + 1];
    for (int64_t e = first; e < last; ++e) {
      const float* key = p.keys + static_cast<int64_t>(p.src[e]) * p.d;
      V16 sum = Set(0.0f);
      for (int64_t c = 0; c < p.d; c += 16) {
        sum = Fma(Load(p.q + c), SigmoidV(Add(Load(query + c), Load(key + c))), sum);
      }
      const float alpha = HSum(sum);
      p.weights[e] = p.count == nullptr ? alpha : p.count[e] * alpha;
    }
    for (int64_t c = 0; c < p.m; c += 16) {
      V16 sum = Set(0.0f);
      for (int64_t e = first; e < last; ++e) {
        sum =
            Fma(Set(p.weights[e]), Load(p.values + static_cast<int64_t>(p.src[e]) * p.m + c), sum);
      }
      Store(p.out + i * p.m + c, sum);
    }
  }
}

inline void ReadBackward(const SoftReadBackwardRow<float>& p, int64_t begin, int64_t end) {
  const V16 one = Set(1.0f);
  for (int64_t i = begin; i < end; ++i) {
    const float *query = p.queries + i * p.d, *up = p.g + i * p.m;
    float* to_q = p.dq + i * p.d;
    for (int64_t c = 0; c < p.d; c += 16) Store(to_q + c, Set(0.0f));
    for (int64_t e = p.ptr[i]; e < p.ptr[i + 1]; ++e) {
      const float* value = p.values + static_cast<int64_t>(p.src[e]) * p.m;
      V16 dot = Set(0.0f);
      for (int64_t c = 0; c < p.m; c += 16) dot = Fma(Load(up + c), Load(value + c), dot);
      const float sum = HSum(dot);
      const V16 dalpha = Set(p.count == nullptr ? sum : p.count[e] * sum);
      const float* key = p.keys + static_cast<int64_t>(p.src[e]) * p.d;
      for (int64_t c = 0; c < p.d; c += 16) {
        const V16 y = SigmoidV(Add(Load(query + c), Load(key + c)));
        const V16 slope = Mul(Mul(dalpha, Load(p.q + c)), Mul(y, Sub(one, y)));
        Store(p.dkey + e * p.d + c, slope);
        AddAt(to_q + c, Mul(dalpha, y));
        if (p.dquery != nullptr) AddAt(p.dquery + i * p.d + c, slope);
      }
    }
  }
}

inline constexpr GateKernels kGate = {&Gates,      &GatesBackward, &MemoryScan,  &MemoryRead,
                                      &GraphGates, &Read,          &ReadBackward};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_
