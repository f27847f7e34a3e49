#include "propagation/ops/losses.h"

#include "propagation/ops/losses_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/scalar_sum.h"

namespace undula::propagation {
namespace {

struct Context {
  Var a, b;
  Tensor aux;  // labels, targets or weights
  double scale;
  Tensor top, sum;    // of SoftmaxCrossEntropy
  double margin = 0;  // of MarginLoss
};

bool CheckVector(Tape& tape, std::string_view op, const Tensor& x) {
  if (x.rank == 1) return true;
  BadInput(tape, op, "the input must be [n], not ", Describe(x));
  return false;
}

bool CheckDivisor(Tape& tape, std::string_view op, double divisor) {
  if (divisor > 0) return true;
  BadInput(tape, op, "the divisor must be positive, not ", divisor);
  return false;
}

Var RecordLoss(Tape& tape, const Tensor& out, BackwardFn backward, const Context& inputs) {
  Context* c = tape.New<Context>();
  *c = inputs;
  return tape.Record(out, tape.needs_grad(inputs.a) || tape.needs_grad(inputs.b), backward, c);
}

void BceBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.a), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, ElementTiles(x.size()), kElementTile * 16,
            BceBackwardTile<T>{x.as<T>(), c.aux.as<T>(), g.as<T>(), grad.as<T>(),
                               static_cast<T>(c.scale), x.size()});
  });
}

void BceProbabilitiesBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.a), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, ElementTiles(x.size()), kElementTile * 16,
            BceProbabilityBackwardTile<T>{x.as<T>(), c.aux.as<T>(), g.as<T>(), grad.as<T>(),
                                          static_cast<T>(c.scale), x.size()});
  });
}

void PairBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), pos = tape.value(c.a), neg = tape.value(c.b);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto add = [&](Var to, double sign) {
      if (!tape.needs_grad(to)) return;
      ForRows(tape, ElementTiles(pos.size()), kElementTile * 16,
              PairBackwardTile<T>{pos.as<T>(), neg.as<T>(), g.as<T>(), tape.grad(to).as<T>(),
                                  static_cast<T>(sign * c.scale), pos.size()});
    };
    add(c.a, -1);
    add(c.b, 1);
  });
}

void MarginBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), better = tape.value(c.a), worse = tape.value(c.b);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto add = [&](Var to, double sign) {
      if (!tape.needs_grad(to)) return;
      ForRows(tape, ElementTiles(better.size()), kElementTile * 4,
              MarginBackwardTile<T>{better.as<T>(), worse.as<T>(), g.as<T>(), tape.grad(to).as<T>(),
                                    static_cast<T>(c.margin), static_cast<T>(sign * c.scale),
                                    better.size()});
    };
    add(c.a, 1);
    add(c.b, -1);
  });
}

void CrossEntropyBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.a), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(
        tape, x.rows(), x.cols() * 16,
        CrossEntropyBackwardRow<T>{x.as<T>(), c.aux.as<uint32_t>(), c.top.as<T>(), c.sum.as<T>(),
                                   g.as<T>(), grad.as<T>(), static_cast<T>(c.scale), x.cols()});
  });
}

void SigmoidSumBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.a), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, ElementTiles(x.size()), kElementTile * 16,
            SigmoidSumBackwardTile<T>{x.as<T>(), c.aux.as<T>(), g.as<T>(), grad.as<T>(),
                                      static_cast<T>(c.scale), x.size()});
  });
}

void SquaredNormBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.a), grad = tape.grad(c.a);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, x.rows(), x.cols(),
            SquaredNormBackwardRow<T>{x.as<T>(), c.aux.as<T>(), g.as<T>(), grad.as<T>(),
                                      static_cast<T>(c.scale), x.cols()});
  });
}

}  // namespace

Var BceLogits(Tape& tape, Var logits, const Tensor& labels, double divisor) {
  constexpr std::string_view kOp = "BceLogits";
  if (!Ready(tape, kOp, {logits}) || !CheckVector(tape, kOp, tape.value(logits)) ||
      !CheckDivisor(tape, kOp, divisor)) {
    return Var{};
  }
  const Tensor x = tape.value(logits);
  if (!CheckFloats(tape, kOp, "labels", labels, x.size())) return Var{};
  const Tensor out = WithFloat(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, x.size(), 1 / divisor, BceTerm<T>{x.as<T>(), labels.as<T>()});
  });
  return RecordLoss(tape, out, BceBackward, Context{logits, Var{}, labels, 1 / divisor, {}, {}});
}

Var BceProbabilities(Tape& tape, Var x, const Tensor& labels, double divisor) {
  constexpr std::string_view kOp = "BceProbabilities";
  if (!Ready(tape, kOp, {x}) || !CheckVector(tape, kOp, tape.value(x)) ||
      !CheckDivisor(tape, kOp, divisor)) {
    return Var{};
  }
  const Tensor p = tape.value(x);
  if (!CheckFloats(tape, kOp, "labels", labels, p.size())) return Var{};
  const Tensor out = WithFloat(p.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, p.size(), 1 / divisor,
                        BceProbabilityTerm<T>{p.as<T>(), labels.as<T>()});
  });
  return RecordLoss(tape, out, BceProbabilitiesBackward,
                    Context{x, Var{}, labels, 1 / divisor, {}, {}});
}

Var PairLoss(Tape& tape, Var pos, Var neg, double divisor) {
  constexpr std::string_view kOp = "PairLoss";
  if (!Ready(tape, kOp, {pos, neg}) || !CheckVector(tape, kOp, tape.value(pos)) ||
      !CheckVector(tape, kOp, tape.value(neg)) || !CheckDivisor(tape, kOp, divisor)) {
    return Var{};
  }
  const Tensor p = tape.value(pos), n = tape.value(neg);
  if (p.size() != n.size()) {
    return BadInput(tape, kOp, "pos ", Describe(p), " and neg ", Describe(n), " differ in size");
  }
  const Tensor out = WithFloat(p.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, p.size(), 1 / divisor, PairTerm<T>{p.as<T>(), n.as<T>()});
  });
  return RecordLoss(tape, out, PairBackward, Context{pos, neg, {}, 1 / divisor, {}, {}});
}

Var MarginLoss(Tape& tape, Var better, Var worse, double margin, double divisor) {
  constexpr std::string_view kOp = "MarginLoss";
  if (!Ready(tape, kOp, {better, worse}) || !CheckVector(tape, kOp, tape.value(better)) ||
      !CheckVector(tape, kOp, tape.value(worse)) || !CheckDivisor(tape, kOp, divisor)) {
    return Var{};
  }
  const Tensor b = tape.value(better), w = tape.value(worse);
  if (b.size() != w.size()) {
    return BadInput(tape, kOp, "better ", Describe(b), " and worse ", Describe(w),
                    " differ in size");
  }
  const Tensor out = WithFloat(b.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, b.size(), 1 / divisor,
                        MarginTerm<T>{b.as<T>(), w.as<T>(), static_cast<T>(margin)});
  });
  Context c{better, worse, {}, 1 / divisor, {}, {}};
  c.margin = margin;
  return RecordLoss(tape, out, MarginBackward, c);
}

Var SoftmaxCrossEntropy(Tape& tape, Var logits, const Tensor& targets, double divisor) {
  constexpr std::string_view kOp = "SoftmaxCrossEntropy";
  if (!Ready(tape, kOp, {logits}) || !CheckDivisor(tape, kOp, divisor)) return Var{};
  const Tensor x = tape.value(logits);
  if (x.rank != 2 || targets.size() != x.rows()) {
    return BadInput(tape, kOp, "logits ", Describe(x), " and targets ", Describe(targets),
                    " do not fit; they are [n, m] and [n]");
  }
  if (!CheckRows(tape, kOp, "targets", targets, x.cols())) return Var{};
  Context c{
      logits, Var{}, targets, 1 / divisor, tape.NewTensor({x.rows()}), tape.NewTensor({x.rows()})};
  const Tensor loss = tape.NewTensor({x.rows()});
  const Tensor out = WithFloat(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, x.rows(), x.cols() * 16,
            CrossEntropyRow<T>{x.as<T>(), targets.as<uint32_t>(), c.top.as<T>(), c.sum.as<T>(),
                               loss.as<T>(), x.cols()});
    return ScalarSum<T>(tape, x.rows(), 1 / divisor, ElementTerm<T>{loss.as<T>()});
  });
  return RecordLoss(tape, out, CrossEntropyBackward, c);
}

Var WeightedSigmoidSum(Tape& tape, Var x, const Tensor& weights, double scale) {
  constexpr std::string_view kOp = "WeightedSigmoidSum";
  if (!Ready(tape, kOp, {x}) || !CheckVector(tape, kOp, tape.value(x))) return Var{};
  const Tensor xv = tape.value(x);
  if (!weights.empty() && !CheckFloats(tape, kOp, "weights", weights, xv.size())) return Var{};
  const Tensor out = WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    return ScalarSum<T>(tape, xv.size(), scale, SigmoidTerm<T>{xv.as<T>(), weights.as<T>()});
  });
  return RecordLoss(tape, out, SigmoidSumBackward, Context{x, Var{}, weights, scale, {}, {}});
}

Var WeightedSquaredNorm(Tape& tape, Var x, const Tensor& weights, double scale) {
  constexpr std::string_view kOp = "WeightedSquaredNorm";
  if (!Ready(tape, kOp, {x})) return Var{};
  const Tensor xv = tape.value(x);
  if (!weights.empty() && !CheckFloats(tape, kOp, "weights", weights, xv.rows())) return Var{};
  const Tensor squares = tape.NewTensor({xv.rows()});
  const Tensor out = WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, xv.rows(), xv.cols(), SquaredNormRow<T>{xv.as<T>(), squares.as<T>(), xv.cols()});
    return ScalarSum<T>(tape, xv.rows(), scale, WeightedTerm<T>{squares.as<T>(), weights.as<T>()});
  });
  return RecordLoss(tape, out, SquaredNormBackward, Context{x, Var{}, weights, scale, {}, {}});
}

}  // namespace undula::propagation
