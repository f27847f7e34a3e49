// An array for random access over gigabytes: large ones ask for 2 MiB pages (madvise), so that a
// step of a random walk costs one cache miss and not a page-table walk beside it.
#ifndef UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_
#define UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
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
  explicit HugeArray(int64_t n) : data_(Allocate(n)), size_(n) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_.get()[i]; }
  const T& operator[](int64_t i) const { return data_.get()[i]; }
  std::span<const T> view() const { return {data_.get(), static_cast<size_t>(size_)}; }

 private:
  static constexpr size_t kPage = size_t{2} << 20;

  struct Free {
    std::align_val_t align{64};
    void operator()(T* p) const { ::operator delete(p, align); }
  };
  static std::unique_ptr<T, Free> Allocate(int64_t n) {
    const size_t bytes = static_cast<size_t>(n) * sizeof(T);
    const std::align_val_t align{bytes >= 2 * kPage ? kPage : 64};
    const auto step = static_cast<size_t>(align);
    const size_t rounded = (bytes + step - 1) / step * step;
    void* const p = ::operator new(rounded, align);
#ifdef MADV_HUGEPAGE
    if (step == kPage) madvise(p, rounded, MADV_HUGEPAGE);  // a hint: small pages do, too
#endif
    return {static_cast<T*>(p), Free{align}};
  }

  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_HUGE_ARRAY_H_
