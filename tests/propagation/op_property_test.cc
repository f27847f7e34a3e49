// Properties that the operators promise: hand-computed values, empty and extreme inputs,
// permutation invariance, the same bits for any number of threads, row bodies equal to the tuned
// paths. Errors: op_errors_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "propagation/lane_group.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/group_attention_row.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/matmul_row.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/relation_gemv_row.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/segment_attention.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/segment_softmax.h"
#include "propagation/row_order.h"
#include "tests/propagation/op_run.h"

namespace undula::propagation {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

std::vector<uint32_t> RandomIds(int64_t n, uint32_t limit, uint32_t seed) {
  std::vector<uint32_t> ids;
  const Rng rng(13, RngStream::kTest, seed);
  for (int64_t i = 0; i < n; ++i) ids.push_back(rng.Below(i, limit));
  return ids;
}

std::vector<float> Floats(const Values& values) { return {values.data.begin(), values.data.end()}; }

// OPERATORS.md, H.4: scores (0, ln 2, ln 4), values (1, 2, 3).
TEST(OpProperty, SoftmaxAttentionByHand) {
  for (const DType type : {DType::kF32, DType::kF64}) {
    const double tolerance = type == DType::kF64 ? 1e-12 : 1e-6;
    OpRun run(type);
    Tape& tape = run.tape();
    const Var q = run.Leaf({{1, 1}, {1}});
    const Var k = run.Leaf({{3, 1}, {0, std::log(2.0), std::log(4.0)}});
    const Var v = run.Leaf({{3, 1}, {1, 2, 3}});
    Tensor weights;
    const Var y =
        SegmentAttention(tape, q, k, v, run.Offsets({0, 3}), run.Ids({0, 1, 2}), 1, &weights);
    EXPECT_NEAR(run.Value(y)[0], 17.0 / 7, tolerance);
    EXPECT_THAT(OpRun::Read(weights),
                Pointwise(DoubleNear(tolerance), {1.0 / 7, 2.0 / 7, 4.0 / 7}));
    tape.Backward(Sum(tape, y));
    // The gradient of the scores, which is that of the keys since q = 1.
    EXPECT_THAT(run.Grad(k), Pointwise(DoubleNear(tolerance), {-10.0 / 49, -6.0 / 49, 16.0 / 49}));
    EXPECT_THAT(run.Grad(v), Pointwise(DoubleNear(tolerance), {1.0 / 7, 2.0 / 7, 4.0 / 7}));
  }
}

TEST(OpProperty, LossesByHand) {
  OpRun run(DType::kF64);
  Tape& tape = run.tape();
  const Var zero = run.Leaf({{1}, {0}});
  const Var other = run.Leaf({{1}, {0}});
  const Var loss = PairLoss(tape, zero, other, 1);
  EXPECT_NEAR(tape.Scalar(loss), std::log(2.0), 1e-15);
  tape.Backward(loss);
  EXPECT_NEAR(run.Grad(zero)[0], -0.5, 1e-15);
  EXPECT_NEAR(run.Grad(other)[0], 0.5, 1e-15);
}

TEST(OpProperty, LossesAreStableAtLargeLogits) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var x = run.Leaf({{4}, {300, -300, 300, -300}});
  const Var bce = BceLogits(tape, x, run.Floats({1, 0, 0, 1}), 1);
  EXPECT_DOUBLE_EQ(tape.Scalar(bce), 600);
  const Var zeros = run.Leaf({{4}, {0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(tape.Scalar(PairLoss(tape, x, zeros, 1)), 600);
  tape.Backward(bce);
  EXPECT_THAT(run.Grad(x), ElementsAre(0, 0, 1, -1));
  const Var rows = run.Leaf({{1, 3}, {1000, 0, -1000}});
  EXPECT_DOUBLE_EQ(tape.Scalar(SoftmaxCrossEntropy(tape, rows, run.Ids({2}), 1)), 2000);
}

TEST(OpProperty, SoftmaxIsShifted) {
  OpRun run(DType::kF32);
  const Var x = run.Leaf({{4}, {-500, -500, 900, 900}});
  const Var y = SegmentSoftmax(run.tape(), x, run.Offsets({0, 2, 4}));
  EXPECT_THAT(run.Value(y), ElementsAre(0.5, 0.5, 0.5, 0.5));
}

// Two neighbors far below the user's favourite relation, which this entity does not have, keep
// their proportion, as in float64.
TEST(OpProperty, RelationMixHoldsScoresThatLieFarApart) {
  constexpr int64_t kRows = 8;
  std::vector<double> gradients[2];
  for (const DType type : {DType::kF64, DType::kF32}) {
    OpRun run(type);
    Values q = {{kRows, 16}, std::vector<double>(kRows * 16, 0)};
    for (int64_t r = 0; r < kRows; ++r) q.data[r * 16] = 1;
    Values relations = {{3, 16}, std::vector<double>(48, 0)};
    relations.data[0] = 200;  // the favourite
    relations.data[16] = 1;
    const Var query = run.Leaf(q), relation = run.Leaf(relations);
    const Var values = run.Leaf(RandomValues({3, 16}, 5));
    RelationSlots slots;
    slots.row_ptr = run.Offsets({0, 4, kRows});
    slots.slot_ptr = run.Offsets({0, 2, 3});
    slots.relation = run.Ids({1, 2, 0});
    Var weights;
    const Var out = RelationMix(run.tape(), query, relation, values, Var{}, slots, 1, 1,
                                Activation::kNone, &weights);
    const double first = std::exp(1.0) / (std::exp(1.0) + 1);
    EXPECT_NEAR(run.Value(weights)[0], first, 1e-6);
    EXPECT_NEAR(run.Value(weights)[1], 1 - first, 1e-6);
    run.tape().Backward(Sum(run.tape(), out));
    gradients[type == DType::kF32] = run.Grad(relation);
  }
  EXPECT_THAT(gradients[1], Pointwise(DoubleNear(1e-5), gradients[0]));
}

TEST(OpProperty, EmptySegmentsGiveZeroRowsAndNoGradient) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var x = run.Leaf(RandomValues({3, 5}, 1));
  const Tensor ptr = run.Offsets({0, 0, 3, 3}), src = run.Ids({0, 1, 0});
  const std::vector<double> zero(5, 0.0);
  for (const Reduce reduce : {Reduce::kSum, Reduce::kMean, Reduce::kMax}) {
    const std::vector<double> y = run.Value(SegmentReduce(tape, x, ptr, src, reduce));
    EXPECT_EQ(std::vector<double>(y.begin(), y.begin() + 5), zero);
    EXPECT_EQ(std::vector<double>(y.begin() + 10, y.end()), zero);
  }
  const Var y = SegmentAttention(tape, x, x, x, ptr, src, 1, nullptr);
  tape.Backward(Sum(tape, y));
  const std::vector<double> value = run.Value(y);
  EXPECT_EQ(std::vector<double>(value.begin(), value.begin() + 5), zero);
  const std::vector<double> gradient = run.Grad(x);
  EXPECT_EQ(std::vector<double>(gradient.begin() + 10, gradient.end()), zero);  // row 2 is unused
}

TEST(OpProperty, ZeroRowNormalizesToZero) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var x = run.Leaf({{4, 2}, {0, 0, 3, 4, 3e30, 4e30, 3e-30, 4e-30}});
  const Var y = RowNormalize(tape, x);
  EXPECT_THAT(run.Value(y), Pointwise(DoubleNear(1e-6), {0.0, 0.0, 0.6, 0.8, 0.6, 0.8, 0.6, 0.8}));
  tape.Backward(Sum(tape, y));
  EXPECT_EQ(run.Grad(x)[0], 0);
  EXPECT_EQ(run.Grad(x)[1], 0);
}

// Neighbors of a segment in another order: equal up to the order of sums.
TEST(OpProperty, PermutedNeighborsGiveTheSame) {
  const std::vector<uint32_t> ids = RandomIds(40, 9, 4);
  std::vector<uint32_t> reversed(ids.rbegin(), ids.rend());
  std::vector<std::vector<double>> results[2];
  for (int form = 0; form < 2; ++form) {
    OpRun run(DType::kF64);
    Tape& tape = run.tape();
    const Var q = run.Leaf(RandomValues({1, 6}, 1)), x = run.Leaf(RandomValues({9, 6}, 2));
    const Tensor ptr = run.Offsets({0, 40}), src = run.Ids(form == 0 ? ids : reversed);
    const Var attention = SegmentAttention(tape, q, x, x, ptr, src, 1, nullptr);
    GroupSlots slots{run.Offsets({0, 1}), ptr, src, src, {}};
    const Var group = GroupAttention(tape, q, x, x, slots, nullptr);
    const Var mean = SegmentReduce(tape, x, ptr, src, Reduce::kMean);
    const Var largest = SegmentReduce(tape, x, ptr, src, Reduce::kMax);
    const Var y = Add(tape, Add(tape, attention, group), Add(tape, mean, largest));
    tape.Backward(run.Weighted(y, RandomValues({6}, 5).data));
    results[form] = {run.Value(y), run.Grad(q), run.Grad(x)};
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_THAT(results[1][i], Pointwise(DoubleNear(1e-12), results[0][i]));
  }
}

// RippleNet, ripplenet.md 13.1-13.3: counts equal the expanded multiset, equal slots give the slot.
TEST(OpProperty, GroupAttentionCountsEqualTheMultiset) {
  for (const DType type : {DType::kF32, DType::kF64}) {
    const double tolerance = type == DType::kF64 ? 1e-12 : 2e-6;
    std::vector<std::vector<double>> results[2];
    for (int form = 0; form < 2; ++form) {
      OpRun run(type);
      Tape& tape = run.tape();
      const Var q = run.Leaf(RandomValues({3, 4}, 1)), k = run.Leaf(RandomValues({3, 4}, 2));
      const Var v = run.Leaf(RandomValues({3, 4}, 3));
      GroupSlots slots;
      slots.row_ptr = run.Offsets({0, 3});
      if (form == 0) {
        slots.slot_ptr = run.Offsets({0, 3});
        slots.key_row = slots.value_row = run.Ids({0, 1, 2});
        slots.count = run.Floats({3, 1, 2});
      } else {
        slots.slot_ptr = run.Offsets({0, 6});
        slots.key_row = slots.value_row = run.Ids({0, 2, 0, 1, 2, 0});
      }
      const Var y = GroupAttention(tape, q, k, v, slots, nullptr);
      tape.Backward(run.Weighted(y, RandomValues({12}, 4).data));
      results[form] = {run.Value(y), run.Grad(q), run.Grad(k), run.Grad(v)};
    }
    for (size_t i = 0; i < results[0].size(); ++i) {
      EXPECT_THAT(results[1][i], Pointwise(DoubleNear(tolerance), results[0][i]));
    }
  }
}

// A whole set of operators on inputs large enough to be split over threads: all bits.
std::vector<std::vector<double>> RunLarge(DType type, TaskArena* workers) {
  OpRun run(type, workers);
  Tape& tape = run.tape();
  constexpr int64_t kRows = 1000, kEdges = 7000, kWidth = 24;
  const Var x = run.Leaf(RandomValues({kRows, kWidth}, 1));
  const Var R = run.Leaf(RandomValues({5, kWidth, kWidth}, 2));
  const Var W = run.Leaf(RandomValues({kWidth, kWidth}, 3));
  const Var wide = run.Leaf(RandomValues({kWidth, 80}, 6));
  std::vector<int64_t> ptr = {0};
  const Rng rng(1, RngStream::kTest, 1);
  while (ptr.back() < kEdges) {
    ptr.push_back(std::min<int64_t>(kEdges, ptr.back() + rng.Below(ptr.size(), 20)));
  }
  const auto segments = static_cast<int64_t>(ptr.size()) - 1;
  // A hub: row 0 is a source of a third of the edges.
  std::vector<uint32_t> src = RandomIds(kEdges, kRows, 7);
  for (int64_t e = 0; e < kEdges; e += 3) src[e] = 0;
  const Tensor offsets = run.Offsets(ptr), sources = run.Ids(src);
  const Var projected = RelationGemv(tape, R, x, run.Ids(RandomIds(kEdges, 5, 8)), sources, false);
  const Var summed = SegmentReduce(tape, projected, offsets, Tensor{}, Reduce::kMean);
  const Var q = GatherRows(tape, x, run.Ids(RandomIds(segments, kRows, 9)));
  const Var attended = SegmentAttention(tape, q, x, x, offsets, sources, 0.5, nullptr);
  const Var mixed = MatMul(tape, Add(tape, summed, attended), W);
  const Var unit = RowNormalize(tape, Tanh(tape, mixed));
  const Var top = SegmentReduce(tape, x, offsets, sources, Reduce::kMax);
  const Var scores = RowDot(tape, unit, top);
  const Var logits = MatMul(tape, unit, wide);
  const Var loss = AddScaled(
      tape, PairLoss(tape, scores, RowDot(tape, unit, q), static_cast<double>(segments)), 1,
      SoftmaxCrossEntropy(tape, logits, run.Ids(RandomIds(segments, 80, 10)), 100), 0.1);
  tape.Backward(loss);
  EXPECT_TRUE(tape.status().ok()) << tape.status();
  return {run.Value(loss), run.Value(logits), run.Grad(x),
          run.Grad(R),     run.Grad(W),       run.Grad(wide)};
}

TEST(OpProperty, SameBitsForAnyNumberOfThreads) {
  for (const DType type : {DType::kF32, DType::kF64}) {
    const auto serial = RunLarge(type, nullptr);
    for (const int threads : {1, 2, 5}) {
      TaskArena workers(threads);
      EXPECT_EQ(RunLarge(type, &workers), serial) << threads << " threads";
    }
  }
}

// The same product by several threads at once has the same bits.
TEST(OpProperty, LargeProductsInSeveralThreadsAtOnce) {
  const Values a = RandomValues({66, 66}, 1), b = RandomValues({66, 70}, 2);
  const auto product = [&](OpRun& run) {
    return run.Value(MatMul(run.tape(), run.Constant(a), run.Constant(b), false));
  };
  OpRun alone(DType::kF32);
  const std::vector<double> expected = product(alone);
  std::atomic<int64_t> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        OpRun run(DType::kF32);
        if (product(run) != expected) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(OpProperty, TiledProductsEqualTheRowBodies) {
  constexpr int64_t kEdges = 150;
  for (const int64_t d : {1, 4, 17, 64}) {
    const Values R = RandomValues({4, d, d}, 1), x = RandomValues({11, d}, 2);
    const Values g = RandomValues({kEdges, d}, 3);
    const std::vector<uint32_t> relations = RandomIds(kEdges, 4, 5);
    const std::vector<uint32_t> sources = RandomIds(kEdges, 11, 6);
    const std::vector<float> Rf = Floats(R), xf = Floats(x), gf = Floats(g);
    const LaneGroup group;
    for (const bool transpose : {false, true}) {
      OpRun run(DType::kF32);
      Tape& tape = run.tape();
      const Var Rv = run.Leaf(R), xv = run.Leaf(x);
      const Var y = RelationGemv(tape, Rv, xv, run.Ids(relations), run.Ids(sources), transpose);
      tape.AddGradient(y, run.Floats(g));
      tape.BackwardAll();
      std::vector<float> out(kEdges * d);
      const RelationGemvRow<float> row{
          Rf.data(), xf.data(), relations.data(), sources.data(), out.data(), d, d, transpose};
      for (int64_t e = 0; e < kEdges; ++e) row(group, e);
      const double scale = std::sqrt(static_cast<double>(d));
      EXPECT_THAT(run.Value(y), Pointwise(DoubleNear(1e-6 * scale), out));

      Arena arena;
      const RowOrder runs = SortByRow(relations.data(), kEdges, 4, arena);
      std::vector<float> dR(4 * d * d);
      const RelationGradientRow<float> gradient{xf.data(), gf.data(),  sources.data(), runs.rows,
                                                runs.ptr,  runs.order, dR.data(),      d,
                                                d,         transpose};
      for (int64_t i = 0; i < runs.distinct * d; ++i) gradient(group, i);
      EXPECT_THAT(run.Grad(Rv), Pointwise(DoubleNear(3e-5), dR));

      const Values b = RandomValues({d, d}, 8);
      const std::vector<float> bf = Floats(b);
      const Var product = MatMul(tape, run.Leaf(x), run.Leaf(b), transpose);
      std::vector<float> rows(11 * d);
      const MatMulRow<float> body{xf.data(), bf.data(), rows.data(), d, d, transpose};
      for (int64_t i = 0; i < 11; ++i) body(group, i);
      EXPECT_THAT(run.Value(product), Pointwise(DoubleNear(1e-6 * scale), rows));
    }
  }
}

// The tuned float32 group attention against the row body.
TEST(OpProperty, TunedGroupAttentionEqualsTheRowBody) {
  constexpr int64_t kRows = 5, kSlots = 33;
  for (const int64_t d : {1, 3, 16, 17, 64}) {
    const Values q = RandomValues({kRows, d}, 1), k = RandomValues({9, d}, 2);
    const Values v = RandomValues({9, d}, 3);
    const std::vector<uint32_t> key_row = RandomIds(kSlots, 9, 4),
                                value_row = RandomIds(kSlots, 9, 5);
    OpRun run(DType::kF32);
    GroupSlots slots{run.Offsets({0, kRows}),
                     run.Offsets({0, kSlots}),
                     run.Ids(key_row),
                     run.Ids(value_row),
                     {}};
    Tensor weights;
    const Var y =
        GroupAttention(run.tape(), run.Leaf(q), run.Leaf(k), run.Leaf(v), slots, &weights);

    const std::vector<float> qf = Floats(q), kf = Floats(k), vf = Floats(v);
    const std::vector<int64_t> row_ptr = {0, kRows}, slot_ptr = {0, kSlots},
                               weight_ptr = {0, kRows * kSlots};
    const std::vector<uint32_t> of_row(kRows, 0), of_slot(kSlots, 0);
    std::vector<float> w(kRows * kSlots), out(kRows * d);
    const GroupAttentionRow<float> body{
        {row_ptr.data(), slot_ptr.data(), key_row.data(), value_row.data(), weight_ptr.data(),
         of_row.data(), of_slot.data()},
        qf.data(),
        kf.data(),
        vf.data(),
        nullptr,
        w.data(),
        out.data(),
        d,
        d};
    for (int64_t row = 0; row < kRows; ++row) body(LaneGroup{}, row);
    EXPECT_THAT(OpRun::Read(weights), Pointwise(DoubleNear(1e-5), w));
    EXPECT_THAT(run.Value(y), Pointwise(DoubleNear(1e-5), out));
  }
}

TEST(OpProperty, SortByRowIsStableAndComplete) {
  Arena arena;
  for (const uint32_t limit : {1u, 5u, 3000u, 5000u, 70000u, 4000000000u}) {
    for (const int64_t n : {0, 1, 2, 1000}) {
      const std::vector<uint32_t> ids = RandomIds(n, limit, limit);
      std::vector<uint32_t> expected(n);
      std::iota(expected.begin(), expected.end(), 0);
      std::stable_sort(expected.begin(), expected.end(),
                       [&](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
      const RowOrder order = SortByRow(ids.data(), n, limit, arena);
      EXPECT_EQ(std::vector<uint32_t>(order.order, order.order + n), expected);
      ASSERT_EQ(order.ptr[order.distinct], n);
      for (int64_t s = 0; s < order.distinct; ++s) {
        ASSERT_LT(order.ptr[s], order.ptr[s + 1]);
        if (s > 0) {
          ASSERT_LT(order.rows[s - 1], order.rows[s]);
        }
        for (int64_t k = order.ptr[s]; k < order.ptr[s + 1]; ++k) {
          ASSERT_EQ(ids[order.order[k]], order.rows[s]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace undula::propagation
