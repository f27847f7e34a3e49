// Uploads through page-locked memory. A copy from ordinary memory makes the driver copy it aside
// first and, for larger ones, wait; here the host copies into one of two fixed buffers and goes on.
// The buffers are used in turn, and one is written again only when the device has read it, so that
// the host runs ahead of the device by at most their size.
#ifndef UNDULA_PROPAGATION_CUDA_STAGING_H_
#define UNDULA_PROPAGATION_CUDA_STAGING_H_

#include <cstddef>
#include <vector>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// Belongs to one queue. Not thread-safe.
class Staging {
 public:
  static constexpr size_t kBytes = size_t{8} << 20;  // of a buffer

  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  // Frees the buffers; the queue must have no work left that reads them.
  void Close(const Queue& queue);

  // To device memory, in stream order; host memory may be changed when the call returns. More than
  // kBytes, or where no page-locked memory is left, is copied directly.
  int CopyIn(const Queue& queue, void* device, const void* host, size_t bytes);
  // Before a recording: makes room for half a buffer. A recording that uploads more gets
  // page-locked memory of its own, which is kept.
  int BeforeRecording(const Queue& queue);

 private:
  struct Buffer {
    void* memory = nullptr;
    void* event = nullptr;  // after the last copy from it
    size_t used = 0;
    bool in_flight = false;
  };
  int Open(const Queue& queue);
  int Turn(const Queue& queue);  // to the other buffer
  // Page-locked memory for one upload of a recording, or null.
  std::byte* Extra(const Queue& queue, size_t bytes);

  Buffer buffers_[2];
  int current_ = 0;
  bool opened_ = false, usable_ = false;
  std::vector<void*> extra_;
};

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_STAGING_H_
