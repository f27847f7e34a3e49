// Products of queries with a catalogue in panels, fused with the comparison of the top-k loop: what
// cannot enter a list is never written. And the products of one query with single rows.
#ifndef UNDULA_PROPAGATION_SIMD_PANEL_SCAN_H_
#define UNDULA_PROPAGATION_SIMD_PANEL_SCAN_H_

#include <cstdint>

#include "propagation/simd/target.h"

namespace undula::propagation::simd {

inline constexpr int64_t kPanelWidth = 16;    // rows in a panel
inline constexpr int64_t kPanelQueries = 12;  // queries worked together

struct PanelHit {
  float score;
  uint32_t row;
};

// A list under way. The kernel writes hits[size ..] and moves size; there must be room for all rows
// of the call.
struct PanelList {
  float least = 0;  // of these scores and more; never NaN
  PanelHit* hits = nullptr;
  int64_t size = 0;
};

// lists[r] gets the rows of `panels` panels (an even number; [panels, dim, 16], row `first` the
// first of them) whose product with query r is at least lists[r].least, r < n <= kPanelQueries, in
// ascending order of the rows. queries: [dim, n]. A product is a chain of fused multiply-adds in
// ascending order of the dimension from 0 on: the same bits on every target, whichever queries and
// rows are together.
using PanelScanKernel = void (*)(const float* queries, int64_t n, int64_t dim, const float* panels,
                                 int64_t count, uint32_t first, PanelList* lists);
PanelScanKernel GetPanelScan(Target target = BestTarget());

// out[i] = product of the query and rows[i], i < n: 16 chains of fused multiply-adds, lane l over
// the dimensions l, l + 16, ..., added in one fixed tree. dim is a multiple of 16.
using RowDotsKernel = void (*)(const float* query, int64_t dim, const float* const* rows, int64_t n,
                               float* out);
RowDotsKernel GetRowDots(Target target = BestTarget());

}  // namespace undula::propagation::simd

#endif  // UNDULA_PROPAGATION_SIMD_PANEL_SCAN_H_
