#include "propagation/arena.h"

#include <algorithm>
#include <new>
#include <utility>

#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"

namespace undula::propagation {
namespace {

size_t RoundUp(size_t bytes, size_t align) { return (bytes + align - 1) / align * align; }

}  // namespace

std::byte* Arena::Space::Take(size_t bytes) {
  if (chunks.empty() || bytes > chunks.back().size - used) return nullptr;
  std::byte* const p = chunks.back().data.get() + used;
  used += bytes;
  in_use += bytes;
  high_water = std::max(high_water, in_use);
  return p;
}

void Arena::Space::Reset() {
  if (chunks.size() > 1) {
    chunks.clear();
    next_chunk = std::max(next_chunk, high_water + high_water / 8 + 256);
  }
  used = 0;
  in_use = 0;
}

void* Arena::Allocate(size_t bytes) {
  bytes = RoundUp(std::max<size_t>(bytes, 1), kAlign);
  if (std::byte* const p = host_.Take(bytes)) return p;
  const size_t size = std::max(bytes, host_.next_chunk);
  const std::align_val_t align{kAlign};
  host_.chunks.push_back(
      {std::shared_ptr<std::byte>(static_cast<std::byte*>(::operator new(size, align)),
                                  [align](std::byte* p) { ::operator delete(p, align); }),
       size});
  host_.next_chunk = size * 2;
  host_.used = 0;
  return host_.Take(bytes);
}

void* Arena::AllocateOn(cuda::Device* device, size_t bytes) {
  if constexpr (kHasCuda) {
    bytes = std::max<size_t>(bytes, 1);
    // The emulated device watches the bounds of each allocation, so it gets them one by one.
    const bool exact = device->facts.watches_bounds;
    if (!exact) {
      bytes = RoundUp(bytes, 256);
      if (std::byte* const p = device_.Take(bytes)) return p;
    }
    size_t size = exact ? bytes : std::max(bytes, device_.next_chunk);
    std::shared_ptr<std::byte> memory = device->Allocate(size);
    if (memory == nullptr && size > bytes) {
      size = bytes;
      memory = device->Allocate(size);
    }
    if (memory == nullptr) return nullptr;
    device_.chunks.push_back({std::move(memory), size});
    device_.next_chunk = size * 2;
    device_.used = 0;
    return device_.Take(bytes);
  }
  return nullptr;
}

void Arena::Reset() {
  host_.Reset();
  device_.Reset();
}

}  // namespace undula::propagation
