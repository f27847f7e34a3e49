// Checks of an operator's gradients: central differences in float64 (h = 1e-5, relative 1e-6), and
// float32 against float64 (1e-5).
#ifndef UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_
#define UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/propagation/op_run.h"

namespace undula::propagation {

using Leaves = std::vector<Var>;

struct GradientCase {
  std::string name;
  std::vector<Values> inputs;
  std::function<Var(OpRun&, const Leaves&)> build;  // any shape
};

void CheckGradients(const GradientCase& c);
void CheckFloat32(const GradientCase& c);

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_
