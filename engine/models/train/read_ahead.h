// Batches ahead of the steps: one thread draws the rows of the next batches, their negatives and
// (models with BatchPlans) makes their plans, while a step runs. Ready batches wait in a bounded
// queue; a step that finds it empty has stalled. Ying et al., KDD 2018, section 3.3
// ("producer-consumer minibatch construction"). The batches are the same without it.
#ifndef UNDULA_MODELS_TRAIN_READ_AHEAD_H_
#define UNDULA_MODELS_TRAIN_READ_AHEAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/slot_queue.h"
#include "models/batch_plans.h"
#include "models/data/batch_source.h"

namespace undula::models {

// Belongs to one thread.
class ReadAhead {
 public:
  // At most `most` batches are ready at a time. `plans` may be null; both must outlive this.
  ReadAhead(BatchSource* batches, BatchPlans* plans, int64_t most);
  ~ReadAhead();

  // From now on until Stop, `batches` and BatchPlans::Fill belong to the thread: batches `first` to
  // `last` - 1 of the epoch that was started are made.
  void Start(int64_t first, int64_t last);
  // The next of them, handed to BatchPlans::Use with its plan. Valid until the next call of Next or
  // Stop. ResourceExhausted: the thread ran out of memory; only Stop may follow.
  absl::StatusOr<Batch> Next();
  // Ends the thread, whatever is left.
  void Stop();

  // Of all epochs: calls of Next that had to wait, and for how long. The first one of an epoch
  // always does and does not count.
  int64_t stalls() const { return stalls_; }
  double stall_seconds() const { return stall_seconds_; }

 private:
  struct Slot;
  void Produce(int64_t first, int64_t last);

  BatchSource* batches_;
  BatchPlans* plans_;
  std::vector<std::unique_ptr<Slot>> slots_;
  SlotQueue free_, ready_;
  int64_t in_use_ = -1;
  bool first_ = true;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  int64_t stalls_ = 0;
  double stall_seconds_ = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_READ_AHEAD_H_
