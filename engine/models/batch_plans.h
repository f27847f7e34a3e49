// An optional side of a model: what a step needs beside parameters (sampled pairs, neighborhoods,
// places of rows) is made apart from the step, so that the trainer can make it for the next batches
// on another thread while a step runs (train/read_ahead.h).
#ifndef UNDULA_MODELS_BATCH_PLANS_H_
#define UNDULA_MODELS_BATCH_PLANS_H_

#include <memory>

#include "models/model.h"

namespace undula::models {

class BatchPlans {
 public:
  // The memory of one batch's plan, reused from batch to batch.
  class Plan {
   public:
    virtual ~Plan() = default;
  };

  virtual ~BatchPlans() = default;
  virtual std::unique_ptr<Plan> NewPlan() const = 0;
  // A function of the batch and of the epoch that BeginEpoch was last called with. Thread-safe for
  // different plans, beside Prepare and Loss, too; not beside BeginEpoch.
  virtual void Fill(const Batch& batch, Plan* plan) const = 0;
  // The next Prepare has the batch of this plan, which stays as it is until the step is done; null:
  // Prepare makes one itself.
  virtual void Use(const Plan* plan) = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_BATCH_PLANS_H_
