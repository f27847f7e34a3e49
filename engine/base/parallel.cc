#include "base/parallel.h"

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

namespace undula {

struct TaskArena::Impl {
  explicit Impl(int threads) : arena(threads) {}
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
    const int64_t begin = range * grain;
    body(context, begin, std::min(n, begin + grain));
  };
  if (impl_ == nullptr || ranges == 1) {
    for (int64_t range = 0; range < ranges; ++range) one(range);
    return;
  }
  impl_->arena.execute([&] {
    tbb::parallel_for(int64_t{0}, ranges, one, tbb::simple_partitioner());
  });
}

}  // namespace undula
