// What a launcher needs to know of a device. No CUDA type and no Abseil: operators' headers, .cu
// files and host code all include it.
#ifndef UNDULA_PROPAGATION_CUDA_QUEUE_H_
#define UNDULA_PROPAGATION_CUDA_QUEUE_H_

#include <cstddef>
#include <cstdint>

namespace undula::propagation::cuda {

// Launchers return int: 0 or the cudaError_t of the launch (emulator: one of its own codes), which
// Device::Check turns into a Status. They only enqueue; work runs in the order of the stream.
struct Queue {
  void* stream = nullptr;       // cudaStream_t
  int ordinal = 0;              // of the device
  int block_threads = 256;      // a multiple of 32, at most simt::kMaxBlock
  int64_t max_blocks = 0;       // of one launch; kernels loop over the rest
  size_t max_shared_bytes = 0;  // of a block, after opting in
  void* blas = nullptr;         // what OpenBlas gave, or null (see blas.h)
  void* side_stream = nullptr;  // for allocations while the stream is recorded
  bool recording = false;       // between BeginRecording and EndRecording (runtime.h)
  bool tf32 = false;            // products of matrices may round their factors to TF32
};

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_QUEUE_H_
