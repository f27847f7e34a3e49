// The operators of graph convolutions (Spmm, Linear, SharedNegativeLoss, Lstm): gradients against
// central differences, float32 against float64, values by hand, bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "propagation/ops/elementwise.h"
#include "propagation/ops/linear.h"
#include "propagation/ops/lstm.h"
#include "propagation/ops/shared_negatives.h"
#include "propagation/ops/spmm.h"
#include "tests/propagation/op_gradient.h"

namespace undula::propagation {
namespace {

using testing::DoubleNear;
using testing::Pointwise;

// Rows of 0, 2, 1, 3 and 0 entries over x of n rows, with repeats, and the transpose.
SparseRows SomeRows(OpRun& run, uint32_t n) {
  const std::vector<int64_t> ptr = {0, 0, 2, 3, 6, 6};
  std::vector<uint32_t> src;
  for (uint32_t e = 0; e < 6; ++e) src.push_back(e * e % n);
  std::vector<int64_t> in_ptr = {0};
  std::vector<uint32_t> in_row, in_entry;
  for (uint32_t j = 0; j < n; ++j) {
    for (size_t i = 0; i + 1 < ptr.size(); ++i) {
      for (int64_t e = ptr[i]; e < ptr[i + 1]; ++e) {
        if (src[e] != j) continue;
        in_row.push_back(static_cast<uint32_t>(i));
        in_entry.push_back(static_cast<uint32_t>(e));
      }
    }
    in_ptr.push_back(static_cast<int64_t>(in_row.size()));
  }
  return {run.Offsets(ptr), run.Ids(src), run.Offsets(in_ptr), run.Ids(in_row), run.Ids(in_entry)};
}

class ConvOps : public testing::TestWithParam<int64_t> {};  // columns

void CheckAll(const std::vector<GradientCase>& cases) {
  for (const GradientCase& c : cases) {
    SCOPED_TRACE(c.name);
    CheckGradients(c);
    CheckFloat32(c);
  }
}

TEST_P(ConvOps, Spmm) {
  const int64_t d = GetParam();
  CheckAll(
      {{"rows",
        {RandomValues({4, d}, 1), RandomValues({6}, 2)},
        [](OpRun& run, const Leaves& x) { return Spmm(run.tape(), x[0], x[1], SomeRows(run, 4)); }},
       {"nothing",
        {RandomValues({0, d}, 1), RandomValues({0}, 2)},
        [](OpRun& run, const Leaves& x) {
          return Spmm(
              run.tape(), x[0], x[1],
              {run.Offsets({0, 0}), run.Ids({}), run.Offsets({0}), run.Ids({}), run.Ids({})});
        }}});
}

TEST_P(ConvOps, Linear) {
  const int64_t d = GetParam();
  std::vector<GradientCase> cases;
  for (const Activation act :
       {Activation::kNone, Activation::kRelu, Activation::kTanh, Activation::kSigmoid}) {
    const std::string name = std::to_string(static_cast<int>(act));
    cases.push_back({"two inputs " + name,
                     {RandomValues({5, d}, 1), RandomValues({3, d}, 2), RandomValues({5, 2}, 3),
                      RandomValues({3, 2}, 4), RandomValues({1, 3}, 5)},
                     [act](OpRun& run, const Leaves& x) {
                       return Linear(run.tape(), x[0], x[1], x[2], x[3], x[4], act);
                     }});
    cases.push_back({"one input " + name,
                     {RandomValues({70, d}, 1), RandomValues({3, d}, 2)},
                     [act](OpRun& run, const Leaves& x) {
                       return Linear(run.tape(), x[0], x[1], Var{}, act);
                     }});
  }
  cases.push_back({"no rows",
                   {RandomValues({0, d}, 1), RandomValues({3, d}, 2), RandomValues({3}, 5)},
                   [](OpRun& run, const Leaves& x) {
                     return Linear(run.tape(), x[0], x[1], x[2], Activation::kRelu);
                   }});
  CheckAll(cases);
}

TEST_P(ConvOps, SharedNegatives) {
  const int64_t d = GetParam();
  std::vector<GradientCase> cases;
  for (const PairForm form : {PairForm::kMargin, PairForm::kBpr, PairForm::kLogistic}) {
    for (const bool exclude : {false, true}) {
      cases.push_back(
          {"form " + std::to_string(static_cast<int>(form)) + (exclude ? " excluding" : ""),
           {RandomValues({5, d}, 1), RandomValues({5}, 2), RandomValues({7, d}, 3)},
           [=](OpRun& run, const Leaves& x) {
             ExcludedNegatives excluded;
             if (exclude) {
               excluded = {run.Offsets({0, 2, 2, 3, 3, 4}), run.Ids({1, 5, 6, 0})};
             }
             return SharedNegativeLoss(run.tape(), x[0], form == PairForm::kLogistic ? Var{} : x[1],
                                       x[2], excluded, form, 0.3, 35);
           }});
    }
  }
  for (GradientCase& c : cases) {
    // The logistic form has no gradient of the positives' scores: they are given to no one.
    if (c.name.starts_with("form 2")) c.inputs[1] = Values{{0}, {}};
  }
  CheckAll(cases);
}

TEST_P(ConvOps, LstmStates) {
  const int64_t d = GetParam();
  if (d > 17) return;  // many products; the widths below cover the tiles
  static LstmScratch scratch;
  static const std::vector<int64_t> ptr = {0, 2, 2, 5, 6};
  static const std::vector<uint32_t> src = {1, 0, 3, 3, 2, 1};
  CheckAll(
      {{"sequences",
        {RandomValues({4, d}, 1), RandomValues({8, d}, 2), RandomValues({8, 2}, 3),
         RandomValues({8}, 4), RandomValues({8}, 5)},
        [](OpRun& run, const Leaves& x) {
          return LstmLastStates(run.tape(), x[0], ptr, src, {x[1], x[2], x[3], x[4]}, &scratch);
        }}});
}

INSTANTIATE_TEST_SUITE_P(Columns, ConvOps, testing::Values(1, 3, 4, 16, 17, 64));

TEST(ConvOps, ConvolutionOfTheSpecification) {
  // Specification of PinSAGE, section 12: y, n, r and the normalised output by hand.
  OpRun run(DType::kF64);
  Tape& tape = run.tape();
  const Var h = run.Leaf({{3, 2}, {1, 0, 2, 0, 0, 3}});
  const Var y = Linear(tape, h, run.Leaf({{2, 2}, {1, 0, 0, -1}}), run.Leaf({{2}, {0, 1}}),
                       Activation::kRelu);
  EXPECT_THAT(run.Value(y), Pointwise(DoubleNear(1e-12), {1., 1., 2., 1., 0., 0.}));
  const Var n = Spmm(tape, tape.Constant(tape.value(y)), run.Leaf({{2}, {.75, .25}}),
                     {run.Offsets({0, 2}), run.Ids({1, 2}), {}, {}, {}});
  EXPECT_THAT(run.Value(n), Pointwise(DoubleNear(1e-12), {1.5, .75}));
  const Var own = run.Leaf({{1, 2}, {1, 0}});
  const Values eye = {{2, 2}, {1, 0, 0, 1}};
  const Var r = Linear(tape, own, run.Leaf(eye), n, run.Leaf(eye), Var{}, Activation::kRelu);
  EXPECT_THAT(run.Value(r), Pointwise(DoubleNear(1e-12), {2.5, .75}));
}

TEST(ConvOps, HingeOfTheSpecification) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var q = run.Leaf({{1, 2}, {.6, .8}}), i = run.Leaf({{1, 2}, {1, 0}});
  const Var negatives = run.Leaf({{3, 2}, {0, 1, .8, .6, -1, 0}});
  const Var loss =
      SharedNegativeLoss(tape, q, RowDot(tape, q, i), negatives, {}, PairForm::kMargin, 0.1, 3);
  EXPECT_NEAR(tape.Scalar(loss), .253333, 1e-6);
}

// Wide enough for several tiles of rows and columns: the tiled form against the row bodies.
TEST(ConvOps, TiledSharedNegativesAgreeWithTheRowBodies) {
  for (const PairForm form : {PairForm::kMargin, PairForm::kBpr, PairForm::kLogistic}) {
    std::vector<double> bits[2];
    for (const DType type : {DType::kF64, DType::kF32}) {
      TaskArena workers(3);
      OpRun run(type, type == DType::kF32 ? &workers : nullptr);
      Tape& tape = run.tape();
      const Var q = run.Leaf(RandomValues({700, 19}, 1)), p = run.Leaf(RandomValues({700}, 2));
      const Var n = run.Leaf(RandomValues({1100, 19}, 3));
      std::vector<int64_t> ptr = {0};
      std::vector<uint32_t> columns;
      for (uint32_t b = 0; b < 700; ++b) {
        columns.push_back(b);
        if (b % 3 == 0) columns.push_back(1099);
        ptr.push_back(static_cast<int64_t>(columns.size()));
      }
      const Var loss =
          SharedNegativeLoss(tape, q, p, n, {run.Offsets(ptr), run.Ids(columns)}, form, 0.4, 1000);
      tape.Backward(loss);
      ASSERT_TRUE(tape.status().ok()) << tape.status();
      std::vector<double>& out = bits[type == DType::kF64 ? 0 : 1];
      out = run.Grad(q);
      for (const Var v : {n, p}) {
        const std::vector<double> more = run.Grad(v);
        out.insert(out.end(), more.begin(), more.end());
      }
      out.push_back(tape.Scalar(loss));
    }
    double largest = 0, worst = 0;
    for (size_t i = 0; i + 1 < bits[0].size(); ++i) {
      largest = std::max(largest, std::abs(bits[0][i]));
      worst = std::max(worst, std::abs(bits[0][i] - bits[1][i]));
    }
    // A margin at the kink may fall to the other side in float32: one pair of 770,000.
    EXPECT_LE(worst, (form == PairForm::kMargin ? 2e-3 : 1e-5) * largest);
    EXPECT_NEAR(bits[1].back(), bits[0].back(), 1e-5 * std::abs(bits[0].back()));
  }
}

TEST(ConvOps, SameBitsOnThreads) {
  std::vector<double> first;
  for (const int threads : {0, 2, 5}) {
    TaskArena workers(std::max(1, threads));
    OpRun run(DType::kF32, threads == 0 ? nullptr : &workers);
    Tape& tape = run.tape();
    const Var x = run.Leaf(RandomValues({9000, 33}, 1)), w = run.Leaf(RandomValues({21, 33}, 2));
    const Var b = run.Leaf(RandomValues({21}, 3)), n = run.Leaf(RandomValues({130, 21}, 4));
    const Var y = Linear(tape, x, w, b, Activation::kRelu);
    const Var loss =
        SharedNegativeLoss(tape, y, RowDot(tape, y, y), n, {}, PairForm::kBpr, 0, 9000);
    tape.Backward(loss);
    std::vector<double> bits = {tape.Scalar(loss)};
    for (const Var v : {x, w, b, n}) {
      const std::vector<double> more = run.Grad(v);
      bits.insert(bits.end(), more.begin(), more.end());
    }
    if (first.empty()) first = bits;
    EXPECT_EQ(bits, first);
  }
}

TEST(ConvOps, BadInputIsNamed) {
  const auto failure = [](const std::function<Var(OpRun&)>& build) {
    OpRun run(DType::kF32);
    EXPECT_FALSE(build(run).valid());
    EXPECT_EQ(run.tape().status().code(), absl::StatusCode::kInvalidArgument);
    return run.tape().status().ToString();
  };
  EXPECT_NE(failure([](OpRun& run) {
              return Spmm(run.tape(), run.Leaf(RandomValues({3, 2}, 1)),
                          run.Leaf(RandomValues({6}, 1)), SomeRows(run, 4));
            }).find("Spmm"),
            std::string::npos);
  EXPECT_NE(failure([](OpRun& run) {
              return Linear(run.tape(), run.Leaf(RandomValues({3, 2}, 1)),
                            run.Leaf(RandomValues({3, 4}, 1)), Var{}, Activation::kNone);
            }).find("Linear"),
            std::string::npos);
  EXPECT_NE(failure([](OpRun& run) {
              return SharedNegativeLoss(
                  run.tape(), run.Leaf(RandomValues({3, 2}, 1)), run.Leaf(RandomValues({2}, 1)),
                  run.Leaf(RandomValues({4, 2}, 1)), {}, PairForm::kBpr, 0, 1);
            }).find("SharedNegativeLoss"),
            std::string::npos);
  EXPECT_NE(failure([](OpRun& run) {
              return LstmCell(run.tape(), run.Leaf(RandomValues({3, 2}, 1)), {},
                              {run.Leaf(RandomValues({8, 3}, 1)), run.Leaf(RandomValues({8, 2}, 1)),
                               Var{}, Var{}})
                  .h;
            }).find("Lstm"),
            std::string::npos);
}

}  // namespace
}  // namespace undula::propagation
