// Working memory that parallel tasks borrow: as many pieces exist as tasks have run at once.
#ifndef UNDULA_BASE_SCRATCH_POOL_H_
#define UNDULA_BASE_SCRATCH_POOL_H_

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace undula {

// Thread-safe. A piece keeps what its last borrower left in it.
template <class T>
class ScratchPool {
 public:
  std::unique_ptr<T> Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<T> piece = std::move(free_.back());
        free_.pop_back();
        return piece;
      }
    }
    return std::make_unique<T>();
  }
  void Give(std::unique_ptr<T> piece) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(piece));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace undula

#endif  // UNDULA_BASE_SCRATCH_POOL_H_
