// Every operator's gradient against central differences in float64 (h = 1e-5, relative 1e-6), and
// its float32 results against float64 ones (1e-5), on several widths, with empty segments and zero
// sizes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/triple_score.h"
#include "tests/propagation/op_gradient.h"

namespace undula::propagation {
namespace {

std::vector<GradientCase> GatherCases(int64_t d) {
  const auto gather = [](std::vector<uint32_t> rows) {
    return
        [rows](OpRun& run, const Leaves& x) { return GatherRows(run.tape(), x[0], run.Ids(rows)); };
  };
  return {{"repeats", {RandomValues({7, d}, 1)}, gather({3, 0, 3, 6, 3, 1})},
          {"ascending", {RandomValues({7, d}, 1)}, gather({0, 2, 2, 6})},
          {"no rows", {RandomValues({7, d}, 1)}, gather({})},
          {"empty table", {RandomValues({0, d}, 1)}, gather({})},
          {"vector", {RandomValues({7}, 1)}, gather({5, 5, 2})}};
}

std::vector<GradientCase> SegmentReduceCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const Reduce reduce : {Reduce::kSum, Reduce::kMean, Reduce::kMax}) {
    const std::string name = "reduce " + std::to_string(static_cast<int>(reduce));
    cases.push_back({name, {RandomValues({6, d}, 1)}, [=](OpRun& run, const Leaves& x) {
                       return SegmentReduce(run.tape(), x[0], run.Offsets(kSegments),
                                            run.Ids({3, 1, 0, 5, 3, 1, 1, 4, 0, 3, 2}), reduce);
                     }});
    cases.push_back(
        {name + " identity", {RandomValues({11, d}, 1)}, [=](OpRun& run, const Leaves& x) {
           return SegmentReduce(run.tape(), x[0], run.Offsets(kSegments), Tensor{}, reduce);
         }});
    cases.push_back(
        {name + " empty", {RandomValues({0, d}, 1)}, [=](OpRun& run, const Leaves& x) {
           return SegmentReduce(run.tape(), x[0], run.Offsets({0, 0, 0}), run.Ids({}), reduce);
         }});
    cases.push_back({name + " none", {RandomValues({0, d}, 1)}, [=](OpRun& run, const Leaves& x) {
                       return SegmentReduce(run.tape(), x[0], run.Offsets({0}), run.Ids({}),
                                            reduce);
                     }});
  }
  return cases;
}

std::vector<GradientCase> MatMulCases(int64_t d) {
  std::vector<GradientCase> cases;
  const auto add = [&](int64_t n, int64_t k, int64_t m) {
    for (const bool transpose : {false, true}) {
      cases.push_back(
          {std::to_string(n) + "x" + std::to_string(k) + "x" + std::to_string(m) +
               (transpose ? " transposed" : ""),
           {RandomValues({n, k}, 1), transpose ? RandomValues({m, k}, 2) : RandomValues({k, m}, 2)},
           [=](OpRun& run, const Leaves& x) { return MatMul(run.tape(), x[0], x[1], transpose); }});
    }
  };
  add(5, d, 3);
  add(70, 3, d);
  add(3, 70, d);
  add(3, d, 70);
  add(0, d, 3);
  add(3, 0, d);
  add(3, d, 0);
  add(3, 0, 70);
  return cases;
}

std::vector<GradientCase> ElementwiseCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const int64_t n : {int64_t{3}, int64_t{0}}) {
    const Values a = RandomValues({n, d}, 1), b = RandomValues({n, d}, 2);
    const std::string size = " " + std::to_string(n);
    cases.push_back({"Add" + size, {a, b}, [](OpRun& run, const Leaves& x) {
                       return Add(run.tape(), x[0], x[1]);
                     }});
    cases.push_back({"Sub" + size, {a, b}, [](OpRun& run, const Leaves& x) {
                       return Sub(run.tape(), x[0], x[1]);
                     }});
    cases.push_back({"Mul" + size, {a, b}, [](OpRun& run, const Leaves& x) {
                       return Mul(run.tape(), x[0], x[1]);
                     }});
    cases.push_back({"Mul self" + size, {a}, [](OpRun& run, const Leaves& x) {
                       return Mul(run.tape(), x[0], x[0]);
                     }});
    cases.push_back({"Scale" + size, {a}, [](OpRun& run, const Leaves& x) {
                       return Scale(run.tape(), x[0], -1.7);
                     }});
    cases.push_back({"Sigmoid" + size, {a}, [](OpRun& run, const Leaves& x) {
                       return Sigmoid(run.tape(), x[0]);
                     }});
    cases.push_back(
        {"Tanh" + size, {a}, [](OpRun& run, const Leaves& x) { return Tanh(run.tape(), x[0]); }});
    cases.push_back(
        {"Relu" + size, {a}, [](OpRun& run, const Leaves& x) { return Relu(run.tape(), x[0]); }});
    cases.push_back({"RowDot" + size, {a, b}, [](OpRun& run, const Leaves& x) {
                       return RowDot(run.tape(), x[0], x[1]);
                     }});
    cases.push_back(
        {"Sum" + size, {a}, [](OpRun& run, const Leaves& x) { return Sum(run.tape(), x[0]); }});
    cases.push_back({"AddScaled" + size, {a, b}, [](OpRun& run, const Leaves& x) {
                       Tape& tape = run.tape();
                       return AddScaled(tape, Sum(tape, x[0]), 2, Sum(tape, x[1]), -0.5);
                     }});
  }
  return cases;
}

std::vector<GradientCase> LossCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const int64_t n : {d, int64_t{0}}) {
    const Values x = RandomValues({n}, 1), y = RandomValues({n}, 2);
    std::vector<double> labels;
    for (int64_t i = 0; i < n; ++i) labels.push_back(i % 3 == 0 ? 1 : i % 3 == 1 ? 0 : 0.25);
    const std::string size = " " + std::to_string(n);
    cases.push_back({"BceLogits" + size, {x}, [=](OpRun& run, const Leaves& v) {
                       return BceLogits(run.tape(), v[0], run.Floats(labels), 5);
                     }});
    Values p = x;  // probabilities, two of them clipped
    for (double& v : p.data) v = 0.5 + 0.45 * v;
    if (n > 2) p.data[0] = -0.25, p.data[n - 1] = 1.25;
    cases.push_back({"BceProbabilities" + size, {p}, [=](OpRun& run, const Leaves& v) {
                       return BceProbabilities(run.tape(), v[0], run.Floats(labels), 5);
                     }});
    cases.push_back({"PairLoss" + size, {x, y}, [](OpRun& run, const Leaves& v) {
                       return PairLoss(run.tape(), v[0], v[1], 3);
                     }});
    cases.push_back({"MarginLoss" + size, {x, y}, [](OpRun& run, const Leaves& v) {
                       return MarginLoss(run.tape(), v[0], v[1], 0.25, 3);
                     }});
    cases.push_back({"WeightedSigmoidSum" + size, {x}, [=](OpRun& run, const Leaves& v) {
                       return WeightedSigmoidSum(run.tape(), v[0], run.Floats(labels), -0.3);
                     }});
    cases.push_back({"WeightedSigmoidSum all 1" + size, {x}, [](OpRun& run, const Leaves& v) {
                       return WeightedSigmoidSum(run.tape(), v[0], Tensor{}, 2);
                     }});
    cases.push_back(
        {"WeightedSquaredNorm" + size, {RandomValues({n, 3}, 1)}, [=](OpRun& run, const Leaves& v) {
           return WeightedSquaredNorm(run.tape(), v[0], run.Floats(labels), 0.2);
         }});
    cases.push_back({"WeightedSquaredNorm matrices" + size,
                     {RandomValues({2, n, 3}, 1)},
                     [](OpRun& run, const Leaves& v) {
                       return WeightedSquaredNorm(run.tape(), v[0], Tensor{}, 0.2);
                     }});
    cases.push_back(
        {"SoftmaxCrossEntropy" + size, {RandomValues({n, 5}, 1)}, [=](OpRun& run, const Leaves& v) {
           return SoftmaxCrossEntropy(run.tape(), v[0], run.Ids(RandomRowIds(n, 5, 1)), 2);
         }});
  }
  return cases;
}

std::vector<GradientCase> RowNormalizeCases(int64_t d) {
  const auto build = [](OpRun& run, const Leaves& x) { return RowNormalize(run.tape(), x[0]); };
  return {{"rows", {RandomValues({4, d}, 1)}, build}, {"none", {RandomValues({0, d}, 1)}, build}};
}

std::vector<GradientCase> TripleCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const TripleForm form :
       {TripleForm::kL1, TripleForm::kL2, TripleForm::kSquaredL2, TripleForm::kProduct}) {
    for (const int64_t n : {7, 0}) {
      const std::string name =
          "form " + std::to_string(static_cast<int>(form)) + ", " + std::to_string(n) + " triples";
      cases.push_back({name,
                       {RandomValues({5, d}, 1), RandomValues({3, d}, 2)},
                       [=](OpRun& run, const Leaves& v) {
                         return TripleScore(run.tape(), v[0], v[1], run.Ids(RandomRowIds(n, 5, 1)),
                                            run.Ids(RandomRowIds(n, 3, 2)),
                                            run.Ids(RandomRowIds(n, 5, 3)), form);
                       }});
    }
  }
  for (const int64_t n : {4, 0}) {
    cases.push_back(
        {"hyperplane",
         {RandomValues({n, d}, 1), RandomValues({n, d}, 2)},
         [](OpRun& run, const Leaves& v) { return ProjectToHyperplane(run.tape(), v[0], v[1]); }});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Rows, OpGradient,
                         GradientParams({{"GatherRows", GatherCases},
                                         {"SegmentReduce", SegmentReduceCases},
                                         {"MatMul", MatMulCases},
                                         {"Elementwise", ElementwiseCases},
                                         {"Losses", LossCases},
                                         {"RowNormalize", RowNormalizeCases},
                                         {"TripleScore", TripleCases}}),
                         GradientParamName);

}  // namespace
}  // namespace undula::propagation
