#include "propagation/ops/bias.h"

#include "propagation/ops/bias_row.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {
namespace {

struct Context {
  Var x, bias;
};

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  const int64_t n = g.rows(), cols = g.cols();
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (tape.needs_grad(c.x)) {
      ForRows(tape, n, cols, AddToRow<T>{g.as<T>(), tape.grad(c.x).as<T>(), cols});
    }
    if (tape.needs_grad(c.bias)) {
      ForRows(tape, ColumnTiles(cols), n * kColumnTile,
              ColumnSumTile<T>{g.as<T>(), tape.grad(c.bias).as<T>(), n, cols});
    }
  });
}

}  // namespace

Var AddBias(Tape& tape, Var x, Var bias) {
  if (!Ready(tape, "AddBias", {x, bias})) return Var{};
  const Tensor xv = tape.value(x), bv = tape.value(bias);
  if (xv.rank != 2 || bv.size() != xv.cols()) {
    return BadInput(tape, "AddBias", "x ", Describe(xv), " and bias ", Describe(bv),
                    " do not fit; they are [n, d] and [d]");
  }
  const Tensor out = tape.NewTensor({xv.rows(), xv.cols()});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, xv.rows(), xv.cols(),
            AddBiasRow<T>{xv.as<T>(), bv.as<T>(), out.as<T>(), xv.cols()});
  });
  Context* c = tape.New<Context>();
  *c = Context{x, bias};
  return tape.Record(out, tape.needs_grad(x) || tape.needs_grad(bias), Backward, c);
}

}  // namespace undula::propagation
