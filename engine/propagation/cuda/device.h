// One CUDA device in use: its stream, its cuBLAS handle, its memory. Host code only.
#ifndef UNDULA_PROPAGATION_CUDA_DEVICE_H_
#define UNDULA_PROPAGATION_CUDA_DEVICE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "propagation/cuda/queue.h"
#include "propagation/cuda/runtime.h"
#include "propagation/cuda/staging.h"

namespace undula::propagation::cuda {

// The stream and the handle; closed when the last user is gone, so that memory (which holds one)
// may outlive the Device. Not thread-safe beyond what the CUDA runtime is: one thread enqueues at a
// time.
struct Connection {
  Queue queue;
  void* blas = nullptr;  // the handle; queue.blas is it or null
  Staging staging;
  int64_t allocations = 0;  // asked for so far
  ~Connection();
};

struct Device {
  std::shared_ptr<Connection> connection;
  DeviceFacts facts;
  std::string blas_reason;  // why there is no cuBLAS, or ""

  const Queue& queue() const { return connection->queue; }
  // For tests: another block size than 256 (a multiple of 32).
  void set_block_threads(int threads) { connection->queue.block_threads = threads; }
  // For tests: as if a block had at most this much shared memory; 0 leaves the row kernels only.
  void limit_shared_memory(size_t bytes) { connection->queue.max_shared_bytes = bytes; }
  // For tests: without cuBLAS, as on a machine that has none.
  void use_blas(bool on) { connection->queue.blas = on ? connection->blas : nullptr; }

  // Copies of a step's inputs; see staging.h.
  int Upload(void* to, const void* from, size_t bytes) const {
    return connection->staging.CopyIn(queue(), to, from, bytes);
  }
  // Memory of the device, or null where it has no more.
  std::shared_ptr<std::byte> Allocate(size_t bytes) const;
  // A kernel that read or wrote outside its memory shows here at the latest.
  absl::Status Synchronize() const;
};

// Unavailable says what is missing: driver, device, or the device of that number. Products of
// matrices are float32; UNDULA_TF32=1 in the environment lets them use TF32 (0 or nothing: not;
// else InvalidArgument).
absl::StatusOr<std::unique_ptr<Device>> OpenDevice(int ordinal);

// OK for 0; ResourceExhausted for device memory; else Internal "what: CUDA's name and words".
absl::Status Check(int code, std::string_view what);

// One line a device "cuda:0 NAME, compute 9.0, 141 GB", or the reason why there is none.
std::string DescribeDevices();

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_DEVICE_H_
