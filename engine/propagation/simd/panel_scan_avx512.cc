#define UNDULA_SIMD_TARGET avx512
#include "propagation/simd/panel_scan_body.h"

namespace undula::propagation::simd {

extern const PanelScanKernel kPanelScan_avx512;
extern const RowDotsKernel kRowDots_avx512;
const PanelScanKernel kPanelScan_avx512 = &avx512::PanelScan;
const RowDotsKernel kRowDots_avx512 = &avx512::RowDots;

}  // namespace undula::propagation::simd
