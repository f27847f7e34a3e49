// The kernels of gate_simd.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_
#define UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_

#include "propagation/ops/gate_simd.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

inline V16 SigmoidV(V16 x) {
  const V16 one = Set(1.0f);
  return Div(one, Add(one, Exp(Sub(Set(0.0f), x))));
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

// Of one sequence, kVectors x 16 keys. The padding's gates are 1, so that its products are 0 and
// never the largest.
template <int kVectors>
inline void ScanSequence(const MemoryScanRow<float>& p, float* padded, int64_t sequence) {
  constexpr int64_t kWide = kVectors * 16;
  const MemoryState<float>& m = p.state;
  const int64_t first = m.event_ptr[sequence], n = m.event_ptr[sequence + 1] - first;
  float *products = padded + first * 2 * kWide, *gates = products + n * kWide;
  for (int64_t t = 0; t < n; ++t) {
    for (int64_t k = 0; k < kWide; ++k) {
      products[t * kWide + k] = k < m.a ? m.products[(first + t) * m.a + k] : 0.0f;
    }
  }
  float norms[kWide], last[kWide];
  for (int64_t k = 0; k < kWide; ++k) norms[k] = k < m.a ? p.norms[k] : 0.0f;
  const V16 one = Set(1.0f);
  V16 rho[kVectors];
  for (int v = 0; v < kVectors; ++v) rho[v] = Set(0.0f);
  for (int64_t t = 0; t < n; ++t) {
    const float* now = m.events + (first + t) * m.d;
    V16 logit[kVectors], product[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      logit[v] = Mul(rho[v], Add(Load(products + t * kWide + v * 16), Load(norms + v * 16)));
      product[v] = one;
    }
    for (int64_t s = t - 1; s >= 0; --s) {
      const float* then = m.events + (first + s) * m.d;
      V16 dot = Set(0.0f);
      for (int64_t c = 0; c < m.d; c += 16) dot = Fma(Load(then + c), Load(now + c), dot);
      const V16 gram = Set(HSum(dot));
      V16 most = Set(0.0f);
      for (int v = 0; v < kVectors; ++v) {
        const V16 gate = Load(gates + s * kWide + v * 16);
        logit[v] =
            Fma(Mul(gate, product[v]), Add(gram, Load(products + s * kWide + v * 16)), logit[v]);
        product[v] = Mul(product[v], Sub(one, gate));
        most = Max(most, product[v]);
      }
      if (m.truncation > 0.0f && HMax(most) <= m.truncation) break;
    }
    for (int v = 0; v < kVectors; ++v) {
      const V16 gate = SigmoidV(logit[v]);
      rho[v] = Fma(gate, Sub(one, rho[v]), rho[v]);
      Store(gates + t * kWide + v * 16, gate);
      Store(last + v * 16, rho[v]);
    }
    float *z = m.z + (first + t) * m.a, *to = m.rho + (first + t) * m.a;
    for (int64_t k = 0; k < m.a; ++k) {
      z[k] = gates[t * kWide + k];
      to[k] = last[k];
    }
    for (int64_t k = m.a; k < kWide; ++k) gates[t * kWide + k] = 1.0f;
  }
}

inline void MemoryScan(const MemoryScanRow<float>& p, float* padded, int64_t begin, int64_t end) {
  constexpr void (*kScan[])(const MemoryScanRow<float>&, float*, int64_t) = {
      ScanSequence<1>, ScanSequence<2>, ScanSequence<3>, ScanSequence<4>,
      ScanSequence<5>, ScanSequence<6>, ScanSequence<7>, ScanSequence<8>};
  const auto scan = kScan[(p.state.a - 1) / 16];
  for (int64_t sequence = begin; sequence < end; ++sequence) scan(p, padded, sequence);
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

inline constexpr GateKernels kGate = {&Gates,      &GatesBackward, &MemoryScan,
                                      &GraphGates, &Read,          &ReadBackward};

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_OPS_GATE_SIMD_BODY_H_
