// A block of zero-initialised memory of the host or of a GPU, and the move between them: what holds
// parameters and the state of optimizers.
#ifndef UNDULA_PROPAGATION_MEMORY_H_
#define UNDULA_PROPAGATION_MEMORY_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"

namespace undula::propagation {

namespace cuda {
struct Device;
}

// Aligned to 64 bytes (a GPU: 256). Copies share the memory.
class Memory {
 public:
  Memory() = default;
  explicit Memory(size_t bytes);  // on the host

  void* data() const { return data_.get(); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }
  size_t bytes() const { return bytes_; }
  cuda::Device* device() const { return device_; }  // null: the host

  // Contents to the memory of `device` (null: the host); the address changes. On an error
  // (ResourceExhausted: the GPU has no more) everything stays as it was. The device must outlive
  // the memory's use, not the memory.
  absl::Status MoveTo(cuda::Device* device);
  // Bytes [offset, offset + bytes) to and from host memory.
  absl::Status Read(size_t offset, size_t bytes, void* to) const;
  absl::Status Write(size_t offset, size_t bytes, const void* from);
  absl::Status Zero(size_t offset, size_t bytes);

 private:
  std::shared_ptr<std::byte> data_;
  size_t bytes_ = 0;
  cuda::Device* device_ = nullptr;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_MEMORY_H_
