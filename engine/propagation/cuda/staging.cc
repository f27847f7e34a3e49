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
  for (void* memory : extra_) runtime::FreePinned(queue, memory);
  extra_.clear();
  usable_ = false;
}

int Staging::Turn(const Queue& queue) {
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
  return 0;
}

int Staging::BeforeRecording(const Queue& queue) {
  if (!opened_) {
    if (const int code = Open(queue); code != 0) return code;
  }
  return usable_ && buffers_[current_].used > kBytes / 2 ? Turn(queue) : 0;
}

std::byte* Staging::Extra(const Queue& queue, size_t bytes) {
  void* memory = nullptr;
  if (runtime::AllocatePinned(queue, bytes, &memory) != 0) return nullptr;
  extra_.push_back(memory);
  return static_cast<std::byte*>(memory);
}

int Staging::CopyIn(const Queue& queue, void* device, const void* host, size_t bytes) {
  if (bytes == 0) return 0;
  if (!opened_) {
    if (const int code = Open(queue); code != 0) return code;
  }
  const size_t size = (bytes + 63) / 64 * 64;
  const bool fits = usable_ && buffers_[current_].used + size <= kBytes;
  std::byte* from = nullptr;
  if (!fits && queue.recording) {
    from = Extra(queue, bytes);  // without it the recording fails at the copy
  } else if (usable_ && bytes <= kBytes) {
    if (!fits) {
      if (const int code = Turn(queue); code != 0) return code;
    }
    Buffer& buffer = buffers_[current_];
    from = static_cast<std::byte*>(buffer.memory) + buffer.used;
    buffer.used += size;
  }
  if (from == nullptr) {
    return queue.recording ? runtime::kNoPinnedMemory : runtime::CopyIn(queue, device, host, bytes);
  }
  std::memcpy(from, host, bytes);
  return runtime::CopyIn(queue, device, from, bytes);
}

}  // namespace undula::propagation::cuda
