// Steps as CUDA graphs: a step's work is recorded while it is enqueued, and run as one program. A
// program is kept for each shape bucket and takes over the sizes, addresses and arguments of the
// next step of the bucket; where the kernels themselves differ it is made anew.
#ifndef UNDULA_PROPAGATION_STEP_GRAPHS_H_
#define UNDULA_PROPAGATION_STEP_GRAPHS_H_

#include <cstdint>
#include <functional>
#include <list>

#include "absl/status/status.h"
#include "propagation/exec.h"

namespace undula::propagation {

// Not thread-safe. exec must be on a GPU and outlive it.
class StepGraphs {
 public:
  static constexpr size_t kPrograms = 8;  // of the buckets used last

  explicit StepGraphs(Exec* exec) : exec_(exec) {}
  ~StepGraphs();
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  // Runs what `enqueue` enqueues. A step after one that allocated memory runs as plain launches:
  // its arenas give memory back, which a recording cannot. enqueue must not read from the device.
  absl::Status Run(uint64_t bucket, const std::function<absl::Status()>& enqueue);

  struct Counts {
    int64_t plain = 0, made = 0, exchanged = 0;  // steps, by how they ran
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Program {
    uint64_t bucket;
    void* program;
  };
  absl::Status RunRecording(uint64_t bucket, void* recording);

  Exec* exec_;
  std::list<Program> programs_;  // used last first
  bool steady_ = false;          // the last step allocated nothing
  Counts counts_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_STEP_GRAPHS_H_
