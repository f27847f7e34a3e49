#include "propagation/ops/weight_sum.h"

#include "propagation/ops/op_check.h"
#include "propagation/ops/segment_reduce_row.h"
#include "propagation/ops/weight_sum_row.h"

namespace undula::propagation {
namespace {

constexpr std::string_view kOp = "WeightSum";

struct Context {
  Var weights, x;
  WeightTerms terms;
  double gain;
};

template <class T>
struct Terms {
  Terms(Tape& tape, const Context& c)
      : coefficient(c.terms.coefficient.as<T>()),
        weights{tape.value(c.weights).as<T>(), c.terms.weight.as<uint32_t>(), false},
        children{c.x.valid() ? tape.value(c.x).as<T>() : nullptr, c.terms.child.as<uint32_t>(),
                 true} {}
  const T* coefficient;
  TermFactor<T> weights, children;
};

// On the CPU the terms are few beside what made their weights: one after the other.
template <class T>
void PushBack(Tape& tape, Var output, const Context& c) {
  const Terms<T> terms(tape, c);
  const auto wanted = [&](Var v) {
    return v.valid() && tape.needs_grad(v) ? tape.grad(v).as<T>() : nullptr;
  };
  T* dweights = wanted(c.weights);
  T* dx = wanted(c.x);
  const uint32_t* weight = c.terms.weight.as<uint32_t>();
  const uint32_t* child = c.terms.child.as<uint32_t>();
  const int64_t* ptr = c.terms.ptr.as<int64_t>();
  const T* g = tape.grad(output).as<T>();
  for (int64_t i = 0; i + 1 < c.terms.ptr.size(); ++i) {
    const T scaled = static_cast<T>(c.gain) * g[i];
    for (int64_t j = ptr[i]; j < ptr[i + 1]; ++j) {
      const T factor = scaled * terms.coefficient[j];
      if (dweights != nullptr) dweights[weight[j]] += factor * terms.children(j);
      if (dx != nullptr && child[j] > 0) dx[child[j] - 1] += factor * terms.weights(j);
    }
  }
}

// On a GPU each target pulls its terms.
template <class T>
void PullBack(Tape& tape, Var output, const Context& c) {
  const Terms<T> terms(tape, c);
  const int64_t n = c.terms.ptr.size() - 1, count = c.terms.weight.size();
  uint32_t* node = tape.Scratch<uint32_t>(count);
  ForRows(tape, n, 1 + count / std::max<int64_t>(1, n),
          SegmentOfSlotRow{c.terms.ptr.as<int64_t>(), node});
  const T* g = tape.grad(output).as<T>();
  const auto add = [&](Var to, const Tensor& targets, int64_t first, const TermFactor<T>& other) {
    if (!to.valid() || !tape.needs_grad(to) || count == 0) return;
    const int64_t end = first + tape.value(to).size();
    const RowOrder order = SortRows(tape, targets, end);
    ForRows(
        tape, order.distinct, 8,
        WeightSumBackwardRow<T>{order.rows, order.ptr, order.order, node, terms.coefficient, g,
                                other, tape.grad(to).as<T>(), first, end, static_cast<T>(c.gain)});
  };
  add(c.weights, c.terms.weight, 0, terms.children);
  add(c.x, c.terms.child, 1, terms.weights);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  WithFloat(tape.float_type(), [&](auto zero) {
    using T = decltype(zero);
    if (tape.exec().on_gpu()) {
      PullBack<T>(tape, output, c);
    } else {
      PushBack<T>(tape, output, c);
    }
  });
}

}  // namespace

Var WeightSum(Tape& tape, Var weights, Var x, const WeightTerms& terms, double gain) {
  if (!Ready(tape, kOp, {weights}) || (x.valid() && !Ready(tape, kOp, {x}))) return Var{};
  const int64_t n = terms.ptr.size() - 1, count = terms.weight.size();
  const int64_t children = x.valid() ? tape.value(x).size() : 0;
  if (tape.value(weights).rank != 1 || (x.valid() && tape.value(x).rank != 1)) {
    return BadInput(tape, kOp, "weights ", Describe(tape.value(weights)), " and x ",
                    Describe(tape.value(x)), " must have one dimension");
  }
  if (!CheckOffsets(tape, kOp, "ptr", terms.ptr, count) ||
      !CheckRows(tape, kOp, "weight", terms.weight, tape.value(weights).size()) ||
      !CheckRows(tape, kOp, "child", terms.child, children + 1) ||
      !CheckFloats(tape, kOp, "coefficient", terms.coefficient, count)) {
    return Var{};
  }
  if (terms.child.size() != count) {
    return BadInput(tape, kOp, count, " weights, but ", terms.child.size(), " children");
  }
  const Tensor out = tape.NewTensor({n});
  Context* c = tape.New<Context>();
  *c = Context{weights, x, terms, gain};
  WithFloat(tape.float_type(), [&](auto zero) {
    using T = decltype(zero);
    const Terms<T> of(tape, *c);
    ForRows(tape, n, 8 + count / std::max<int64_t>(1, n),
            WeightSumRow<T>{terms.ptr.as<int64_t>(), of.coefficient, of.weights, of.children,
                            out.as<T>(), static_cast<T>(gain)});
  });
  return tape.Record(out, tape.needs_grad(weights) || tape.needs_grad(x), Backward, c);
}

}  // namespace undula::propagation
