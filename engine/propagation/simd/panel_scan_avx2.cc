#define UNDULA_SIMD_TARGET avx2
#include "propagation/simd/panel_scan_body.h"

namespace undula::propagation::simd {

extern const PanelScanKernel kPanelScan_avx2;
extern const RowDotsKernel kRowDots_avx2;
const PanelScanKernel kPanelScan_avx2 = &avx2::PanelScan;
const RowDotsKernel kRowDots_avx2 = &avx2::RowDots;

}  // namespace undula::propagation::simd
