// A restartable fiber of the SIMT emulator (tests only): Boost.Context with the annotations that
// AddressSanitizer needs to follow the change of stacks.
#ifndef UNDULA_PROPAGATION_CUDA_FIBER_H_
#define UNDULA_PROPAGATION_CUDA_FIBER_H_

#include <functional>
#include <memory>

namespace undula::propagation::simt::emulator {

// Runs `body` each time Resume is called on a fiber that is not inside it. The body must not let an
// exception out. A fiber that is inside its body may be destroyed: nothing is unwound.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs until the body yields or returns.
  void Resume();
  // From inside the body: back to the caller of Resume.
  void Yield();
  // Whether it is inside its body.
  bool started() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula::propagation::simt::emulator

#endif  // UNDULA_PROPAGATION_CUDA_FIBER_H_
