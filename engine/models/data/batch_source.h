// Where a training's batches come from. Everything is a pure function of (data, options, seed,
// epoch, step), so that a resume in the middle of an epoch goes on exactly.
#ifndef UNDULA_MODELS_DATA_BATCH_SOURCE_H_
#define UNDULA_MODELS_DATA_BATCH_SOURCE_H_

#include <cstdint>

#include "models/model.h"

namespace undula::models {

// Not thread-safe.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Orders the rows of epoch 1, 2, ...; tells the number of steps.
  virtual int64_t StartEpoch(int64_t epoch) = 0;
  // Batch `step` (from 0) of the epoch. Its spans stay valid until the next Get or StartEpoch.
  virtual Batch Get(int64_t step) = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_BATCH_SOURCE_H_
