// Tuned float32 CPU kernel of the Adam family's row update: the same bits as AdamRow and
// LazyAdamRow (optimizer_row.h), since every lane does their operations in their order, each
// rounded once.
#ifndef UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_H_
#define UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_H_

#include <cstdint>

#include "propagation/simd/target.h"

namespace undula::propagation {

//   d = g + decay p;  m = beta1 m + keep1 d;  v = beta2 v + keep2 d^2
//   p = shrink p - rate m / (root sqrt(v) + epsilon)
// LazyAdamRow is shrink = root = 1.
struct AdamArgs {
  float decay, beta1, keep1, beta2, keep2, shrink, rate, root, epsilon;
  // Item i is row rows[i] of value, m and v (null: i). Its gradient is row i of grad, or row
  // slot_of_row[i] where that is not null (negative: zero).
  const float* grad;
  const uint32_t* rows;
  const int32_t* slot_of_row;
  int64_t cols;
  float *value, *m, *v;
  // Of each item from `begin` on, in place of `rate`; null: `rate` for all.
  const float* rates;
};

// Updates the items [begin, end), whose rows are distinct.
using AdamKernel = void (*)(const AdamArgs& args, int64_t begin, int64_t end);
AdamKernel GetAdamKernel(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPTIM_ADAM_SIMD_H_
