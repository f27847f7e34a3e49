// Softmax over each CSR segment, shifted by the segment's maximum. An empty segment writes nothing;
// one entry gives 1 with gradient 0.
#ifndef UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_H_
#define UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_H_

#include "propagation/tape.h"

namespace undula::propagation {

// logits: [E]; ptr: i64 [N + 1], ascending, ptr[0] = 0, ptr[N] = E. Output [E].
Var SegmentSoftmax(Tape& tape, Var logits, const Tensor& ptr);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SEGMENT_SOFTMAX_H_
