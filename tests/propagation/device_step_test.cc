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
#include "propagation/optim/optimizer.h"
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
  *losses = *taken;
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

INSTANTIATE_TEST_SUITE_P(Models, DeviceSteps, ::testing::Values(MakeRipple, MakeKgcn),
                         [](const auto& info) { return info.index == 0 ? "RippleNet" : "Kgcn"; });

}  // namespace
}  // namespace undula::models
