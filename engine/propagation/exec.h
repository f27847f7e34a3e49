// Where operators run: a device, its stream and BLAS, the task arena for parallel loops. "auto"
// takes a CUDA device where one can be used, else the CPU, and says why.
#ifndef UNDULA_PROPAGATION_EXEC_H_
#define UNDULA_PROPAGATION_EXEC_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/parallel.h"

namespace undula::propagation {

namespace cuda {
struct Device;  // stream, cuBLAS handle, memory pool; defined in propagation/cuda
}

// Used by one thread at a time, except that CPU operators of several tapes may share one Exec.
class Exec {
 public:
  // device: "auto", "cpu", "cuda" or "cuda:N". Unavailable says what is missing (built without
  // CUDA, no driver, no device, no such device). The arena must outlive the Exec.
  static absl::StatusOr<std::unique_ptr<Exec>> Create(std::string_view device, TaskArena* workers);
  // The plain CPU; cannot fail. workers null: everything runs on the calling thread.
  explicit Exec(TaskArena* workers);
  ~Exec();

  bool on_gpu() const { return device_ != nullptr; }
  // "cpu (2 threads)" or "cuda:0 NVIDIA H200"; for auto on a CPU with the reason no GPU is used.
  const std::string& description() const { return description_; }
  // Parallel loops; null means serial.
  TaskArena* workers() const { return workers_; }
  cuda::Device* device() const { return device_.get(); }

 private:
  struct DeleteDevice {
    void operator()(cuda::Device* device) const;
  };
  TaskArena* workers_;
  std::unique_ptr<cuda::Device, DeleteDevice> device_;
  std::string description_;
};

// For `undula --version`: which GPU is used or why none is.
std::string DescribeGpus();

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_EXEC_H_
