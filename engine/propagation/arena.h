// The memory of one step: a bump allocator that is reset, not freed. Addresses repeat from step to
// step and the steady state allocates nothing. An arena has host memory and, for tapes on a GPU,
// memory of one device.
#ifndef UNDULA_PROPAGATION_ARENA_H_
#define UNDULA_PROPAGATION_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace undula::propagation {

namespace cuda {
struct Device;
}

// Not thread-safe: one arena belongs to one thread at a time.
class Arena {
 public:
  static constexpr size_t kAlign = 64;

  explicit Arena(size_t first_chunk = 1 << 16) {
    host_.next_chunk = device_.next_chunk = first_chunk;
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, uninitialised. Zero bytes give a valid pointer.
  void* Allocate(size_t bytes);
  template <class T>
  T* New(size_t n) {
    return static_cast<T*>(Allocate(n * sizeof(T)));
  }
  // Device memory, 256-byte aligned, uninitialised; null where the device has no more. Work on it
  // runs in the device's stream, so that a reset need not wait for it. `device` is always the same.
  void* AllocateOn(cuda::Device* device, size_t bytes);
  // Zero-filled.
  template <class T>
  T* NewZero(size_t n);

  // Forgets everything; keeps the memory, in one chunk from the second step on.
  void Reset();
  // The most bytes of host (device) memory in use at once so far.
  size_t high_water() const { return host_.high_water; }
  size_t device_high_water() const { return device_.high_water; }

 private:
  struct Chunk {
    std::shared_ptr<std::byte> data;
    size_t size = 0;
  };
  struct Space {
    std::vector<Chunk> chunks;
    size_t used = 0;    // in the last chunk
    size_t in_use = 0;  // over all chunks
    size_t high_water = 0;
    size_t next_chunk = 0;

    std::byte* Take(size_t bytes);  // null: does not fit in the last chunk
    void Reset();
  };
  Space host_, device_;
};

template <class T>
T* Arena::NewZero(size_t n) {
  T* p = New<T>(n);
  __builtin_memset(static_cast<void*>(p), 0, n * sizeof(T));
  return p;
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_ARENA_H_
