#include "propagation/memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/status.h"
#include "propagation/arena.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"

namespace undula::propagation {

Memory::Memory(size_t bytes) : bytes_(bytes) {
  const std::align_val_t align{Arena::kAlign};
  auto* const p = static_cast<std::byte*>(::operator new(std::max<size_t>(bytes, 1), align));
  data_ = std::shared_ptr<std::byte>(p, [align](std::byte* q) { ::operator delete(q, align); });
  std::memset(p, 0, bytes);
}

absl::Status Memory::MoveTo(cuda::Device* device) {
  if (device == device_) return absl::OkStatus();
  if (device_ != nullptr && device != nullptr) UNDULA_RETURN_IF_ERROR(MoveTo(nullptr));
  if (device == nullptr) {
    Memory host(bytes_);
    UNDULA_RETURN_IF_ERROR(Read(0, bytes_, host.data()));
    *this = std::move(host);
    return absl::OkStatus();
  }
  if constexpr (kHasCuda) {
    Memory moved;
    moved.data_ = device->Allocate(std::max<size_t>(bytes_, 1));
    moved.bytes_ = bytes_;
    moved.device_ = device;
    if (moved.data_ == nullptr) {
      return ResourceExhaustedError("out of GPU memory for ", bytes_,
                                    " bytes of parameters; use the cpu");
    }
    UNDULA_RETURN_IF_ERROR(moved.Write(0, bytes_, data_.get()));
    *this = std::move(moved);
  }
  return absl::OkStatus();
}

absl::Status Memory::Read(size_t offset, size_t bytes, void* to) const {
  if (bytes == 0) return absl::OkStatus();
  if constexpr (kHasCuda) {
    if (device_ != nullptr) {
      return cuda::Check(cuda::runtime::CopyOut(device_->queue(), to, data_.get() + offset, bytes),
                         "copy from the GPU");
    }
  }
  std::memcpy(to, data_.get() + offset, bytes);
  return absl::OkStatus();
}

absl::Status Memory::Write(size_t offset, size_t bytes, const void* from) {
  if (bytes == 0) return absl::OkStatus();
  if constexpr (kHasCuda) {
    if (device_ != nullptr) {
      return cuda::Check(cuda::runtime::CopyIn(device_->queue(), data_.get() + offset, from, bytes),
                         "copy to the GPU");
    }
  }
  std::memcpy(data_.get() + offset, from, bytes);
  return absl::OkStatus();
}

absl::Status Memory::Zero(size_t offset, size_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  if constexpr (kHasCuda) {
    if (device_ != nullptr) {
      return cuda::Check(cuda::runtime::Zero(device_->queue(), data_.get() + offset, bytes),
                         "fill on the GPU");
    }
  }
  std::memset(data_.get() + offset, 0, bytes);
  return absl::OkStatus();
}

}  // namespace undula::propagation
