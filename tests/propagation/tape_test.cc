// Tape, arena, parameters and Exec.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/segment_attention.h"
#include "tests/propagation/op_run.h"

namespace undula::propagation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Arena, AlignsAndRepeatsAddresses) {
  Arena arena(1 << 10);
  std::vector<void*> first, second, third;
  for (std::vector<void*>* addresses : {&first, &second, &third}) {
    arena.Reset();
    for (const size_t bytes : {0, 1, 100, 5000, 64, 20000}) {
      void* p = arena.Allocate(bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % Arena::kAlign, 0u);
      addresses->push_back(p);
    }
  }
  EXPECT_EQ(second, third);  // one chunk from the second step on
  const size_t high_water = arena.high_water();
  EXPECT_GE(high_water, 25165u);
  arena.Reset();
  EXPECT_EQ(arena.high_water(), high_water);
  const double* zero = arena.NewZero<double>(10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(zero[i], 0);
}

TEST(Tape, GradientsOfSharedInputsAdd) {
  OpRun run(DType::kF64);
  Tape& tape = run.tape();
  const Var x = run.Leaf({{2}, {3, 5}});
  const Var y = Add(tape, Mul(tape, x, x), Scale(tape, x, 4));  // x^2 + 4x
  const Var loss = Sum(tape, y);
  EXPECT_EQ(tape.Scalar(loss), 9 + 12 + 25 + 20);
  tape.Backward(loss);
  EXPECT_THAT(run.Grad(x), ElementsAre(10, 14));
}

TEST(Tape, BackwardFromASeed) {
  OpRun run(DType::kF32);
  const Var x = run.Leaf({{2}, {3, 5}});
  run.tape().Backward(Sum(run.tape(), x), 0.25);
  EXPECT_THAT(run.Grad(x), ElementsAre(0.25, 0.25));
}

TEST(Tape, ConstantsHaveNoGradientAndCostNoBackward) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var x = run.Leaf({{2}, {3, 5}}), c = run.Constant({{2}, {7, 8}});
  const Var only = Mul(tape, c, c), y = Mul(tape, x, only);
  EXPECT_FALSE(tape.needs_grad(only));
  EXPECT_TRUE(tape.needs_grad(y));
  tape.Backward(Sum(tape, y));
  EXPECT_THAT(run.Grad(x), ElementsAre(49, 64));
  EXPECT_FALSE(tape.has_grad(c));
  EXPECT_FALSE(tape.has_grad(only));
}

TEST(Tape, UntouchedLeafHasAZeroGradient) {
  OpRun run(DType::kF32);
  Tape& tape = run.tape();
  const Var x = run.Leaf({{2}, {3, 5}}), unused = run.Leaf({{2}, {1, 1}});
  tape.Backward(Sum(tape, x));
  EXPECT_FALSE(tape.has_grad(unused));
  EXPECT_THAT(run.Grad(unused), ElementsAre(0, 0));
}

// The step of models/model.h: Prepare on one tape, slices on others, their leaves' gradients summed
// in slice order; it must equal the same computation on a single tape.
TEST(Tape, PrepareAndSlicesEqualOneTape) {
  const Values table = RandomValues({6, 4}, 1), W = RandomValues({4, 4}, 2);
  const std::vector<uint32_t> rows = {5, 1, 1, 0};
  OpRun whole(DType::kF64);
  std::vector<double> expected_table, expected_W;
  {
    Tape& tape = whole.tape();
    const Var t = whole.Leaf(table), w = whole.Leaf(W);
    const Var shared = MatMul(tape, GatherRows(tape, t, whole.Ids(rows)), w);
    Var loss;
    for (uint32_t s = 0; s < 2; ++s) {
      const Var part = GatherRows(tape, shared, whole.Ids({2 * s, 2 * s + 1}));
      loss = AddScaled(tape, loss, 1, Sum(tape, Tanh(tape, part)), 1);
    }
    tape.Backward(loss);
    expected_table = whole.Grad(t);
    expected_W = whole.Grad(w);
  }
  OpRun prepare(DType::kF64);
  Tape& tape = prepare.tape();
  const Var t = prepare.Leaf(table), w = prepare.Leaf(W);
  const Var shared = MatMul(tape, GatherRows(tape, t, prepare.Ids(rows)), w);
  for (uint32_t s = 0; s < 2; ++s) {
    OpRun slice(DType::kF64);
    const Var leaf = slice.tape().Leaf(tape.value(shared));
    const Var part = GatherRows(slice.tape(), leaf, slice.Ids({2 * s, 2 * s + 1}));
    slice.tape().Backward(Sum(slice.tape(), Tanh(slice.tape(), part)));
    tape.AddGradient(shared, slice.tape().grad(leaf));
  }
  tape.BackwardAll();
  EXPECT_EQ(prepare.Grad(t), expected_table);
  EXPECT_EQ(prepare.Grad(w), expected_W);
}

TEST(Tape, BackwardNeedsAScalar) {
  OpRun run(DType::kF32);
  const Var x = run.Leaf({{2}, {3, 5}});
  run.tape().Backward(x);
  EXPECT_EQ(run.tape().status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Tape, AddGradientChecksTheShape) {
  OpRun run(DType::kF32);
  const Var x = run.Leaf({{2}, {3, 5}});
  run.tape().AddGradient(x, run.Floats({1.0, 2.0, 3.0}));
  EXPECT_THAT(std::string(Message(run.tape().status())), HasSubstr("3 elements"));
  run.tape().Reset();
  EXPECT_TRUE(run.tape().status().ok());
}

TEST(Tape, DenseParametersCollectTheirGradient) {
  ParameterSet set(DType::kF64);
  Parameter* p = set.Add("w", {2, 2}, false, {Init::Kind::kIdentity, 0}, 1);
  OpRun run(DType::kF64);
  Tape& tape = run.tape();
  for (int step = 1; step <= 2; ++step) {  // not zeroed in between: gradients add up
    const Var w = tape.Use(p);
    tape.Backward(Sum(tape, Mul(tape, w, w)));
    EXPECT_THAT(OpRun::Read(p->grad), ElementsAre(2 * step, 0, 0, 2 * step));
    tape.Reset();
  }
  set.ZeroGradients();
  EXPECT_THAT(OpRun::Read(p->grad), ElementsAre(0, 0, 0, 0));
}

TEST(Tape, TablesAreReadByGatherOnly) {
  ParameterSet set;
  Parameter* table = set.Add("items", {3, 2}, true, {}, 1);
  OpRun run(DType::kF32);
  EXPECT_FALSE(run.tape().Use(table).valid());
  EXPECT_THAT(std::string(Message(run.tape().status())), HasSubstr("'items'"));
  OpRun other(DType::kF64);
  EXPECT_FALSE(GatherRows(other.tape(), table, other.Ids({0})).valid());
  EXPECT_THAT(std::string(Message(other.tape().status())), HasSubstr("float type"));
}

TEST(Tape, RowSparseGradientsAreAscendingAndDistinct) {
  ParameterSet set(DType::kF64);
  Parameter* table = set.Add("items", {9, 1}, true, {}, 1);
  OpRun run(DType::kF64);
  Tape& tape = run.tape();
  const Var y = GatherRows(tape, table, run.Ids({7, 2, 7, 7, 0}));
  tape.AddGradient(y, run.Floats(Values{{5, 1}, {1, 10, 100, 1000, 5}}));
  tape.BackwardAll();
  ASSERT_EQ(table->sparse.size(), 1u);
  const SparseGradient& g = table->sparse[0];
  const std::vector<uint32_t> rows(g.rows.as<uint32_t>(), g.rows.as<uint32_t>() + g.rows.size());
  EXPECT_THAT(rows, ElementsAre(0u, 2u, 7u));
  EXPECT_THAT(OpRun::Read(g.values), ElementsAre(5, 10, 1101));
}

// The second identical step takes no new memory: every tensor has the address that it had before.
TEST(Tape, SteadyStateAllocatesNothing) {
  Exec exec(nullptr);
  Arena arena(1 << 8);
  Tape tape(&exec, &arena, DType::kF32);
  ParameterSet set;
  Parameter* table = set.Add("entities", {50, 8}, true, {Init::Kind::kUniform, 0.5}, 1);
  Parameter* R = set.Add("relations", {3, 8, 8}, false, {Init::Kind::kNormal, 0.1}, 1);
  const std::vector<uint32_t> rows = {4, 9, 9, 31, 2, 49}, relations = {2, 0, 1, 1},
                              sources = {5, 0, 0, 3};
  const std::vector<int64_t> ptr = {0, 1, 4};
  std::vector<std::vector<const void*>> addresses;
  std::vector<size_t> high_water;
  for (int step = 0; step < 4; ++step) {
    arena.Reset();
    tape.Reset();
    set.ZeroGradients();
    const Var x = GatherRows(tape, table, tape.Indices(rows));
    const Var k =
        RelationGemv(tape, tape.Use(R), x, tape.Indices(relations), tape.Indices(sources), false);
    const Var q = GatherRows(tape, x, tape.Indices(std::span(rows).first(0)));
    const Var two = GatherRows(tape, x, tape.Indices(std::span(relations).first(2)));
    const Var y = SegmentAttention(tape, two, k, k, tape.Offsets(ptr), Tensor{}, 1, nullptr);
    const Var loss = AddScaled(tape, Sum(tape, y), 1, Sum(tape, q), 1);
    tape.Backward(loss);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    std::vector<const void*> used;
    for (const Var v : {x, k, q, two, y, loss}) used.push_back(tape.value(v).data);
    for (const Var v : {x, k, y}) used.push_back(tape.grad(v).data);
    used.push_back(table->sparse.at(0).values.data);
    addresses.push_back(used);
    high_water.push_back(arena.high_water());
  }
  EXPECT_EQ(addresses[1], addresses[2]);
  EXPECT_EQ(addresses[2], addresses[3]);
  EXPECT_EQ(high_water[0], high_water[3]);
}

TEST(Parameters, DrawsDependOnSeedAndNumberOnly) {
  ParameterSet a, b;
  Parameter* a0 = a.Add("x", {100, 3}, true, {Init::Kind::kUniform, 0.5}, 9);
  Parameter* a1 = a.Add("y", {1000}, false, {Init::Kind::kNormal, 2}, 9);
  b.Add("other name", {1}, false, {}, 9);
  const Parameter* b1 = b.Add("y", {1000}, false, {Init::Kind::kNormal, 2}, 9);
  const std::vector<double> uniform = OpRun::Read(a0->value), normal = OpRun::Read(a1->value);
  EXPECT_EQ(normal, OpRun::Read(b1->value));
  double mean = 0, square = 0, low = 0, high = 0;
  for (const double v : uniform) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  EXPECT_GE(low, -0.5);
  EXPECT_LE(high, 0.5);
  EXPECT_LT(low, -0.45);
  EXPECT_GT(high, 0.45);
  for (const double v : normal) {
    mean += v / 1000;
    square += v * v / 1000;
  }
  EXPECT_NEAR(mean, 0, 0.3);
  EXPECT_NEAR(std::sqrt(square), 2, 0.2);
  EXPECT_EQ(a.elements(), 1300);
  EXPECT_EQ(a.Find("y"), a1);
  EXPECT_EQ(a.Find("z"), nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a0->value.data) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a1->grad.data) % 64, 0u);
}

TEST(Parameters, IdentityOfTheLastTwoAxes) {
  ParameterSet set(DType::kF64);
  const Parameter* p = set.Add("R", {2, 2, 2}, false, {Init::Kind::kIdentity, 0}, 0);
  EXPECT_THAT(OpRun::Read(p->value), ElementsAre(1, 0, 0, 1, 1, 0, 0, 1));
}

TEST(Parameters, SaveAndLoad) {
  ParameterSet set, copy;
  set.Add("a", {2, 3}, true, {Init::Kind::kUniform, 1}, 5);
  set.Add("b", {4}, false, {Init::Kind::kNormal, 1}, 5);
  copy.Add("a", {2, 3}, true, {}, 5);
  copy.Add("b", {4}, false, {}, 5);
  TensorMap map;
  set.Save("param/", &map);
  ASSERT_TRUE(copy.Load("param/", map).ok());
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(OpRun::Read(copy.Find(name)->value), OpRun::Read(set.Find(name)->value));
  }
  EXPECT_EQ(copy.Load("other/", map).code(), absl::StatusCode::kNotFound);
  ParameterSet wrong;
  wrong.Add("a", {3, 2}, true, {}, 5);
  const absl::Status shape = wrong.Load("param/", map);
  EXPECT_EQ(shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(shape)),
              HasSubstr("'param/a' has shape [2, 3], expected [3, 2]"));
  ParameterSet f64(DType::kF64);
  f64.Add("a", {2, 3}, true, {}, 5);
  EXPECT_THAT(std::string(Message(f64.Load("param/", map))), HasSubstr("float32"));
}

TEST(Exec, NamesOfDevices) {
  TaskArena workers(2);
  const auto cpu = Exec::Create("cpu", &workers);
  ASSERT_TRUE(cpu.ok());
  EXPECT_FALSE((*cpu)->on_gpu());
  EXPECT_EQ((*cpu)->description(), "cpu (2 threads)");
  EXPECT_EQ(Exec(nullptr).description(), "cpu (1 thread)");
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "", "CPU"}) {
    EXPECT_EQ(Exec::Create(name, &workers).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  // Device 9999 is missing everywhere; so is any device where there is no GPU or no CUDA.
  const absl::Status missing = Exec::Create("cuda:9999", &workers).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(missing)), HasSubstr("cuda:9999"));
  const auto any = Exec::Create("auto", &workers);
  ASSERT_TRUE(any.ok());
  if (!(*any)->on_gpu()) {
    EXPECT_THAT((*any)->description(), HasSubstr("no GPU"));
    EXPECT_THAT(DescribeGpus(), HasSubstr("no GPU"));
  }
}

}  // namespace
}  // namespace undula::propagation
