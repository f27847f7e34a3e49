// The float32 kernels of tile_gemm.h of one instruction set; their bodies are in tile_gemm_body.h.
#ifndef UNDULA_PROPAGATION_TILE_KERNELS_H_
#define UNDULA_PROPAGATION_TILE_KERNELS_H_

#include <cstdint>

namespace undula::propagation::simd {

struct TileKernels {
  void (*gemm)(const float* const* a, int64_t n, int64_t k, const float* b, int64_t ldb,
               float* const* c, int64_t m, bool add);
  void (*outer)(const float* const* a, const float* const* b, int64_t n, int64_t k, int64_t m,
                float* c, int64_t ldc);
  void (*transpose)(const float* from, int64_t rows, int64_t cols, float* to);
};

}  // namespace undula::propagation::simd

#endif  // UNDULA_PROPAGATION_TILE_KERNELS_H_
