// Tuned float32 CPU kernels of TripleScore's distances and of NormalizeRows; their row bodies
// (triple_score_row.h, row_normalize_row.h) are their oracles, to 1e-5. The same bits on every
// instruction set.
#ifndef UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_H_
#define UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_H_

#include <cstdint>

#include "propagation/ops/triple_score_row.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

struct TripleKernels {
  // The triples, and the rows of the order, [begin, end); see the row bodies.
  void (*distance)(const TripleDistanceRow<float>& args, int64_t begin, int64_t end);
  void (*add_slopes)(const TripleBackwardRow<float>& args, int64_t begin, int64_t end);
  // The rows rows[begin .. end) of x: divided by their length where the square of it is a normal
  // number; `row_body` does the others.
  void (*normalize)(float* x, const uint32_t* rows, int64_t cols, int64_t begin, int64_t end,
                    void (*row_body)(float* row, int64_t cols));
};

const TripleKernels& GetTripleKernels(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_TRIPLE_SIMD_H_
