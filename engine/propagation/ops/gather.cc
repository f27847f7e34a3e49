#include "propagation/ops/gather.h"

#include "propagation/ops/add_by_row.h"
#include "propagation/ops/gather_row.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {
namespace {

struct Context {
  Parameter* table;  // or null: x
  Var x;
  Tensor rows;
  int64_t limit;  // rows of the table
};

Tensor NewRows(Tape& tape, const Tensor& like, int64_t n) {
  if (like.rank <= 1) return tape.NewTensor({n});
  if (like.rank == 2) return tape.NewTensor({n, like.shape[1]});
  return tape.NewTensor({n, like.shape[1], like.shape[2]});
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  const RowOrder order = SortRows(tape, c.rows, c.limit);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (c.table != nullptr && c.table->row_sparse) {
      // Rows that ascend without repeats are gathered as they stand: so is their gradient.
      if (!tape.exec().on_gpu() && order.distinct == c.rows.size() && order.ascending) {
        c.table->sparse.push_back({c.rows, g});
        return;
      }
      const Tensor values = tape.NewZero({order.distinct, g.cols()});
      AddByRow(tape, order, c.rows.size(), g.as<T>(), g.cols(), true, values.as<T>());
      c.table->sparse.push_back({View(order.rows, order.distinct), values});
      return;
    }
    const Tensor to = c.table != nullptr ? c.table->grad : tape.grad(c.x);
    AddByRow(tape, order, c.rows.size(), g.as<T>(), g.cols(), false, to.as<T>());
  });
}

Var Gather(Tape& tape, const Context& inputs, const Tensor& x, bool needs_grad) {
  const Tensor& rows = inputs.rows;
  const Tensor out = NewRows(tape, x, rows.size());
  WithFloat(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, rows.size(), x.cols(),
            GatherRow<T>{x.as<T>(), rows.as<uint32_t>(), out.as<T>(), x.cols()});
  });
  Context* context = tape.New<Context>();
  *context = inputs;
  return tape.Record(out, needs_grad, Backward, context);
}

}  // namespace

Var GatherRows(Tape& tape, Parameter* table, const Tensor& rows) {
  if (!tape.status().ok()) return Var{};
  if (table == nullptr) return BadInput(tape, "GatherRows", "no table given");
  if (table->value.dtype != tape.float_type()) {
    return BadInput(tape, "GatherRows", "table '", table->name, "' is ", Describe(table->value),
                    ", not of the tape's float type");
  }
  const int64_t limit = table->value.rows();
  if (!CheckRows(tape, "GatherRows", table->name, rows, limit)) return Var{};
  return Gather(tape, Context{table, Var{}, rows, limit}, table->value, true);
}

Var GatherRows(Tape& tape, Var x, const Tensor& rows) {
  if (!Ready(tape, "GatherRows", {x})) return Var{};
  const Tensor value = tape.value(x);
  if (!CheckRows(tape, "GatherRows", "rows", rows, value.rows())) return Var{};
  return Gather(tape, Context{nullptr, x, rows, value.rows()}, value, tape.needs_grad(x));
}

}  // namespace undula::propagation
