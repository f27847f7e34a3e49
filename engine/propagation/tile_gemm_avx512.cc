#define UNDULA_SIMD_TARGET avx512
#include "propagation/tile_gemm_body.h"

namespace undula::propagation::simd {

extern const TileKernels kTile_avx512;
const TileKernels kTile_avx512 = avx512::kTile;

}  // namespace undula::propagation::simd
