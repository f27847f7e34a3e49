#include "tests/propagation/op_gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace undula::propagation {
namespace {

// Runs a case: the output, the loss (the output weighted by random numbers) and the gradients.
struct Result {
  std::vector<double> output;
  double loss = 0;
  std::vector<std::vector<double>> gradients;
};

Result Run(const GradientCase& c, const std::vector<Values>& inputs, DType type, bool backward) {
  OpRun run(type);
  Leaves leaves;
  for (const Values& v : inputs) leaves.push_back(run.Leaf(v));
  const Var y = c.build(run, leaves);
  Result result;
  result.output = run.Value(y);
  const auto n = static_cast<int64_t>(result.output.size());
  const Var loss = run.Weighted(y, RandomValues({n}, 99).data);
  result.loss = run.tape().Scalar(loss);
  if (backward) {
    run.tape().Backward(loss);
    for (const Var v : leaves) result.gradients.push_back(run.Grad(v));
  }
  EXPECT_TRUE(run.tape().status().ok()) << c.name << ": " << run.tape().status();
  return result;
}

double Largest(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// At most this many entries of an input are perturbed, drawn at random.
constexpr size_t kProbes = 24;

}  // namespace

void CheckGradients(const GradientCase& c) {
  SCOPED_TRACE(c.name);
  const Result result = Run(c, c.inputs, DType::kF64, true);
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const size_t n = c.inputs[i].data.size();
    ASSERT_EQ(result.gradients[i].size(), n);
    const double largest = Largest(result.gradients[i]);
    const Rng rng(3, RngStream::kTest, static_cast<uint32_t>(i));
    for (size_t probe = 0; probe < std::min(n, kProbes); ++probe) {
      const size_t at = n <= kProbes ? probe : rng.Below(probe, static_cast<uint32_t>(n));
      constexpr double kStep = 1e-5;
      std::vector<Values> moved = c.inputs;
      moved[i].data[at] += kStep;
      const double up = Run(c, moved, DType::kF64, false).loss;
      moved[i].data[at] -= 2 * kStep;
      const double down = Run(c, moved, DType::kF64, false).loss;
      const double numeric = (up - down) / (2 * kStep);
      EXPECT_NEAR(result.gradients[i][at], numeric,
                  1e-6 * std::max(std::abs(numeric), largest) + 1e-9)
          << "input " << i << ", entry " << at;
    }
  }
}

void CheckFloat32(const GradientCase& c) {
  SCOPED_TRACE(c.name);
  const Result exact = Run(c, c.inputs, DType::kF64, true);
  const Result rounded = Run(c, c.inputs, DType::kF32, true);
  ASSERT_EQ(rounded.output.size(), exact.output.size());
  for (size_t k = 0; k < exact.output.size(); ++k) {
    ASSERT_NEAR(rounded.output[k], exact.output[k], 1e-5 * std::max(1.0, Largest(exact.output)));
  }
  double largest = 1e-3;
  for (const auto& gradient : exact.gradients) largest = std::max(largest, Largest(gradient));
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    for (size_t k = 0; k < exact.gradients[i].size(); ++k) {
      ASSERT_NEAR(rounded.gradients[i][k], exact.gradients[i][k], 1e-5 * largest)
          << "input " << i << ", entry " << k;
    }
  }
}

std::string GradientParamName(const testing::TestParamInfo<OpGradient::ParamType>& info) {
  return std::string(std::get<0>(info.param).name) + "_d" + std::to_string(std::get<1>(info.param));
}

std::vector<uint32_t> RandomRowIds(int64_t n, uint32_t limit, uint32_t seed) {
  std::vector<uint32_t> ids;
  const Rng rng(11, RngStream::kTest, seed);
  for (int64_t i = 0; i < n; ++i) ids.push_back(rng.Below(i, limit));
  return ids;
}

// Programs that use the helpers alone have no cases.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpGradient);

TEST_P(OpGradient, MatchesCentralDifferences) {
  for (const GradientCase& c : Cases()) CheckGradients(c);
}

TEST_P(OpGradient, Float32AgreesWithFloat64) {
  for (const GradientCase& c : Cases()) CheckFloat32(c);
}

}  // namespace undula::propagation
