// Parallel loops in one task arena (oneTBB) that a database or a job owns: no global state, several
// arenas in one process do not disturb each other.
#ifndef UNDULA_BASE_PARALLEL_H_
#define UNDULA_BASE_PARALLEL_H_

#include <cstdint>
#include <memory>
#include <type_traits>

namespace undula {

// Thread-safe. Loops may be nested; an exception of the body is not caught here.
class TaskArena {
 public:
  // threads 0 = all cores the process may use.
  explicit TaskArena(int threads = 0);
  ~TaskArena();
  TaskArena(const TaskArena&) = delete;
  TaskArena& operator=(const TaskArena&) = delete;

  int threads() const { return threads_; }

  // Calls body(begin, end) for consecutive ranges of exactly `grain` indices (the last one may be
  // shorter) that cover [0, n): the ranges do not depend on the number of threads. With one thread
  // the ranges run in order on the calling thread.
  template <class Body>
  void For(int64_t n, int64_t grain, Body&& body) {
    using Fn = std::remove_reference_t<Body>;
    Run(
        n, grain,
        [](void* context, int64_t begin, int64_t end) { (*static_cast<Fn*>(context))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  struct Impl;
  void Run(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context);

  int threads_;
  std::unique_ptr<Impl> impl_;  // null with one thread
};

}  // namespace undula

#endif  // UNDULA_BASE_PARALLEL_H_
