// The memory of one step: a bump allocator that is reset, not freed. Addresses repeat from step to
// step and the steady state allocates nothing.
#ifndef UNDULA_PROPAGATION_ARENA_H_
#define UNDULA_PROPAGATION_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace undula::propagation {

// Not thread-safe: one arena belongs to one thread at a time.
class Arena {
 public:
  static constexpr size_t kAlign = 64;

  explicit Arena(size_t first_chunk = 1 << 16) : next_chunk_(first_chunk) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, uninitialised. Zero bytes give a valid pointer.
  void* Allocate(size_t bytes);
  template <class T>
  T* New(size_t n) {
    return static_cast<T*>(Allocate(n * sizeof(T)));
  }
  // Zero-filled.
  template <class T>
  T* NewZero(size_t n);

  // Forgets everything; keeps the memory, in one chunk from the second step on.
  void Reset();
  // The most bytes in use at once so far.
  size_t high_water() const { return high_water_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{kAlign}); }
  };
  struct Chunk {
    std::unique_ptr<std::byte[], Free> data;
    size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  size_t used_ = 0;         // in the last chunk
  size_t in_use_ = 0;       // over all chunks
  size_t high_water_ = 0;
  size_t next_chunk_;
};

template <class T>
T* Arena::NewZero(size_t n) {
  T* p = New<T>(n);
  __builtin_memset(static_cast<void*>(p), 0, n * sizeof(T));
  return p;
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_ARENA_H_
