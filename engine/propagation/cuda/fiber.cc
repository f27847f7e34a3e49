#include "propagation/cuda/fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace undula::propagation::simt::emulator {
namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr size_t kStackBytes = 128 * 1024;

}  // namespace

// The raw switch of Boost.Context rather than boost::context::fiber: fibers live as long as the
// process, and the sanitizer wants to hear of each switch on both sides of it.
struct Fiber::Impl {
  std::function<void()> body;
  std::unique_ptr<std::byte[]> stack;
  fcontext_t inside = nullptr;
  fcontext_t outside = nullptr;
  bool started = false;
  // The sanitizer's record of the other side.
  void* fake_outside = nullptr;
  void* fake_inside = nullptr;
  const void* outside_bottom = nullptr;
  size_t outside_bytes = 0;

  void Enter() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_outside, stack.get(), kStackBytes);
#endif
    inside = jump_fcontext(inside, this).fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_outside, nullptr, nullptr);
#endif
  }
  void Leave() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_inside, outside_bottom, outside_bytes);
#endif
    outside = jump_fcontext(outside, this).fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_inside, &outside_bottom, &outside_bytes);
#endif
  }
  static void Start(transfer_t transfer) {
    auto* self = static_cast<Impl*>(transfer.data);
    self->outside = transfer.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &self->outside_bottom, &self->outside_bytes);
#endif
    for (;;) {
      self->body();
      self->started = false;
      self->Leave();
    }
  }
};

Fiber::Fiber(std::function<void()> body) : impl_(std::make_unique<Impl>()) {
  impl_->body = std::move(body);
  impl_->stack = std::make_unique<std::byte[]>(kStackBytes);
  impl_->inside = make_fcontext(impl_->stack.get() + kStackBytes, kStackBytes, &Impl::Start);
}
Fiber::~Fiber() = default;

void Fiber::Resume() {
  impl_->started = true;
  impl_->Enter();
}
void Fiber::Yield() { impl_->Leave(); }
bool Fiber::started() const { return impl_->started; }

}  // namespace undula::propagation::simt::emulator
