#include "propagation/ops/segment_softmax.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::propagation {
namespace {

struct Context {
  Var logits;
  Tensor ptr;
};

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), grad = tape.grad(c.logits), weights = tape.value(output);
  const int64_t segments = c.ptr.size() - 1;
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, segments, 1 + 4 * (g.size() / std::max<int64_t>(1, segments)),
            SegmentSoftmaxBackwardRow<T>{weights.as<T>(), g.as<T>(), c.ptr.as<int64_t>(),
                                         grad.as<T>()});
  });
}

}  // namespace

Var SegmentSoftmax(Tape& tape, Var logits, const Tensor& ptr) {
  if (!Ready(tape, "SegmentSoftmax", {logits})) return Var{};
  const Tensor x = tape.value(logits);
  if (x.rank != 1) {
    return BadInput(tape, "SegmentSoftmax", "logits must be [E], not ", Describe(x));
  }
  if (!CheckOffsets(tape, "SegmentSoftmax", "ptr", ptr, x.size())) return Var{};
  const int64_t segments = ptr.size() - 1;
  if (!tape.exec().on_gpu() && ptr.as<int64_t>()[segments] != x.size()) {
    return BadInput(tape, "SegmentSoftmax", "ptr covers ", ptr.as<int64_t>()[segments], " of ",
                    x.size(), " logits");
  }
  const Tensor out = tape.NewTensor({x.size()});
  WithFloat(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, segments, 1 + 16 * (x.size() / std::max<int64_t>(1, segments)),
            SegmentSoftmaxRow<T>{x.as<T>(), ptr.as<int64_t>(), out.as<T>()});
  });
  Context* c = tape.New<Context>();
  *c = Context{logits, ptr};
  return tape.Record(out, tape.needs_grad(logits), Backward, c);
}

}  // namespace undula::propagation
