// Training steps on a device: the losses of many steps against the CPU, and a steady step that
// neither allocates device memory nor waits for the device.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "models/kgcn/kgcn.h"
#include "models/ripplenet/ripplenet.h"
#include "models/train/step.h"
#include "propagation/cuda/device.h"
#include "propagation/memory.h"
#include "propagation/optim/optimizer.h"
#include "propagation/step_graphs.h"
#include "tests/models/kgcn_fixture.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/propagation/device_fixture.h"

namespace undula::models {
namespace {

using propagation::Exec;
using propagation::Optimizer;
using propagation::OptimizerOptions;

using MakeModel = std::function<std::unique_ptr<Model>()>;

std::shared_ptr<Snapshot> World() { return RandomSnapshot(30, 3, 6, 9, 60, 3); }

std::unique_ptr<Model> MakeRipple() {
  RippleNetOptions o;
  o.dim = 8;
  o.memory = 5;
  o.kge_weight = 0.3;
  auto model = std::make_unique<RippleNet>(o, DType::kF32);
  const auto snapshot = World();
  TaskArena workers(1);
  EXPECT_TRUE(
      model->Build(MakeTrainingData(snapshot, RandomRows(*snapshot, 5, 4), 1), workers).ok());
  return model;
}

std::unique_ptr<Model> MakeKgcn() {
  KgcnOptions o;
  o.dim = 8;
  o.hops = 2;
  o.neighbors = 3;
  const auto snapshot = World();
  return BuiltKgcn(kKgcnSpec, o, snapshot, RandomRows(*snapshot, 5, 4), DType::kF32);
}

// Batches of different rows: all of them, and two parts.
std::vector<TinyBatch> Batches() {
  const std::vector<LabeledPair> rows = RandomRows(*World(), 5, 4);
  std::vector<TinyBatch> out;
  out.reserve(3);  // a TinyBatch points into itself
  out.emplace_back(rows, 3);
  out.emplace_back(std::vector<LabeledPair>(rows.begin(), rows.begin() + 20), 3);
  out.emplace_back(std::vector<LabeledPair>(rows.begin() + 5, rows.end()), 5);
  return out;
}

// Trains `steps` steps over the batches, calling after(step) behind each.
void RunSteps(Exec* exec, const MakeModel& make, int steps, std::vector<double>* losses,
              const std::function<void(int)>& after) {
  const auto model = make();
  auto optimizer =
      Optimizer::Create(OptimizerOptions{.kind = "sgd", .learning_rate = 0.1}, model->parameters());
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  const absl::Status moved = model->parameters()->MoveTo(exec);
  ASSERT_TRUE(moved.ok()) << moved;
  model->parameters()->ZeroGradients();
  const std::vector<TinyBatch> batches = Batches();
  TrainingStep step(model.get(), exec, 2);
  for (int i = 0; i < steps; ++i) {
    const absl::Status done = step.Enqueue(batches[static_cast<size_t>(i) % 3].batch);
    ASSERT_TRUE(done.ok()) << done;
    const absl::Status updated = (*optimizer)->Step(nullptr);
    ASSERT_TRUE(updated.ok()) << updated;
    model->parameters()->ZeroGradients();
    after(i);
  }
  const auto taken = step.TakeLosses();
  ASSERT_TRUE(taken.ok()) << taken.status();
  losses->assign(taken->begin(), taken->end());
  ASSERT_TRUE(step.TakeLosses().ok());
  EXPECT_TRUE(step.TakeLosses()->empty());
  ASSERT_TRUE(model->parameters()->MoveTo(nullptr).ok());
}

class DeviceSteps : public ::testing::TestWithParam<std::unique_ptr<Model> (*)()> {};

TEST_P(DeviceSteps, LossesAreThoseOfTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  Exec cpu(nullptr);
  std::vector<double> expected, actual;
  RunSteps(&cpu, GetParam(), 6, &expected, [](int) {});
  RunSteps(device.get(), GetParam(), 6, &actual, [](int) {});
  ASSERT_EQ(expected.size(), 6u);
  ASSERT_EQ(actual.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(expected[i], actual[i], 1e-5) << "step " << i;
}

TEST_P(DeviceSteps, SteadyStepsNeitherAllocateNorWait) {
  UNDULA_OPEN_DEVICE(device);
  propagation::UseChunks(device.get());
  std::vector<double> losses;
  propagation::DeviceCounts warm;
  RunSteps(device.get(), GetParam(), 12, &losses, [&](int i) {
    if (i == 5) warm = propagation::CountsOfDevice();
    if (i > 5) {
      EXPECT_EQ(propagation::CountsOfDevice(), warm) << "step " << i;
    }
  });
  EXPECT_EQ(losses.size(), 12u);
  EXPECT_LT(losses.back(), losses[2]);
}

// Losses and parameters after `steps` steps, as plain launches or as graphs.
propagation::NamedValues Train(Exec* exec, const MakeModel& make, int steps, bool as_graph,
                               propagation::StepGraphs::Counts* counts) {
  propagation::NamedValues out;
  const auto model = make();
  auto optimizer = Optimizer::Create(OptimizerOptions{.learning_rate = 0.01}, model->parameters());
  EXPECT_TRUE(optimizer.ok() && model->parameters()->MoveTo(exec).ok());
  model->parameters()->ZeroGradients();
  const std::vector<TinyBatch> batches = Batches();
  TrainingStep step(model.get(), exec, 2);
  const auto update = [&] {
    const absl::Status updated = (*optimizer)->Step(nullptr);
    model->parameters()->ZeroGradients();
    return updated;
  };
  for (int i = 0; i < steps; ++i) {
    const Batch& batch = batches[static_cast<size_t>(i) % 3].batch;
    absl::Status done = as_graph ? step.EnqueueAsGraph(batch, update) : step.Enqueue(batch);
    if (done.ok() && !as_graph) done = update();
    EXPECT_TRUE(done.ok()) << "step " << i << ": " << done;
    if (!done.ok()) return out;
  }
  const auto losses = step.TakeLosses();
  EXPECT_TRUE(losses.ok()) << losses.status();
  if (losses.ok()) out.push_back({"losses", {losses->begin(), losses->end()}});
  *counts = step.graph_counts();
  EXPECT_TRUE(model->parameters()->MoveTo(nullptr).ok());
  for (const auto& p : model->parameters()->all()) {
    out.push_back({p->name, propagation::ReadFloats(Exec(nullptr), p->value)});
  }
  return out;
}

TEST_P(DeviceSteps, GraphsGiveTheBitsOfPlainLaunches) {
  UNDULA_OPEN_DEVICE(device);
  propagation::UseChunks(device.get());
  propagation::StepGraphs::Counts counts;
  const propagation::NamedValues plain = Train(device.get(), GetParam(), 14, false, &counts);
  EXPECT_EQ(counts.plain + counts.made + counts.exchanged, 0);
  const propagation::NamedValues graphs = Train(device.get(), GetParam(), 14, true, &counts);
  EXPECT_EQ(plain, graphs);
  ASSERT_FALSE(plain.empty());
  EXPECT_EQ(plain[0].second.size(), 14u);
  EXPECT_EQ(counts.plain + counts.made + counts.exchanged, 14);
  EXPECT_GE(counts.plain, 1);
  if (propagation::kEmulated) {
    EXPECT_LE(counts.plain, 6);
    EXPECT_GE(counts.made, 1);
    EXPECT_GE(counts.exchanged, 3);
  }
}

TEST(DeviceGraphs, ProgramsAreKeptForTheBucketsUsedLast) {
  UNDULA_OPEN_DEVICE(device);
  propagation::UseChunks(device.get());
  propagation::Arena arena;
  propagation::Tape tape(device.get(), &arena);
  propagation::StepGraphs graphs(device.get());
  const std::vector<float> values = propagation::RandomFloats(64, 1);
  propagation::Memory sum(64 * sizeof(float));
  ASSERT_TRUE(sum.MoveTo(device->device()).ok());
  // Adds the first n values to the sum, `times` times over.
  const auto add = [&](uint64_t bucket, size_t n, int times) {
    tape.Reset();
    arena.Reset();
    return graphs.Run(bucket, [&] {
      const propagation::Tensor x = tape.Floats(std::span(values).first(n));
      const propagation::Var to =
          tape.Leaf(propagation::View(sum.as<float>(), static_cast<int64_t>(n)));
      for (int i = 0; i < times; ++i) {
        tape.AddGradient(to, x);
        const propagation::Tensor g = tape.grad(to);
        tape.Check(propagation::cuda::runtime::CopyWithin(device->device()->queue(), sum.data(),
                                                          g.data, n * sizeof(float)),
                   "copy");
      }
      return tape.status();
    });
  };
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(add(0, 64, 1).ok());  // until nothing is allocated
  propagation::StepGraphs::Counts at = graphs.counts();
  EXPECT_GE(at.plain, 1);
  for (uint64_t bucket = 1; bucket <= 9; ++bucket)
    ASSERT_TRUE(add(bucket, 10 * bucket % 64, 1).ok());
  EXPECT_EQ(graphs.counts().made, at.made + 9);
  at = graphs.counts();
  ASSERT_TRUE(add(9, 7, 1).ok());  // other sizes: the same kernels
  EXPECT_EQ(graphs.counts().exchanged, at.exchanged + 1);
  ASSERT_TRUE(add(1, 64, 1).ok());  // dropped: eight others were used since
  EXPECT_EQ(graphs.counts().made, at.made + 1);
  ASSERT_TRUE(add(9, 64, 2).ok());  // other kernels
  EXPECT_EQ(graphs.counts().made, at.made + 2);
  std::vector<float> out(64);
  ASSERT_TRUE(sum.Read(0, 64 * sizeof(float), out.data()).ok());
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(out[i], values[i] + values[i]) << i;
}

#ifdef UNDULA_SIMT_EMULATOR
TEST(DeviceGraphs, ReadingWhileRecordingIsAnErrorAndLeavesTheDeviceUsable) {
  UNDULA_OPEN_DEVICE(device);
  propagation::UseChunks(device.get());
  propagation::Arena arena;
  propagation::Tape tape(device.get(), &arena);
  propagation::StepGraphs graphs(device.get());
  const float one = 1;
  const auto run = [&](bool read) {
    tape.Reset();
    arena.Reset();
    return graphs.Run(1, [&] {
      propagation::Tensor x = tape.Floats(std::span(&one, 1));
      x.rank = 0;
      const propagation::Var v = tape.Leaf(x);
      if (read) tape.Scalar(v);
      return tape.status();
    });
  };
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(run(false).ok());
  ASSERT_GE(graphs.counts().made, 1);
  EXPECT_EQ(run(true).code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(run(true).ok());  // as plain launches
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(run(false).ok());
}
#endif

INSTANTIATE_TEST_SUITE_P(Models, DeviceSteps, ::testing::Values(MakeRipple, MakeKgcn),
                         [](const auto& info) { return info.index == 0 ? "RippleNet" : "Kgcn"; });

}  // namespace
}  // namespace undula::models
