// One training step: forward and backward of one batch, as described at the top of models/model.h.
#ifndef UNDULA_MODELS_TRAIN_STEP_H_
#define UNDULA_MODELS_TRAIN_STEP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/model.h"
#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/scalar_log.h"
#include "propagation/step_graphs.h"
#include "propagation/tape.h"

namespace undula::models {

// Cuts a batch's chunks into out.size() contiguous parts of about equal rows; parts may be empty.
// The cut depends on the batch and on the number of parts only.
void CutSlices(const Batch& batch, std::span<Slice> out);

// Keeps the arenas of a training, so that steps reuse their memory: once they have seen the largest
// batch, steps allocate nothing. Belongs to one thread.
class TrainingStep {
 public:
  // model and exec must outlive the step; slices run in exec's workers. `slices` is part of what
  // defines the bits; the number of threads is not. A GPU works a batch as one slice: its kernels
  // are parallel inside, and every launch counts.
  TrainingStep(Model* model, propagation::Exec* exec, int64_t slices);
  ~TrainingStep();

  // The loss of the batch, summed over slices in double. Adds the gradients to the model's
  // parameters, which must be zero before: call parameters()->ZeroGradients() after the optimiser.
  // They stay valid until the next Run. The error is that of the first slice that failed; Internal
  // where a slice touched a parameter directly instead of a leaf from Prepare.
  absl::StatusOr<double> Run(const Batch& batch);
  // The same without the loss, which TakeLosses gives later: on a GPU the call only enqueues work
  // and, once its memory has grown to the batches, neither allocates nor waits.
  absl::Status Enqueue(const Batch& batch);
  // Enqueue and then `update` (the optimizer's step), as CUDA graphs (propagation/step_graphs.h)
  // that share one program for batches of about as many rows and chunks. `update` must end with
  // ZeroGradients. FailedPrecondition on a CPU.
  absl::Status EnqueueAsGraph(const Batch& batch, const std::function<absl::Status()>& update);
  // The losses of the batches since the last call of TakeLosses or Run, in order. Valid until the
  // next call of either.
  absl::StatusOr<std::span<const double>> TakeLosses();
  // The loss alone; gradients stay as they are.
  absl::StatusOr<double> Forward(const Batch& batch);

  // How the steps of EnqueueAsGraph ran.
  propagation::StepGraphs::Counts graph_counts() const;

  // The most bytes of step memory so far, over all arenas.
  size_t high_water() const;

 private:
  struct SliceState;
  absl::Status RunImpl(const Batch& batch, bool backward);
  void RunSlice(const Batch& batch, const Slice& slice, bool backward, SliceState* state);
  void SumLeafGradients();
  void ResetArenas();
  absl::Status CheckParametersUntouched() const;

  Model* model_;
  propagation::Exec* exec_;
  propagation::Exec slice_exec_;  // operators of a slice run on the slice's thread
  propagation::Arena arena_;
  propagation::Tape tape_;  // Prepare's
  std::vector<propagation::Var> shared_;
  std::vector<std::unique_ptr<SliceState>> slices_;
  std::vector<Slice> cut_;
  std::vector<propagation::Tensor> parts_;  // of one leaf's gradient
  propagation::ScalarLog losses_;           // the terms of each batch's loss
  std::vector<int64_t> terms_;              // of each batch in losses_
  std::vector<double> loss_parts_, taken_;  // of TakeLosses
  std::unique_ptr<propagation::StepGraphs> graphs_;
  bool checked_ = false;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_STEP_H_
