// Sum, mean or maximum of the rows of each CSR segment. An empty segment gives a zero row and no
// gradient. The gradient of the maximum goes to the first (lowest slot) maximal entry.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_H_

#include "propagation/tape.h"

namespace undula::propagation {

enum class Reduce : uint8_t { kSum, kMean, kMax };

// ptr: i64 [N + 1], ascending, from 0; src: u32 [E], slot e reads row src[e] of x; an empty Tensor
// means src[e] = e (then x has E rows). x: [n, d]. Output [N, d].
Var SegmentReduce(Tape& tape, Var x, const Tensor& ptr, const Tensor& src, Reduce reduce);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_REDUCE_H_
