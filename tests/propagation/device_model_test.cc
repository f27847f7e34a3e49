// One RippleNet training step and one epoch of the trainer on a device against the CPU.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "models/ripplenet/ripplenet.h"
#include "models/train/step.h"
#include "propagation/optim/optimizer.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/propagation/device_fixture.h"

namespace undula::models {
namespace {

using propagation::Exec;
using propagation::NamedValues;
using propagation::Optimizer;
using propagation::OptimizerOptions;
using propagation::ReadFloats;
using propagation::ReadIds;
using propagation::Schedule;

RippleNetOptions Options(const std::string& update, const std::string& scoring, bool all_hops) {
  RippleNetOptions o;
  o.dim = 16;
  o.hops = 2;
  o.memory = 8;
  o.item_update = update;
  o.scoring = scoring;
  o.using_all_hops = all_hops;
  o.kge_weight = 0.3;
  o.l2_weight = 0.02;
  return o;
}

std::vector<float> DenseGradient(const Exec& exec, const propagation::Parameter& p) {
  if (!p.row_sparse) return ReadFloats(exec, p.grad);
  std::vector<float> out(static_cast<size_t>(p.value.size()), 0);
  const size_t cols = static_cast<size_t>(p.value.cols());
  for (const propagation::SparseGradient& g : p.sparse) {
    const std::vector<uint32_t> rows = ReadIds(exec, g.rows);
    const std::vector<float> values = ReadFloats(exec, g.values);
    for (size_t r = 0; r < rows.size(); ++r) {
      if (rows[r] == UINT32_MAX) continue;
      for (size_t c = 0; c < cols; ++c) out[rows[r] * cols + c] += values[r * cols + c];
    }
  }
  return out;
}

// The loss, the gradients and the parameters after one step of lazy Adam.
NamedValues Step(Exec* exec, const RippleNetOptions& options) {
  NamedValues out;
  const auto snapshot = RandomSnapshot(30, 3, 4, 9, 60, 3);
  const std::vector<LabeledPair> rows = RandomRows(*snapshot, 5, 4);
  RippleNet model(options, DType::kF32);
  TaskArena workers(1);
  EXPECT_TRUE(model.Build(MakeTrainingData(snapshot, rows, 1), workers).ok());
  Randomize(&model, 0.4, 11);
  auto optimizer = Optimizer::Create(OptimizerOptions{.learning_rate = 0.01}, model.parameters());
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  EXPECT_TRUE(model.parameters()->MoveTo(exec).ok());
  model.parameters()->ZeroGradients();
  const TinyBatch batch(rows, 3);
  TrainingStep step(&model, exec, 2);
  const absl::StatusOr<double> loss = step.Run(batch.batch);
  EXPECT_TRUE(loss.ok()) << loss.status();
  if (!loss.ok()) return out;
  out.push_back({"loss", {static_cast<float>(*loss)}});
  for (const auto& p : model.parameters()->all()) {
    out.push_back({"gradient of " + p->name, DenseGradient(*exec, *p)});
  }
  const absl::Status updated = (*optimizer)->Step(nullptr);
  EXPECT_TRUE(updated.ok()) << updated;
  for (const auto& p : model.parameters()->all()) {
    out.push_back({"value of " + p->name, ReadFloats(*exec, p->value)});
  }
  EXPECT_TRUE(model.parameters()->MoveTo(nullptr).ok());
  return out;
}

TEST(DeviceRippleNet, StepAgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  for (const RippleNetOptions& options :
       {Options("plus_transform", "code", true), Options("replace", "paper", false)}) {
    SCOPED_TRACE(options.item_update);
    Exec cpu(nullptr);
    const NamedValues expected = Step(&cpu, options);
    ASSERT_GE(expected.size(), 5u);
    NamedValues first;
    for (const Schedule& schedule : propagation::kSchedules) {
      propagation::SetSchedule(device.get(), schedule);
      const NamedValues actual = Step(device.get(), options);
      // An element whose gradient is nearly zero moves by +-learning rate: Adam's first step is
      // its sign. Values are compared where that cannot happen: see the optimizers' own test.
      NamedValues before(expected.begin(), expected.begin() + 1 + (expected.size() - 1) / 2);
      propagation::ExpectClose(before, {actual.begin(), actual.begin() + before.size()}, 1e-5);
      if (first.empty()) first = actual;
      EXPECT_EQ(first, actual) << "depends on the schedule";
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace undula::models
