// The kernels of panel_scan.h, compiled once per instruction set: the including file defines
// UNDULA_SIMD_TARGET. No function of the standard library here (see simd/v16.h).
#ifndef UNDULA_PROPAGATION_SIMD_PANEL_SCAN_BODY_H_
#define UNDULA_PROPAGATION_SIMD_PANEL_SCAN_BODY_H_

#include "propagation/simd/panel_scan.h"
#include "propagation/simd/v16.h"

namespace undula::propagation::simd::UNDULA_SIMD_TARGET {

// Queries and panels whose sums stay in registers together.
#if defined(__AVX512F__)
inline constexpr int kScanRows = 12, kScanPanels = 2;
#elif defined(__AVX2__)
inline constexpr int kScanRows = 6, kScanPanels = 1;
#else
inline constexpr int kScanRows = 2, kScanPanels = 1;
#endif

inline void TakeHits(uint64_t mask, const float* scores, uint32_t first, PanelList* list) {
  PanelHit* to = list->hits + list->size;
  for (; mask != 0; mask &= mask - 1) {
    const int i = __builtin_ctzll(mask);
    *to++ = {scores[i], first + static_cast<uint32_t>(i)};
  }
  list->size = to - list->hits;
}

// `stride`: queries in a row of `queries`.
template <int kRows, int kPanels>
inline void ScanBlock(const float* queries, int64_t stride, int64_t dim, const float* panels,
                      uint32_t first, PanelList* lists) {
  V16 sum[kRows][kPanels];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) sum[r][p] = Set(0.0f);
  }
  for (int64_t c = 0; c < dim; ++c) {
    V16 rows[kPanels];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) rows[p] = Load(panels + (p * dim + c) * kPanelWidth);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const V16 q = Set(queries[c * stride + r]);
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) sum[r][p] = Fma(q, rows[p], sum[r][p]);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    const V16 least = Set(lists[r].least);
    uint64_t mask = 0;
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      mask |= uint64_t{MaskAtLeast(sum[r][p], least)} << (p * kPanelWidth);
    }
    if (mask == 0) continue;
    float scores[kPanels * kPanelWidth];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) Store(scores + p * kPanelWidth, sum[r][p]);
    TakeHits(mask, scores, first, lists + r);
  }
}

template <int kRows, int kPanels>
inline void ScanRows(const float* queries, int64_t stride, int64_t dim, const float* panels,
                     int64_t count, uint32_t first, PanelList* lists) {
  for (int64_t p = 0; p < count; p += kPanels) {
    ScanBlock<kRows, kPanels>(queries, stride, dim, panels + p * dim * kPanelWidth,
                              first + static_cast<uint32_t>(p * kPanelWidth), lists);
  }
}

inline void PanelScan(const float* queries, int64_t n, int64_t dim, const float* panels,
                      int64_t count, uint32_t first, PanelList* lists) {
  int64_t r = 0;
  for (; r + kScanRows <= n; r += kScanRows) {
    ScanRows<kScanRows, kScanPanels>(queries + r, n, dim, panels, count, first, lists + r);
  }
  if constexpr (kScanRows > 4) {
    for (; r + 4 <= n; r += 4) {
      ScanRows<4, 2>(queries + r, n, dim, panels, count, first, lists + r);
    }
  }
  for (; r < n; ++r) {
    const int64_t fours = count / 4 * 4;
    ScanRows<1, 4>(queries + r, n, dim, panels, fours, first, lists + r);
    ScanRows<1, 2>(queries + r, n, dim, panels + fours * dim * kPanelWidth, count - fours,
                   first + static_cast<uint32_t>(fours * kPanelWidth), lists + r);
  }
}

inline void RowDots(const float* query, int64_t dim, const float* const* rows, int64_t n,
                    float* out) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    V16 a = Set(0.0f), b = a, c = a, d = a;
    for (int64_t k = 0; k < dim; k += kPanelWidth) {
      const V16 q = Load(query + k);
      a = Fma(q, Load(rows[i] + k), a);
      b = Fma(q, Load(rows[i + 1] + k), b);
      c = Fma(q, Load(rows[i + 2] + k), c);
      d = Fma(q, Load(rows[i + 3] + k), d);
    }
    out[i] = HSum(a);
    out[i + 1] = HSum(b);
    out[i + 2] = HSum(c);
    out[i + 3] = HSum(d);
  }
  for (; i < n; ++i) {
    V16 a = Set(0.0f);
    for (int64_t k = 0; k < dim; k += kPanelWidth) a = Fma(Load(query + k), Load(rows[i] + k), a);
    out[i] = HSum(a);
  }
}

}  // namespace undula::propagation::simd::UNDULA_SIMD_TARGET

#endif  // UNDULA_PROPAGATION_SIMD_PANEL_SCAN_BODY_H_
