#include "propagation/ops/soft_read.h"

#include "propagation/ops/bias_row.h"
#include "propagation/ops/gate_rows.h"
#include "propagation/ops/gate_simd.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_attention_row.h"
#include "propagation/ops/segment_reduce_row.h"
#include "propagation/ops/soft_read_row.h"

namespace undula::propagation {
namespace {

struct Context {
  Var queries, keys, values, q;
  Tensor ptr, src, count, weights;
};

template <class T>
void BackwardOf(Tape& tape, Var output, const Context& c) {
  const Tensor g = tape.grad(output), keys = tape.value(c.keys), values = tape.value(c.values);
  const int64_t* ptr = c.ptr.as<int64_t>();
  const uint32_t* src = c.src.as<uint32_t>();
  const int64_t rows = g.rows(), slots = c.src.size(), d = keys.cols(), m = values.cols();
  const int64_t mean = 1 + slots / std::max<int64_t>(1, rows);
  T* dkey = tape.Scratch<T>(slots * d);
  T* dq = tape.Scratch<T>(rows * d);
  ForGateRows(tape, rows, mean * (16 * d + m), d % 16 == 0 && m % 16 == 0,
              SoftReadBackwardRow<T>{
                  tape.value(c.queries).as<T>(), keys.as<T>(), values.as<T>(),
                  tape.value(c.q).as<T>(), g.as<T>(), ptr, src, c.count.as<T>(), dkey,
                  tape.needs_grad(c.queries) ? tape.grad(c.queries).as<T>() : nullptr, dq, d, m},
              GetGateKernels().read_backward);
  if (tape.needs_grad(c.q)) {
    ForRows(tape, ColumnTiles(d), rows * kColumnTile,
            ColumnSumTile<T>{dq, tape.grad(c.q).as<T>(), rows, d});
  }
  if (!tape.needs_grad(c.keys) && !tape.needs_grad(c.values)) return;
  const RowOrder order = SortRows(tape, c.src, keys.rows());
  if (tape.needs_grad(c.keys)) {
    ForRows(
        tape, order.distinct, d * mean,
        ScatterAddRow<T>{dkey, order.rows, order.ptr, order.order, tape.grad(c.keys).as<T>(), d});
  }
  if (tape.needs_grad(c.values)) {
    uint32_t* row_of_slot = tape.Scratch<uint32_t>(slots);
    ForRows(tape, rows, mean, SegmentOfSlotRow{ptr, row_of_slot});
    ForRows(tape, order.distinct, m * mean,
            SegmentAttentionBackwardSourceRow<T>{c.weights.as<T>(), g.as<T>(), row_of_slot,
                                                 order.rows, order.ptr, order.order,
                                                 tape.grad(c.values).as<T>(), m});
  }
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  WithFloat(tape.float_type(), [&](auto zero) { BackwardOf<decltype(zero)>(tape, output, c); });
}

}  // namespace

Var SoftRead(Tape& tape, Var queries, Var keys, Var values, Var q, const Tensor& ptr,
             const Tensor& src, const Tensor& count) {
  constexpr std::string_view kOp = "SoftRead";
  if (!Ready(tape, kOp, {queries, keys, values, q})) return Var{};
  const Tensor qv = tape.value(queries), kv = tape.value(keys), vv = tape.value(values);
  const int64_t rows = qv.rows(), d = qv.cols(), m = vv.cols();
  if (qv.rank != 2 || kv.rank != 2 || vv.rank != 2 || kv.cols() != d || kv.rows() != vv.rows() ||
      tape.value(q).size() != d || ptr.size() != rows + 1) {
    return BadInput(tape, kOp, "queries ", Describe(qv), ", keys ", Describe(kv), ", values ",
                    Describe(vv), ", q ", Describe(tape.value(q)), " and ptr ", Describe(ptr),
                    " do not fit; they are [B, d], [P, d], [P, m], [d] and [B + 1]");
  }
  if (!CheckOffsets(tape, kOp, "ptr", ptr, src.size()) ||
      !CheckRows(tape, kOp, "src", src, kv.rows()) ||
      (!count.empty() && !CheckFloats(tape, kOp, "count", count, src.size()))) {
    return Var{};
  }
  const Tensor weights = tape.NewTensor({src.size()});
  const Tensor out = tape.NewTensor({rows, m});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForGateRows(
        tape, rows, (1 + src.size() / std::max<int64_t>(1, rows)) * (16 * d + m),
        d % 16 == 0 && m % 16 == 0,
        SoftReadRow<T>{qv.as<T>(), kv.as<T>(), vv.as<T>(), tape.value(q).as<T>(), ptr.as<int64_t>(),
                       src.as<uint32_t>(), count.as<T>(), weights.as<T>(), out.as<T>(), d, m},
        GetGateKernels().read);
  });
  Context* c = tape.New<Context>();
  *c = Context{queries, keys, values, q, ptr, src, count, weights};
  return tape.Record(out,
                     tape.needs_grad(queries) || tape.needs_grad(keys) || tape.needs_grad(values) ||
                         tape.needs_grad(q),
                     Backward, c);
}

}  // namespace undula::propagation
