// Elementwise activations and, from the output y, their derivatives; used by elementwise operators
// and by those that end in one.
#ifndef UNDULA_PROPAGATION_OPS_ACTIVATION_H_
#define UNDULA_PROPAGATION_OPS_ACTIVATION_H_

#include <cstdint>
#include <type_traits>

#include "base/hd.h"
#include "propagation/math_row.h"

namespace undula::propagation {

enum class Activation : uint8_t { kSigmoid, kTanh, kRelu, kNone };

template <class T>
[[gnu::always_inline]] UNDULA_HD T ActivationOf(Activation activation, T x) {
  switch (activation) {
    case Activation::kSigmoid:
      return SigmoidOf(x);
    case Activation::kTanh:
      return TanhOf(x);
    case Activation::kRelu:
      return x > T(0) ? x : T(0);
    default:
      return x;
  }
}

// The derivative where the output is y; 0 for ReLU at 0.
template <class T>
[[gnu::always_inline]] UNDULA_HD T SlopeOf(Activation activation, T y) {
  switch (activation) {
    case Activation::kSigmoid:
      return y * (T(1) - y);
    case Activation::kTanh:
      return (T(1) - y) * (T(1) + y);
    case Activation::kRelu:
      return y > T(0) ? T(1) : T(0);
    default:
      return T(1);
  }
}

// f(activation as a constant): with the choice made outside them, the loops of f vectorize.
template <class F>
UNDULA_HD void WithActivation(Activation activation, const F& f) {
  switch (activation) {
    case Activation::kSigmoid:
      return f(std::integral_constant<Activation, Activation::kSigmoid>());
    case Activation::kTanh:
      return f(std::integral_constant<Activation, Activation::kTanh>());
    case Activation::kRelu:
      return f(std::integral_constant<Activation, Activation::kRelu>());
    default:
      return f(std::integral_constant<Activation, Activation::kNone>());
  }
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ACTIVATION_H_
