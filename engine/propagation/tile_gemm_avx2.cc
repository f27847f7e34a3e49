#define UNDULA_SIMD_TARGET avx2
#include "propagation/tile_gemm_body.h"

namespace undula::propagation::simd {

extern const TileKernels kTile_avx2;
const TileKernels kTile_avx2 = avx2::kTile;

}  // namespace undula::propagation::simd
