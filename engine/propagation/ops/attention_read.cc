#include "propagation/ops/attention_read.h"

#include "propagation/ops/attention_read_row.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {
namespace {

struct Context {
  Var queries, keys, memory;
  Tensor weights;
  double gamma;
};

template <class T>
void BackwardOf(Tape& tape, Var output, const Context& c) {
  const Tensor g = tape.grad(output), q = tape.value(c.queries), keys = tape.value(c.keys),
               memory = tape.value(c.memory);
  const int64_t batch = q.rows(), slots = keys.rows(), d = q.cols(), m = memory.shape[2];
  T* ds = tape.Scratch<T>(batch * slots);
  T* dq = tape.needs_grad(c.queries) ? tape.grad(c.queries).as<T>() : nullptr;
  T* dmemory = tape.needs_grad(c.memory) ? tape.grad(c.memory).as<T>() : nullptr;
  ForRows(tape, batch, slots * (d + 2 * m),
          AttentionReadBackwardRow<T>{keys.as<T>(), memory.as<T>(), c.weights.as<T>(), g.as<T>(),
                                      ds, dq, dmemory, slots, d, m, static_cast<T>(c.gamma)});
  if (tape.needs_grad(c.keys)) {
    ForRows(
        tape, slots, batch * d,
        AttentionReadBackwardKeyRow<T>{q.as<T>(), ds, tape.grad(c.keys).as<T>(), batch, slots, d});
  }
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  WithFloat(tape.float_type(), [&](auto zero) { BackwardOf<decltype(zero)>(tape, output, c); });
}

}  // namespace

Var AttentionRead(Tape& tape, Var queries, Var keys, Var memory, double gamma,
                  Tensor* weights_out) {
  if (!Ready(tape, "AttentionRead", {queries, keys, memory})) return Var{};
  const Tensor q = tape.value(queries), k = tape.value(keys), mem = tape.value(memory);
  if (q.rank != 2 || k.rank != 2 || mem.rank != 3 || q.cols() != k.cols() ||
      mem.shape[0] != q.rows() || mem.shape[1] != k.rows()) {
    return BadInput(tape, "AttentionRead", "queries ", Describe(q), ", keys ", Describe(k),
                    " and memory ", Describe(mem),
                    " do not fit; they are [B, d], [R, d] and [B, R, m]");
  }
  const int64_t batch = q.rows(), slots = k.rows(), d = q.cols(), m = mem.shape[2];
  const Tensor weights = tape.NewTensor({batch, slots});
  const Tensor out = tape.NewTensor({batch, m});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, batch, slots * (d + m + 16),
            AttentionReadRow<T>{q.as<T>(), k.as<T>(), mem.as<T>(), weights.as<T>(), out.as<T>(),
                                slots, d, m, static_cast<T>(gamma)});
  });
  if (weights_out != nullptr) *weights_out = weights;
  Context* c = tape.New<Context>();
  *c = Context{queries, keys, memory, weights, gamma};
  return tape.Record(out,
                     tape.needs_grad(queries) || tape.needs_grad(keys) || tape.needs_grad(memory),
                     Backward, c);
}

}  // namespace undula::propagation
