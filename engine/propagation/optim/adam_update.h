// The Adam kinds in float32 on the CPU: the numbers of optimizer_row.h handed to the tuned kernel.
// The same bits as the row bodies.
#ifndef UNDULA_PROPAGATION_OPTIM_ADAM_UPDATE_H_
#define UNDULA_PROPAGATION_OPTIM_ADAM_UPDATE_H_

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "propagation/optim/optimizer_row.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

// The steps that each row of a table has made; null: those of the run count. `corrections` are what
// CorrectionAfter tells of 0, 1, ... steps; it is asked for what is beyond them.
struct RowSteps {
  uint32_t* counts = nullptr;
  std::span<const LazyAdamCorrection<float>> corrections = {};
};

// Updates the work items [0, items) of `rows`. kind: one of the Adam kinds; table: an embedding
// table, where kLazyAdam has its own rate. workers may be null.
void UpdateAdam(OptimizerKind kind, bool table, const StepNumbers<float>& step,
                const StepRows<float>& rows, float* value, float* m, float* v,
                const RowSteps& row_steps, int64_t items, TaskArena* workers,
                simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPTIM_ADAM_UPDATE_H_
