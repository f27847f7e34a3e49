#include "propagation/optim/adam_update.h"

#include <algorithm>
#include <cmath>

#include "propagation/optim/adam_simd.h"

namespace undula::propagation {

void UpdateAdam(OptimizerKind kind, bool table, const StepNumbers<float>& step,
                const StepRows<float>& rows, float* value, float* m, float* v,
                const RowSteps& row_steps, int64_t items, TaskArena* workers, simd::Target target) {
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
                .v = v,
                .rates = nullptr};
  if (kind == OptimizerKind::kAdamW) {
    args.decay = 0.0f;
    args.shrink = 1.0f - step.learning_rate * step.weight_decay;
  }
  if (kind == OptimizerKind::kLazyAdam && table) {
    args.rate = LazyAdamCorrection<float>{step.correction1, std::sqrt(step.correction2)}.Rate(
        step.learning_rate);
    args.root = 1.0f;
  }
  const AdamKernel kernel = GetAdamKernel(target);
  constexpr int64_t kElementsPerTask = 1 << 13;
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, rows.cols));
  const auto update = [&](int64_t begin, int64_t end) {
    if (row_steps.counts == nullptr) return kernel(args, begin, end);
    constexpr int64_t kRates = 128;
    float rates[kRates];
    AdamArgs with_rates = args;
    with_rates.rates = rates;
    for (int64_t at = begin; at < end; at += kRates) {
      const int64_t stop = std::min(end, at + kRates);
      for (int64_t i = at; i < stop; ++i) {
        const uint32_t t = ++row_steps.counts[rows.row(i)];
        const bool known = t < row_steps.corrections.size();
        rates[i - at] =
            (known ? row_steps.corrections[t] : CorrectionAfter(step, t)).Rate(step.learning_rate);
      }
      kernel(with_rates, at, stop);
    }
  };
  if (workers == nullptr || workers->threads() == 1 || items <= grain) {
    update(0, items);
    return;
  }
  workers->For(items, grain, update);
}

}  // namespace undula::propagation
