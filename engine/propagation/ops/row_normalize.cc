#include "propagation/ops/row_normalize.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/row_normalize_row.h"
#include "propagation/ops/triple_simd.h"

namespace undula::propagation {
namespace {

struct Context {
  Var x;
  Tensor inverse;
};

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), y = tape.value(output), grad = tape.grad(c.x);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, y.rows(), y.cols() * 3,
            RowNormalizeBackwardRow<T>{y.as<T>(), c.inverse.as<T>(), g.as<T>(), grad.as<T>(),
                                       y.cols()});
  });
}

}  // namespace

Var RowNormalize(Tape& tape, Var x) {
  if (!Ready(tape, "RowNormalize", {x})) return Var{};
  const Tensor xv = tape.value(x);
  if (xv.rank != 2) {
    return BadInput(tape, "RowNormalize", "x must be [n, d], not ", Describe(xv));
  }
  const Tensor out = tape.NewTensor({xv.rows(), xv.cols()});
  const Tensor inverse = tape.NewTensor({xv.rows()});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, xv.rows(), xv.cols() * 4,
            RowNormalizeRow<T>{xv.as<T>(), out.as<T>(), inverse.as<T>(), xv.cols()});
  });
  Context* c = tape.New<Context>();
  *c = Context{x, inverse};
  return tape.Record(out, tape.needs_grad(x), Backward, c);
}

void NormalizeRows(Tape& tape, Parameter* table, const Tensor& rows) {
  constexpr std::string_view kOp = "NormalizeRows";
  if (!tape.status().ok()) return;
  if (table == nullptr || table->value.rank != 2 || table->value.dtype != tape.float_type()) {
    BadInput(tape, kOp, "no table [n, d] of the tape's float type given");
    return;
  }
  if (!CheckRows(tape, kOp, Concat("rows of '", table->name, "'"), rows, table->value.rows())) {
    return;
  }
  const int64_t cols = table->value.cols();
  if (table->value.dtype == DType::kF32 && !tape.exec().on_gpu()) {
    const auto row_body = [](float* row, int64_t n) {
      const uint32_t zero = 0;
      NormalizeInPlaceRow<float>{row, &zero, n}(LaneGroup(), 0);
    };
    ForRanges(tape.exec().workers(), rows.size(), cols * 4, [&](int64_t begin, int64_t end) {
      GetTripleKernels().normalize(table->value.as<float>(), rows.as<uint32_t>(), cols, begin, end,
                                   row_body);
    });
    return;
  }
  WithFloat(table->value.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, rows.size(), cols * 4,
            NormalizeInPlaceRow<T>{table->value.as<T>(), rows.as<uint32_t>(), cols});
  });
}

}  // namespace undula::propagation
