#define UNDULA_SIMD_TARGET scalar
#include "propagation/simd/panel_scan_body.h"

namespace undula::propagation::simd {

extern const PanelScanKernel kPanelScan_scalar;
extern const RowDotsKernel kRowDots_scalar;
const PanelScanKernel kPanelScan_scalar = &scalar::PanelScan;
const RowDotsKernel kRowDots_scalar = &scalar::RowDots;

}  // namespace undula::propagation::simd
