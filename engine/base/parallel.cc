#include "base/parallel.h"

#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <optional>

#include "base/slot_queue.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace undula {
namespace {

// ThreadSanitizer does not see the hand-over of tasks inside libtbb. These two marks tell it what a
// loop promises: every range comes after the loop's begin and before its end. Empty otherwise.
#ifdef __SANITIZE_THREAD__
char loop_begin, loop_end;
void Before(char& mark) { __tsan_release(&mark); }
void After(char& mark) { __tsan_acquire(&mark); }
#define UNDULA_LOOP_ORDER_(call) call
#else
#define UNDULA_LOOP_ORDER_(call) static_cast<void>(0)
#endif

}  // namespace

struct TaskArena::Impl {
  explicit Impl(int threads) : arena(threads) {
    // oneTBB gives out no more workers than cores (and says so on standard error) unless it is told
    // to; who asks for more threads gets them, as long as this arena lives.
    if (threads > tbb::info::default_concurrency()) {
      more_workers.emplace(tbb::global_control::max_allowed_parallelism,
                           static_cast<size_t>(threads));
    }
  }
  std::optional<tbb::global_control> more_workers;
  tbb::task_arena arena;
};

TaskArena::TaskArena(int threads)
    : threads_(threads > 0 ? threads : std::max(1, tbb::info::default_concurrency())) {
  if (threads_ > 1) impl_ = std::make_unique<Impl>(threads_);
}

TaskArena::~TaskArena() = default;

void TaskArena::Run(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t),
                    void* context) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t ranges = (n - 1) / grain + 1;
  const auto one = [&](int64_t range) {
    UNDULA_LOOP_ORDER_(After(loop_begin));
    const int64_t begin = range * grain;
    body(context, begin, std::min(n, begin + grain));
    UNDULA_LOOP_ORDER_(Before(loop_end));
  };
  if (impl_ == nullptr || ranges == 1) {
    for (int64_t range = 0; range < ranges; ++range) one(range);
    return;
  }
  UNDULA_LOOP_ORDER_(Before(loop_begin));
  impl_->arena.execute(
      [&] { tbb::parallel_for(int64_t{0}, ranges, one, tbb::simple_partitioner()); });
  UNDULA_LOOP_ORDER_(After(loop_end));
}

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
