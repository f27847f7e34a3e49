#include "propagation/optim/adam_update.h"

#include <algorithm>
#include <cmath>

#include "propagation/optim/adam_simd.h"

namespace undula::propagation {

void UpdateAdam(OptimizerKind kind, bool table, const StepNumbers<float>& step,
                const StepRows<float>& rows, float* value, float* m, float* v, int64_t items,
                TaskArena* workers, simd::Target target) {
  AdamArgs args{.decay = step.weight_decay,
                .beta1 = step.beta1,
                .keep1 = step.keep1,
                .beta2 = step.beta2,
                .keep2 = step.keep2,
                .shrink = 1.0f,
                .rate = step.learning_rate / step.correction1,
                .root = 1.0f / std::sqrt(step.correction2),
                .epsilon = step.epsilon,
                .grad = rows.grad,
                .rows = rows.rows,
                .slot_of_row = rows.slot_of_row,
                .cols = rows.cols,
                .value = value,
                .m = m,
                .v = v};
  if (kind == OptimizerKind::kAdamW) {
    args.decay = 0.0f;
    args.shrink = 1.0f - step.learning_rate * step.weight_decay;
  }
  if (kind == OptimizerKind::kLazyAdam && table) {
    args.rate = step.learning_rate * std::sqrt(step.correction2) / step.correction1;
    args.root = 1.0f;
  }
  const AdamKernel kernel = GetAdamKernel(target);
  constexpr int64_t kElementsPerTask = 1 << 13;
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, rows.cols));
  if (workers == nullptr || workers->threads() == 1 || items <= grain) {
    kernel(args, 0, items);
    return;
  }
  workers->For(items, grain, [&](int64_t begin, int64_t end) { kernel(args, begin, end); });
}

}  // namespace undula::propagation
