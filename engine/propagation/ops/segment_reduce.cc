#include "propagation/ops/segment_reduce.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_reduce_row.h"

namespace undula::propagation {
namespace {

struct Context {
  Var x;
  Tensor ptr, src;
  Reduce reduce;
  const uint32_t* max_slot;
};

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), grad = tape.grad(c.x);
  const int64_t* ptr = c.ptr.as<int64_t>();
  const int64_t segments = g.rows(), slots = tape.HostOffsets(c.ptr)[segments];
  uint32_t* segment = tape.Scratch<uint32_t>(slots);
  ForRows(tape, segments, 1 + slots / std::max<int64_t>(1, segments),
          SegmentOfSlotRow{ptr, segment});
  RowOrder order;
  int64_t entries = slots;
  if (!c.src.empty()) {
    order = SortRows(tape, View(c.src.as<uint32_t>(), slots), grad.rows());
    entries = order.distinct;
  }
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(
        tape, entries, g.cols() * 4,
        SegmentReduceBackwardRow<T>{g.as<T>(), ptr, segment, order.rows, order.ptr, order.order,
                                    c.max_slot, grad.as<T>(), g.cols(), c.reduce == Reduce::kMean});
  });
}

}  // namespace

Var SegmentReduce(Tape& tape, Var x, const Tensor& ptr, const Tensor& src, Reduce reduce) {
  if (!Ready(tape, "SegmentReduce", {x})) return Var{};
  const Tensor xv = tape.value(x);
  if (xv.rank < 1 || xv.rank > 2) {
    return BadInput(tape, "SegmentReduce", "x must be [n, d], not ", Describe(xv));
  }
  const int64_t slots = src.empty() ? xv.rows() : src.size();
  if (!CheckOffsets(tape, "SegmentReduce", "ptr", ptr, slots) ||
      (!src.empty() && !CheckRows(tape, "SegmentReduce", "src", src, xv.rows()))) {
    return Var{};
  }
  const int64_t segments = ptr.size() - 1, cols = xv.cols();
  const Tensor out = xv.rank == 1 ? tape.NewTensor({segments}) : tape.NewTensor({segments, cols});
  uint32_t* max_slot = reduce == Reduce::kMax ? tape.Scratch<uint32_t>(segments * cols) : nullptr;
  const uint32_t* source = src.as<uint32_t>();
  const int64_t work = cols * (1 + slots / std::max<int64_t>(1, segments));
  WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (reduce == Reduce::kMax) {
      ForRows(tape, segments, work,
              SegmentMaxRow<T>{xv.as<T>(), ptr.as<int64_t>(), source, out.as<T>(), max_slot, cols});
    } else {
      ForRows(tape, segments, work,
              SegmentSumRow<T>{xv.as<T>(), ptr.as<int64_t>(), source, out.as<T>(), cols,
                               reduce == Reduce::kMean});
    }
  });
  Context* c = tape.New<Context>();
  *c = Context{x, ptr, src, reduce, max_slot};
  return tape.Record(out, tape.needs_grad(x), Backward, c);
}

}  // namespace undula::propagation
