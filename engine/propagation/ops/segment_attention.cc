#include "propagation/ops/segment_attention.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_attention_row.h"
#include "propagation/ops/segment_reduce_row.h"

namespace undula::propagation {
namespace {

struct Context {
  Var q, k, v;
  Tensor ptr, src, weights;
  double scale;
};

template <class T>
void BackwardOf(Tape& tape, Var output, const Context& c) {
  const Tensor g = tape.grad(output), q = tape.value(c.q), k = tape.value(c.k), v = tape.value(c.v);
  const int64_t* ptr = c.ptr.as<int64_t>();
  const uint32_t* src = c.src.as<uint32_t>();
  const int64_t segments = q.rows(), slots = tape.HostOffsets(c.ptr)[segments], d = q.cols(),
                m = v.cols();
  const T* weights = c.weights.as<T>();
  T* ds = tape.Scratch<T>(slots);
  T* dq = tape.needs_grad(c.q) ? tape.grad(c.q).as<T>() : nullptr;
  ForRows(tape, segments, (d + m) * (1 + slots / std::max<int64_t>(1, segments)),
          SegmentAttentionBackwardQueryRow<T>{k.as<T>(), v.as<T>(), g.as<T>(), ptr, src, weights,
                                              ds, dq, d, m, static_cast<T>(c.scale)});
  if (!tape.needs_grad(c.k) && !tape.needs_grad(c.v)) return;
  uint32_t* segment = tape.Scratch<uint32_t>(slots);
  ForRows(tape, segments, 1 + slots / std::max<int64_t>(1, segments),
          SegmentOfSlotRow{ptr, segment});
  RowOrder order;
  int64_t entries = slots;
  if (src != nullptr) {
    order = SortRows(tape, View(src, slots), k.rows());
    entries = order.distinct;
  }
  const auto add = [&](const T* coefficient, const T* x, Var to, int64_t cols) {
    if (!tape.needs_grad(to)) return;
    ForRows(tape, entries, cols * 4,
            SegmentAttentionBackwardSourceRow<T>{coefficient, x, segment, order.rows, order.ptr,
                                                 order.order, tape.grad(to).as<T>(), cols});
  };
  add(ds, q.as<T>(), c.k, d);
  add(weights, g.as<T>(), c.v, m);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  WithFloat(tape.float_type(), [&](auto zero) { BackwardOf<decltype(zero)>(tape, output, c); });
}

}  // namespace

Var SegmentAttention(Tape& tape, Var q, Var k, Var v, const Tensor& ptr, const Tensor& src,
                     double scale, Tensor* weights_out) {
  constexpr std::string_view kOp = "SegmentAttention";
  if (!Ready(tape, kOp, {q, k, v})) return Var{};
  const Tensor qv = tape.value(q), kv = tape.value(k), vv = tape.value(v);
  if (qv.rank != 2 || kv.rank != 2 || vv.rank != 2 || qv.cols() != kv.cols() ||
      kv.rows() != vv.rows()) {
    return BadInput(tape, kOp, "q ", Describe(qv), ", k ", Describe(kv), " and v ", Describe(vv),
                    " do not fit; they are [N, d], [M, d] and [M, m]");
  }
  const int64_t slots = src.empty() ? kv.rows() : src.size();
  if (!CheckOffsets(tape, kOp, "ptr", ptr, slots) ||
      (!src.empty() && !CheckRows(tape, kOp, "src", src, kv.rows()))) {
    return Var{};
  }
  const int64_t segments = qv.rows();
  if (ptr.size() != segments + 1) {
    return BadInput(tape, kOp, "ptr has ", ptr.size(), " entries for ", segments, " queries");
  }
  const Tensor weights = tape.NewTensor({slots});
  const Tensor out = tape.NewTensor({segments, vv.cols()});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, segments,
            (qv.cols() + vv.cols() + 16) * (1 + slots / std::max<int64_t>(1, segments)),
            SegmentAttentionRow<T>{qv.as<T>(), kv.as<T>(), vv.as<T>(), ptr.as<int64_t>(),
                                   src.as<uint32_t>(), weights.as<T>(), out.as<T>(), qv.cols(),
                                   vv.cols(), static_cast<T>(scale)});
  });
  if (weights_out != nullptr) *weights_out = weights;
  Context* c = tape.New<Context>();
  *c = Context{q, k, v, ptr, src, weights, scale};
  return tape.Record(out, tape.needs_grad(q) || tape.needs_grad(k) || tape.needs_grad(v), Backward,
                     c);
}

}  // namespace undula::propagation
