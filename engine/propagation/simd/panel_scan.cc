#include "propagation/simd/panel_scan.h"

#include <algorithm>

namespace undula::propagation::simd {

extern const PanelScanKernel kPanelScan_scalar;
extern const RowDotsKernel kRowDots_scalar;
#if defined(__x86_64__)
extern const PanelScanKernel kPanelScan_avx2, kPanelScan_avx512;
extern const RowDotsKernel kRowDots_avx2, kRowDots_avx512;
#endif

PanelScanKernel GetPanelScan(Target target) {
#if defined(__x86_64__)
  target = std::min(target, SupportedTarget());
  if (target == Target::kAvx512) return kPanelScan_avx512;
  if (target == Target::kAvx2) return kPanelScan_avx2;
#endif
  return kPanelScan_scalar;
}

RowDotsKernel GetRowDots(Target target) {
#if defined(__x86_64__)
  target = std::min(target, SupportedTarget());
  if (target == Target::kAvx512) return kRowDots_avx512;
  if (target == Target::kAvx2) return kRowDots_avx2;
#endif
  return kRowDots_scalar;
}

}  // namespace undula::propagation::simd
