// A bounded queue of small numbers between threads (oneTBB): whose buffer is free, whose is ready.
// Implemented in parallel.cc, the one file that sees oneTBB.
#ifndef UNDULA_BASE_SLOT_QUEUE_H_
#define UNDULA_BASE_SLOT_QUEUE_H_

#include <cstdint>
#include <memory>

namespace undula {

// Thread-safe.
class SlotQueue {
 public:
  explicit SlotQueue(int64_t capacity);
  ~SlotQueue();
  SlotQueue(const SlotQueue&) = delete;
  SlotQueue& operator=(const SlotQueue&) = delete;

  void Push(int64_t slot);     // waits while the queue is full
  int64_t Pop();               // waits while it is empty
  bool TryPop(int64_t* slot);  // false: it is empty

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula

#endif  // UNDULA_BASE_SLOT_QUEUE_H_
