// Makes the kernel of a row body; see kernels.h. Included by .cu files only.
#ifndef UNDULA_PROPAGATION_CUDA_ROW_KERNEL_H_
#define UNDULA_PROPAGATION_CUDA_ROW_KERNEL_H_

#include "propagation/cuda/kernels.h"
#include "propagation/cuda/warp_group.h"

namespace undula::propagation::cuda {

template <class Body>
int RunRows(const Queue& queue, int64_t n, const Body& body) {
  return ForEachRow(queue, n, body);
}

}  // namespace undula::propagation::cuda

// At namespace scope of undula::propagation.
#define UNDULA_ROW_KERNEL(Body) \
  template int cuda::RunRows<Body>(const cuda::Queue&, int64_t, const Body&)

#endif  // UNDULA_PROPAGATION_CUDA_ROW_KERNEL_H_
