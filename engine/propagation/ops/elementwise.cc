#include "propagation/ops/elementwise.h"

#include "propagation/ops/elementwise_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/scalar_sum.h"

namespace undula::propagation {
namespace {

struct Context {
  Var a, b;
  double ca = 1, cb = 1;
  Activation activation = Activation::kSigmoid;
};

Tensor NewLike(Tape& tape, const Tensor& like) {
  switch (like.rank) {
    case 0:
      return tape.NewTensor({});
    case 1:
      return tape.NewTensor({like.shape[0]});
    case 2:
      return tape.NewTensor({like.shape[0], like.shape[1]});
    default:
      return tape.NewTensor({like.shape[0], like.shape[1], like.shape[2]});
  }
}

bool SameShape(Tape& tape, std::string_view op, Var a, Var b) {
  const Tensor &x = tape.value(a), &y = tape.value(b);
  if (x.rank == y.rank && std::equal(x.shape, x.shape + 3, y.shape)) return true;
  BadInput(tape, op, "shapes differ: ", Describe(x), " and ", Describe(y));
  return false;
}

template <class Tile>
void ForTiles(Tape& tape, int64_t n, const Tile& body) {
  ForRows(tape, ElementTiles(n), kElementTile * 2, body);
}

// grad(to) += factor * g.
template <class T>
void AddScaledGradient(Tape& tape, const Tensor& g, Var to, double factor) {
  if (!tape.needs_grad(to)) return;
  ForTiles(tape, g.size(),
           LinearTile<T>{g.as<T>(), nullptr, tape.grad(to).as<T>(), static_cast<T>(factor), T(0),
                         g.size(), true});
}

void LinearBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    AddScaledGradient<T>(tape, g, c.a, c.ca);
    if (c.b.valid()) AddScaledGradient<T>(tape, g, c.b, c.cb);
  });
}

// ca a + cb b, or ca a where b is invalid.
Var Linear(Tape& tape, Var a, double ca, Var b, double cb) {
  const Tensor x = tape.value(a);
  const Tensor out = NewLike(tape, x);
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForTiles(tape, x.size(),
             LinearTile<T>{x.as<T>(), b.valid() ? tape.value(b).as<T>() : nullptr, out.as<T>(),
                           static_cast<T>(ca), static_cast<T>(cb), x.size(), false});
  });
  Context* c = tape.New<Context>();
  *c = Context{a, b, ca, cb};
  return tape.Record(out, tape.needs_grad(a) || tape.needs_grad(b), LinearBackward, c);
}

void MulBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto add = [&](Var to, Var other) {
      if (!tape.needs_grad(to)) return;
      ForTiles(
          tape, g.size(),
          MulTile<T>{g.as<T>(), tape.value(other).as<T>(), tape.grad(to).as<T>(), g.size(), true});
    };
    add(c.a, c.b);
    add(c.b, c.a);
  });
}

void ActivationBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), y = tape.value(output), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForTiles(tape, g.size(),
             ActivationBackwardTile<T>{y.as<T>(), g.as<T>(), grad.as<T>(), g.size(), c.activation});
  });
}

Var Activate(Tape& tape, std::string_view op, Var a, Activation activation) {
  if (!Ready(tape, op, {a})) return Var{};
  const Tensor x = tape.value(a);
  const Tensor out = NewLike(tape, x);
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, ElementTiles(x.size()), kElementTile * 16,
            ActivationTile<T>{x.as<T>(), out.as<T>(), x.size(), activation});
  });
  Context* c = tape.New<Context>();
  c->a = a;
  c->activation = activation;
  return tape.Record(out, tape.needs_grad(a), ActivationBackward, c);
}

void RowDotBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto add = [&](Var to, Var other) {
      if (!tape.needs_grad(to)) return;
      const Tensor x = tape.value(other);
      ForRows(tape, x.rows(), x.cols(),
              RowDotBackwardRow<T>{x.as<T>(), g.as<T>(), tape.grad(to).as<T>(), x.cols()});
    };
    add(c.a, c.b);
    add(c.b, c.a);
  });
}

void SumBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForTiles(tape, grad.size(), AddScalarTile<T>{g.as<T>(), T(1), grad.as<T>(), grad.size()});
  });
}

}  // namespace

Var Add(Tape& tape, Var a, Var b) {
  if (!Ready(tape, "Add", {a, b}) || !SameShape(tape, "Add", a, b)) return Var{};
  return Linear(tape, a, 1, b, 1);
}

Var Sub(Tape& tape, Var a, Var b) {
  if (!Ready(tape, "Sub", {a, b}) || !SameShape(tape, "Sub", a, b)) return Var{};
  return Linear(tape, a, 1, b, -1);
}

Var Scale(Tape& tape, Var a, double factor) {
  if (!Ready(tape, "Scale", {a})) return Var{};
  return Linear(tape, a, factor, Var{}, 0);
}

Var AddScaled(Tape& tape, Var a, double ca, Var b, double cb) {
  if (!tape.status().ok()) return Var{};
  if (!a.valid()) {
    std::swap(a, b);
    std::swap(ca, cb);
  }
  if (!Ready(tape, "AddScaled", {a}) || (b.valid() && !Ready(tape, "AddScaled", {b}))) return Var{};
  if (tape.value(a).size() != 1 || (b.valid() && tape.value(b).size() != 1)) {
    return BadInput(tape, "AddScaled", "the inputs must be scalars, not ", Describe(tape.value(a)),
                    " and ", Describe(tape.value(b)));
  }
  return Linear(tape, a, ca, b, cb);
}

Var Mul(Tape& tape, Var a, Var b) {
  if (!Ready(tape, "Mul", {a, b}) || !SameShape(tape, "Mul", a, b)) return Var{};
  const Tensor x = tape.value(a), y = tape.value(b);
  const Tensor out = NewLike(tape, x);
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForTiles(tape, x.size(), MulTile<T>{x.as<T>(), y.as<T>(), out.as<T>(), x.size(), false});
  });
  Context* c = tape.New<Context>();
  *c = Context{a, b};
  return tape.Record(out, tape.needs_grad(a) || tape.needs_grad(b), MulBackward, c);
}

Var Sigmoid(Tape& tape, Var a) { return Activate(tape, "Sigmoid", a, Activation::kSigmoid); }

Var Tanh(Tape& tape, Var a) { return Activate(tape, "Tanh", a, Activation::kTanh); }

Var Relu(Tape& tape, Var a) { return Activate(tape, "Relu", a, Activation::kRelu); }

Var RowDot(Tape& tape, Var a, Var b) {
  if (!Ready(tape, "RowDot", {a, b}) || !SameShape(tape, "RowDot", a, b)) return Var{};
  const Tensor x = tape.value(a), y = tape.value(b);
  if (x.rank != 2) return BadInput(tape, "RowDot", "inputs must be [n, d], not ", Describe(x));
  const Tensor out = tape.NewTensor({x.rows()});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, x.rows(), x.cols(), RowDotRow<T>{x.as<T>(), y.as<T>(), out.as<T>(), x.cols()});
  });
  Context* c = tape.New<Context>();
  *c = Context{a, b};
  return tape.Record(out, tape.needs_grad(a) || tape.needs_grad(b), RowDotBackward, c);
}

Var Sum(Tape& tape, Var a) {
  if (!Ready(tape, "Sum", {a})) return Var{};
  const Tensor x = tape.value(a);
  const Tensor out = WithFloat(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, x.size(), 1, ElementTerm<T>{x.as<T>()});
  });
  Context* c = tape.New<Context>();
  c->a = a;
  return tape.Record(out, tape.needs_grad(a), SumBackward, c);
}

}  // namespace undula::propagation
