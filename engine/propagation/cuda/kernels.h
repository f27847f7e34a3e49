// Which row bodies run as CUDA kernels, and the call that runs them. A row body that is a template
// on the scalar alone (or on a term that is) has a kernel for float: its x.cu says
// UNDULA_ROW_KERNEL(XRow<float>). An operator without that line does not link. Host code includes
// this; .cu files include row_kernel.h.
#ifndef UNDULA_PROPAGATION_CUDA_KERNELS_H_
#define UNDULA_PROPAGATION_CUDA_KERNELS_H_

#include <cstdint>

#include "propagation/cuda/queue.h"

namespace undula::propagation {
struct GroupIndexRow;
struct MarkSlotsTile;
struct SegmentOfSlotRow;
}  // namespace undula::propagation

namespace undula::propagation::cuda {

template <class Body>
inline constexpr bool kHasKernel = false;
template <template <class> class Body>
inline constexpr bool kHasKernel<Body<float>> = true;
template <template <class> class Body, template <class> class Term>
inline constexpr bool kHasKernel<Body<Term<float>>> = true;
template <>
inline constexpr bool kHasKernel<SegmentOfSlotRow> = true;
template <>
inline constexpr bool kHasKernel<GroupIndexRow> = true;
template <>
inline constexpr bool kHasKernel<MarkSlotsTile> = true;

// body(WarpGroup, row) for the rows [0, n).
template <class Body>
int RunRows(const Queue& queue, int64_t n, const Body& body);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_KERNELS_H_
