#include "propagation/cuda/staging.h"

#include <cstring>

#include "propagation/cuda/runtime.h"

namespace undula::propagation::cuda {

int Staging::Open(const Queue& queue) {
  opened_ = true;
  for (Buffer& buffer : buffers_) {
    if (runtime::AllocatePinned(queue, kBytes, &buffer.memory) != 0) return 0;
    if (const int code = runtime::CreateEvent(queue, &buffer.event); code != 0) return code;
  }
  usable_ = true;
  return 0;
}

void Staging::Close(const Queue& queue) {
  for (Buffer& buffer : buffers_) {
    if (buffer.event != nullptr) runtime::DestroyEvent(queue, buffer.event);
    if (buffer.memory != nullptr) runtime::FreePinned(queue, buffer.memory);
    buffer = Buffer{};
  }
  usable_ = false;
}

int Staging::CopyIn(const Queue& queue, void* device, const void* host, size_t bytes) {
  if (bytes == 0) return 0;
  if (!opened_) {
    if (const int code = Open(queue); code != 0) return code;
  }
  if (!usable_ || bytes > kBytes) return runtime::CopyIn(queue, device, host, bytes);
  const size_t size = (bytes + 63) / 64 * 64;
  if (buffers_[current_].used + size > kBytes) {
    Buffer& full = buffers_[current_];
    if (const int code = runtime::RecordEvent(queue, full.event); code != 0) return code;
    full.in_flight = true;
    current_ = 1 - current_;
    Buffer& next = buffers_[current_];
    if (next.in_flight) {
      if (const int code = runtime::WaitForEvent(queue, next.event); code != 0) return code;
    }
    next.in_flight = false;
    next.used = 0;
  }
  Buffer& buffer = buffers_[current_];
  auto* const from = static_cast<std::byte*>(buffer.memory) + buffer.used;
  buffer.used += size;
  std::memcpy(from, host, bytes);
  return runtime::CopyIn(queue, device, from, bytes);
}

}  // namespace undula::propagation::cuda
