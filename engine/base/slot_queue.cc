#include "base/slot_queue.h"

#include <oneapi/tbb/concurrent_queue.h>

namespace undula {

struct SlotQueue::Impl {
  tbb::concurrent_bounded_queue<int64_t> queue;
};

SlotQueue::SlotQueue(int64_t capacity) : impl_(std::make_unique<Impl>()) {
  impl_->queue.set_capacity(capacity);
}
SlotQueue::~SlotQueue() = default;

void SlotQueue::Push(int64_t slot) { impl_->queue.push(slot); }

int64_t SlotQueue::Pop() {
  int64_t slot = 0;
  impl_->queue.pop(slot);
  return slot;
}

bool SlotQueue::TryPop(int64_t* slot) { return impl_->queue.try_pop(*slot); }

}  // namespace undula
