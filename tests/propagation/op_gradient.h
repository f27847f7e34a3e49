// Checks of an operator's gradients: central differences in float64 (h = 1e-5, relative 1e-6), and
// float32 against float64 (1e-5).
#ifndef UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_
#define UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/propagation/op_run.h"

namespace undula::propagation {

using Leaves = std::vector<Var>;

struct GradientCase {
  std::string name;
  std::vector<Values> inputs;
  std::function<Var(OpRun&, const Leaves&)> build;  // any shape
};

// The cases of an operator for vectors of d numbers.
struct GradientFamily {
  const char* name;
  std::vector<GradientCase> (*cases)(int64_t d);
};

// Both checks, of every case of a family at a width; op_gradient_*test.cc instantiate it.
class OpGradient : public testing::TestWithParam<std::tuple<GradientFamily, int64_t>> {
 protected:
  std::vector<GradientCase> Cases() const {
    return std::get<0>(GetParam()).cases(std::get<1>(GetParam()));
  }
};

// Every family at every width.
inline auto GradientParams(const std::vector<GradientFamily>& families) {
  return testing::Combine(testing::ValuesIn(families),
                          testing::Values<int64_t>(1, 3, 4, 16, 17, 64));
}
// "GatherRows_d16"
std::string GradientParamName(const testing::TestParamInfo<OpGradient::ParamType>& info);

// `n` numbers below `limit`.
std::vector<uint32_t> RandomRowIds(int64_t n, uint32_t limit, uint32_t seed);
// Segments of 0, 1, 2, 5 and 3 entries.
inline const std::vector<int64_t> kSegments = {0, 0, 1, 3, 8, 11};

void CheckGradients(const GradientCase& c);
void CheckFloat32(const GradientCase& c);

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_PROPAGATION_OP_GRADIENT_H_
