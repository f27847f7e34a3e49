#include "propagation/ops/key_value_memory.h"

#include <algorithm>
#include <type_traits>

#include "propagation/ops/gate_simd.h"
#include "propagation/ops/key_value_memory_row.h"
#include "propagation/ops/losses_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_reduce_row.h"

namespace undula::propagation {
namespace {

struct WriteContext {
  Var updates;
  Tensor before, z;
};

void WriteBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const WriteContext*>(context);
  const Tensor g = tape.grad(output), updates = tape.value(c.updates);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const int64_t steps = updates.shape[0], rows = updates.shape[1], d = updates.shape[2];
    ForRows(tape, rows, steps * d * 8,
            MemoryWriteBackwardRow<T>{updates.as<T>(), c.before.as<T>(), c.z.as<T>(), g.as<T>(),
                                      tape.Scratch<T>(rows * d), tape.grad(c.updates).as<T>(),
                                      steps, rows, d});
  });
}

struct ReadContext {
  Var events, products, keys, queries;
  MemoryPlan plan;
  Tensor z, rho, norms, weights;
  const uint32_t* sequence;
  double gamma;
};

template <class T>
MemoryState<T> StateOf(Tape& tape, const ReadContext& c) {
  const Tensor events = tape.value(c.events);
  return {events.as<T>(),
          tape.value(c.products).as<T>(),
          tape.value(c.keys).as<T>(),
          c.plan.event_ptr.as<int64_t>(),
          c.z.as<T>(),
          c.rho.as<T>(),
          events.cols(),
          tape.value(c.keys).rows(),
          static_cast<T>(c.plan.truncation)};
}

// Events that a walk meets, for the cost of a row.
constexpr int64_t kMeanWalk = 16;

template <class T>
void ReadBackwardOf(Tape& tape, Var output, const ReadContext& c) {
  const Tensor g = tape.grad(output);
  const MemoryState<T> state = StateOf<T>(tape, c);
  const int64_t reads = g.rows(), d = state.d, a = state.a;
  const int64_t events = tape.value(c.events).rows(), sequences = c.plan.event_ptr.size() - 1;
  const uint32_t* last = c.plan.read_event.as<uint32_t>();
  T* ds = tape.Scratch<T>(reads * a);
  ForRows(tape, reads, (a + kMeanWalk) * d + kMeanWalk * a * 4,
          MemoryReadBackwardRow<T>{
              state, c.sequence, last, c.weights.as<T>(), g.as<T>(), tape.Scratch<T>(reads * a), ds,
              tape.needs_grad(c.queries) ? tape.grad(c.queries).as<T>() : nullptr,
              static_cast<T>(c.gamma)});
  const bool keys = tape.needs_grad(c.keys);
  if (!keys && !tape.needs_grad(c.events) && !tape.needs_grad(c.products)) return;
  const auto grad = [&](Var v) { return tape.needs_grad(v) ? tape.grad(v).as<T>() : nullptr; };
  const Tensor dc = tape.NewZero({events, a});
  T* dnorms = tape.Scratch<T>(events * a);
  ForRows(tape, sequences,
          (1 + events / std::max<int64_t>(1, sequences)) * kMeanWalk * (a * 12 + d * 6),
          MemoryScanBackwardRow<T>{state, c.norms.as<T>(), c.plan.read_ptr.as<int64_t>(), last,
                                   c.weights.as<T>(), g.as<T>(), tape.Scratch<T>(sequences * 4 * a),
                                   dc.as<T>(), grad(c.events), grad(c.products), dnorms});
  if (!keys) return;
  ForRows(tape, a, (2 * reads + 1) * d + events,
          MemoryKeyBackwardRow<T>{tape.value(c.queries).as<T>(), state.keys, state.rho, last,
                                  c.weights.as<T>(), ds, g.as<T>(), dnorms,
                                  tape.grad(c.keys).as<T>(), events, reads, d, a});
}

void ReadBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const ReadContext*>(context);
  WithFloat(tape.float_type(), [&](auto zero) { ReadBackwardOf<decltype(zero)>(tape, output, c); });
}

// Whether the tuned kernels serve the state.
template <class T>
bool IsTuned(Tape& tape, const MemoryState<T>& state) {
  return std::is_same_v<T, float> && !tape.exec().on_gpu() && state.d % 16 == 0 && state.a >= 1 &&
         state.a <= kMaxMemoryKeys;
}
int64_t PaddedKeys(int64_t a) { return (a + 15) / 16 * 16; }

// z and rho of all events, by the tuned kernel where there is one.
template <class T>
void Scan(Tape& tape, const MemoryState<T>& state, const T* norms, int64_t sequences,
          int64_t events) {
  const int64_t a = state.a, d = state.d;
  const int64_t work = (1 + events / std::max<int64_t>(1, sequences)) * kMeanWalk * (a * 4 + d);
  if constexpr (std::is_same_v<T, float>) {
    if (IsTuned(tape, state)) {
      float* padded = tape.Scratch<float>(events * 2 * PaddedKeys(a));
      const MemoryScanRow<float> body{state, norms, nullptr};
      ForRanges(tape.exec().workers(), sequences, work, [&](int64_t begin, int64_t end) {
        GetGateKernels().memory_scan(body, padded, begin, end);
      });
      return;
    }
  }
  ForRows(tape, sequences, work,
          MemoryScanRow<T>{state, norms, tape.Scratch<T>(sequences * 2 * a)});
}

// The reads themselves; body.scratch is made here.
template <class T>
void ReadRows(Tape& tape, MemoryReadRow<T> body, int64_t reads) {
  const int64_t a = body.state.a, d = body.state.d;
  const int64_t work = 2 * a * d + kMeanWalk * (a * 3 + d);
  if constexpr (std::is_same_v<T, float>) {
    if (IsTuned(tape, body.state)) {
      const int64_t wide = PaddedKeys(a);
      float* columns = tape.Scratch<float>(d * wide);
      for (int64_t c = 0; c < d; ++c) {
        for (int64_t k = 0; k < wide; ++k) {
          columns[c * wide + k] = k < a ? body.state.keys[k * d + c] : 0.0f;
        }
      }
      ForRanges(tape.exec().workers(), reads, work, [&](int64_t begin, int64_t end) {
        GetGateKernels().memory_read(body, columns, begin, end);
      });
      return;
    }
  }
  body.scratch = tape.Scratch<T>(reads * a);
  ForRows(tape, reads, work, body);
}

template <class T>
Tensor ReadForward(Tape& tape, const ReadContext& c) {
  const MemoryState<T> state = StateOf<T>(tape, c);
  const int64_t d = state.d, a = state.a, sequences = c.plan.event_ptr.size() - 1;
  const int64_t events = tape.value(c.events).rows(), reads = tape.value(c.queries).rows();
  ForRows(tape, a, d, SquaredNormRow<T>{state.keys, c.norms.as<T>(), d});
  Scan(tape, state, c.norms.as<T>(), sequences, events);
  const Tensor out = tape.NewTensor({reads, d});
  ReadRows(tape,
           MemoryReadRow<T>{state, tape.value(c.queries).as<T>(), c.sequence,
                            c.plan.read_event.as<uint32_t>(), c.weights.as<T>(), nullptr,
                            out.as<T>(), static_cast<T>(c.gamma)},
           reads);
  return out;
}

}  // namespace

Var MemoryWrite(Tape& tape, Var updates) {
  if (!Ready(tape, "MemoryWrite", {updates})) return Var{};
  const Tensor x = tape.value(updates);
  if (x.rank != 3) {
    return BadInput(tape, "MemoryWrite", "updates must be [steps, M, d], not ", Describe(x));
  }
  const int64_t steps = x.shape[0], rows = x.shape[1], d = x.shape[2];
  const Tensor out = tape.NewTensor({rows, d}), before = tape.NewTensor({steps, rows, d});
  const Tensor z = tape.NewTensor({steps, rows});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, rows, steps * d * 4,
            MemoryWriteRow<T>{x.as<T>(), before.as<T>(), z.as<T>(), out.as<T>(), steps, rows, d});
  });
  WriteContext* c = tape.New<WriteContext>();
  *c = WriteContext{updates, before, z};
  return tape.Record(out, tape.needs_grad(updates), WriteBackward, c);
}

Var MemoryRead(Tape& tape, Var events, Var products, Var keys, Var queries, double gamma,
               const MemoryPlan& plan, Tensor* weights_out) {
  constexpr std::string_view kOp = "MemoryRead";
  if (!Ready(tape, kOp, {events, products, keys, queries})) return Var{};
  const Tensor ev = tape.value(events), pv = tape.value(products), kv = tape.value(keys),
               qv = tape.value(queries);
  const int64_t n = ev.rows(), d = ev.cols(), a = kv.rows(), reads = qv.rows();
  if (ev.rank != 2 || pv.rank != 2 || kv.rank != 2 || qv.rank != 2 || pv.rows() != n ||
      pv.cols() != a || kv.cols() != d || qv.cols() != d) {
    return BadInput(tape, kOp, "events ", Describe(ev), ", products ", Describe(pv), ", keys ",
                    Describe(kv), " and queries ", Describe(qv),
                    " do not fit; they are [E, d], [E, A], [A, d] and [B, d]");
  }
  if (!CheckOffsets(tape, kOp, "event_ptr", plan.event_ptr, n) ||
      !CheckOffsets(tape, kOp, "read_ptr", plan.read_ptr, reads) ||
      !CheckRows(tape, kOp, "read_event", plan.read_event, n)) {
    return Var{};
  }
  const int64_t sequences = plan.event_ptr.size() - 1;
  if (plan.read_ptr.size() != sequences + 1 || plan.read_event.size() != reads) {
    return BadInput(tape, kOp, "a plan for ", plan.read_event.size(), " reads in ",
                    plan.read_ptr.size() - 1, " sequences does not fit ", reads, " queries and ",
                    sequences, " sequences");
  }
  ReadContext* c = tape.New<ReadContext>();
  uint32_t* sequence = tape.Scratch<uint32_t>(reads);
  ForRows(tape, sequences, 1 + reads / std::max<int64_t>(1, sequences),
          SegmentOfSlotRow{plan.read_ptr.as<int64_t>(), sequence});
  *c = ReadContext{events,
                   products,
                   keys,
                   queries,
                   plan,
                   tape.NewTensor({n, a}),
                   tape.NewTensor({n, a}),
                   tape.NewTensor({a}),
                   tape.NewTensor({reads, a}),
                   sequence,
                   gamma};
  const Tensor out =
      WithFloat(qv.dtype, [&](auto zero) { return ReadForward<decltype(zero)>(tape, *c); });
  if (weights_out != nullptr) *weights_out = c->weights;
  return tape.Record(out,
                     tape.needs_grad(events) || tape.needs_grad(products) ||
                         tape.needs_grad(keys) || tape.needs_grad(queries),
                     ReadBackward, c);
}

}  // namespace undula::propagation
