// Gemm of the emulated device (tests only).
#include "propagation/cuda/blas.h"
#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {
namespace {

// c[row, :]: one emulated thread per row, so that device memory is open while it runs.
UNDULA_KERNEL void GemmRow(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                           const float* a, const float* b, float beta, float* c) {
  const int64_t row = simt::GlobalThread();
  if (row >= m) return;
  for (int64_t col = 0; col < n; ++col) {
    float sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      sum += (transpose_a ? a[i * m + row] : a[row * k + i]) *
             (transpose_b ? b[col * k + i] : b[i * n + col]);
    }
    c[row * n + col] = beta == 0 ? sum : sum + beta * c[row * n + col];
  }
}

}  // namespace

void* OpenBlas(const Queue&, std::string*) {
  static int handle;
  return &handle;
}
void CloseBlas(void*) {}

int Gemm(const Queue& queue, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
         const float* a, const float* b, float beta, float* c) {
  return simt::Launch(queue, simt::LaunchShape{(m + 31) / 32, 32, 0}, GemmRow, transpose_a,
                      transpose_b, m, n, k, a, b, beta, c);
}

}  // namespace undula::propagation::cuda
