#define UNDULA_SIMD_TARGET scalar
#include "propagation/tile_gemm_body.h"

namespace undula::propagation::simd {

extern const TileKernels kTile_scalar;
const TileKernels kTile_scalar = scalar::kTile;

}  // namespace undula::propagation::simd
