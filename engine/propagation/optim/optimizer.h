// Optimizers: they turn the gradients of a ParameterSet into its next values.
//
//   kind       dense parameter              row_sparse parameter (embedding table)
//   sgd        p -= lr g; with momentum     rows of the step; momentum of other rows is frozen
//              b = momentum b + g, p -= lr b
//   adagrad    s += g^2,                    rows of the step (the same result: g = 0 changes
//   nothing)
//              p -= lr g / (sqrt(s) + eps)
//   adam       Kingma & Ba, ICLR 2015       dense parity: every row decays and moves at every step
//                                           (what TensorFlow 1's Adam does with sparse gradients)
//   adamw      p *= 1 - lr wd, then adam    the same, every row
//   lazy_adam  as adam                      rows of the step only; the bias correction counts all
//              steps (PyTorch's SparseAdam: p -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + eps), eps
//              not divided by the correction), or with per_row_steps each row's own steps
//
// weight_decay is coupled (g += wd p, on the rows that move) except in adamw. eps is 1e-8 for the
// Adam kinds and 1e-10 for adagrad where `epsilon` is 0.
#ifndef UNDULA_PROPAGATION_OPTIM_OPTIMIZER_H_
#define UNDULA_PROPAGATION_OPTIM_OPTIMIZER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/tensor_map.h"
#include "propagation/parameters.h"

namespace undula::propagation {

struct OptimizerOptions {
  std::string kind = "lazy_adam";
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double momentum = 0;  // sgd only
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 0;          // 0: the kind's default
  bool per_row_steps = false;  // lazy_adam only
};
extern const OptionTable kOptimizerOptions;  // section "optimizer"

// Not thread-safe; Step runs rows in parallel inside, with the same bits for any number of threads.
class Optimizer {
 public:
  // The set must outlive the optimizer and keep its parameters. InvalidArgument for an unknown kind
  // or an option out of range. State starts at zero.
  static absl::StatusOr<std::unique_ptr<Optimizer>> Create(const OptimizerOptions& options,
                                                           ParameterSet* parameters);
  virtual ~Optimizer() = default;

  // One step from parameter->grad and parameter->sparse; several sparse contributions of one
  // parameter are merged first (rows sorted, contributions in tape order). Gradients are left as
  // they are: call ParameterSet::ZeroGradients afterwards. workers may be null (serial). Allocates
  // nothing once the scratch memory fits the largest step.
  virtual absl::Status Step(TaskArena* workers) = 0;

  virtual void set_learning_rate(double learning_rate) = 0;
  virtual int64_t steps() const = 0;

  // State (moments, sums, step counts) by the parameters' names, to and from "prefix" + ...; Load
  // fails with NotFound or InvalidArgument naming the tensor whose presence, type or shape is
  // wrong, and then changes nothing.
  virtual void Save(const std::string& prefix, TensorMap* out) const = 0;
  virtual absl::Status Load(const std::string& prefix, const TensorMap& in) = 0;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPTIM_OPTIMIZER_H_
