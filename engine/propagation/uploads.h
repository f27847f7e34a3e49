// Host arrays copied into GPU memory and kept there for the life of this object.
#ifndef UNDULA_PROPAGATION_UPLOADS_H_
#define UNDULA_PROPAGATION_UPLOADS_H_

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "propagation/memory.h"

namespace undula::propagation {

// The device must outlive it.
class Uploads {
 public:
  explicit Uploads(cuda::Device* device) : device_(device) {}

  // ResourceExhausted: out of GPU memory; *out then stays as it was.
  template <class T>
  absl::Status Add(std::span<const T> values, const T** out) {
    Memory memory(values.size_bytes());
    if (!values.empty()) std::memcpy(memory.data(), values.data(), values.size_bytes());
    return Keep(std::move(memory), out);
  }
  // Host memory that is moved.
  template <class T>
  absl::Status Keep(Memory memory, const T** out) {
    UNDULA_RETURN_IF_ERROR(memory.MoveTo(device_));
    *out = memory.as<T>();
    kept_.push_back(std::move(memory));
    return absl::OkStatus();
  }

 private:
  cuda::Device* device_;
  std::vector<Memory> kept_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_UPLOADS_H_
