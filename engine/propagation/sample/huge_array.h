// An array for random access over gigabytes: large ones ask for 2 MiB pages (madvise), so that a
// step of a random walk costs one cache miss and not a page-table walk beside it.
#ifndef UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_
#define UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace undula::propagation {

// Fixed in size, not initialised. Movable, not copyable.
template <class T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  HugeArray() = default;
  // Throws std::bad_alloc as containers do.
  explicit HugeArray(int64_t n) : data_(Allocate(n)), size_(n) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_.get()[i]; }
  const T& operator[](int64_t i) const { return data_.get()[i]; }
  std::span<const T> view() const { return {data_.get(), static_cast<size_t>(size_)}; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  static T* Allocate(int64_t n) {
    constexpr size_t kPage = size_t{2} << 20;
    const size_t bytes = static_cast<size_t>(n) * sizeof(T);
    const size_t align = bytes >= 2 * kPage ? kPage : 64;
    const size_t rounded = (bytes + align - 1) / align * align;
    void* const p = std::aligned_alloc(align, rounded == 0 ? align : rounded);
    if (p == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (align == kPage) madvise(p, rounded, MADV_HUGEPAGE);  // a hint: small pages do, too
#endif
    return static_cast<T*>(p);
  }

  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_
