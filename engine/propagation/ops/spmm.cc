#include "propagation/ops/spmm.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/spmm_row.h"

namespace undula::propagation {
namespace {

struct Context {
  Var x, weights;
  SparseRows rows;
};

int64_t WorkOf(int64_t entries, int64_t rows, int64_t cols) {
  return cols * (1 + entries / std::max<int64_t>(1, rows));
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.x), weights = tape.value(c.weights);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const SparseRows& rows = c.rows;
    if (tape.needs_grad(c.x)) {
      ForRows(tape, x.rows(), WorkOf(weights.size(), x.rows(), g.cols()),
              SpmmBackwardRow<T>{g.as<T>(), weights.as<T>(), rows.in_ptr.as<int64_t>(),
                                 rows.in_row.as<uint32_t>(), rows.in_entry.as<uint32_t>(),
                                 tape.grad(c.x).as<T>(), g.cols()});
    }
    if (tape.needs_grad(c.weights)) {
      ForRows(tape, g.rows(), WorkOf(weights.size(), g.rows(), g.cols()),
              SpmmWeightRow<T>{g.as<T>(), x.as<T>(), rows.ptr.as<int64_t>(),
                               rows.src.as<uint32_t>(), tape.grad(c.weights).as<T>(), g.cols()});
    }
  });
}

bool CheckTranspose(Tape& tape, const SparseRows& rows, int64_t n, int64_t outputs) {
  const int64_t entries = rows.src.size();
  if (rows.in_ptr.size() != n + 1 || rows.in_row.size() != entries ||
      rows.in_entry.size() != entries) {
    BadInput(tape, "Spmm", "the transpose is of ", rows.in_ptr.size() - 1, " rows and ",
             rows.in_row.size(), " entries, not of ", n, " and ", entries);
    return false;
  }
  return CheckOffsets(tape, "Spmm", "in_ptr", rows.in_ptr, entries) &&
         CheckRows(tape, "Spmm", "in_row", rows.in_row, outputs) &&
         CheckRows(tape, "Spmm", "in_entry", rows.in_entry, entries);
}

}  // namespace

Var Spmm(Tape& tape, Var x, Var weights, const SparseRows& rows) {
  if (!Ready(tape, "Spmm", {x, weights})) return Var{};
  const Tensor xv = tape.value(x), wv = tape.value(weights);
  if (xv.rank != 2 || wv.rank != 1 || wv.size() != rows.src.size()) {
    return BadInput(tape, "Spmm", "x ", Describe(xv), ", weights ", Describe(wv), " and src ",
                    Describe(rows.src), " do not fit; they are [n, d], [E] and [E]");
  }
  if (!CheckOffsets(tape, "Spmm", "ptr", rows.ptr, wv.size()) ||
      !CheckRows(tape, "Spmm", "src", rows.src, xv.rows())) {
    return Var{};
  }
  const int64_t n = rows.ptr.size() - 1;
  if (tape.needs_grad(x) && !CheckTranspose(tape, rows, xv.rows(), n)) return Var{};
  const Tensor out = tape.NewTensor({n, xv.cols()});
  WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, n, WorkOf(wv.size(), n, xv.cols()),
            SpmmRow<T>{xv.as<T>(), wv.as<T>(), rows.ptr.as<int64_t>(), rows.src.as<uint32_t>(),
                       out.as<T>(), xv.cols()});
  });
  Context* c = tape.New<Context>();
  *c = Context{x, weights, rows};
  return tape.Record(out, tape.needs_grad(x) || tape.needs_grad(weights), Backward, c);
}

}  // namespace undula::propagation
