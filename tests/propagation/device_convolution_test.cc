// One training step of PinSAGE and GraphSAGE on a device against the CPU: loss and gradients.
#include <gtest/gtest.h>

#include <algorithm>

#include <string>
#include <vector>

#include "models/convolution/conv_model.h"
#include "models/data/batcher.h"
#include "models/train/step.h"
#include "tests/models/world.h"
#include "tests/propagation/device_fixture.h"

namespace undula::models {
namespace {

using propagation::Exec;
using propagation::NamedValues;

NamedValues Step(Exec* exec, const ModelSpec& spec, const OptionMap& options) {
  NamedValues out;
  const PlantedWorld world = MakePlantedWorld(2, 4, 6);
  const TrainingData data = MakeTrainingData(world.snapshot, world.split.train, 5);
  auto model = spec.make(options, DType::kF32);
  EXPECT_TRUE(model.ok()) << model.status();
  TaskArena workers(1);
  EXPECT_TRUE((*model)->Build(data, workers).ok());
  for (const auto& p : (*model)->parameters()->all()) {
    const std::vector<float> values =
        propagation::RandomFloats(p->value.size(), static_cast<uint32_t>(p->value.size()), 0.6);
    std::copy(values.begin(), values.end(), p->value.as<float>());
  }
  EXPECT_TRUE((*model)->BeginEpoch(3).ok());
  Batcher batcher =
      *Batcher::Create(BatchKind::kPairwise, data, {.batch_size = 20, .chunk = 2, .seed = 2});
  batcher.StartEpoch(1);
  EXPECT_TRUE((*model)->parameters()->MoveTo(exec).ok());
  (*model)->parameters()->ZeroGradients();
  TrainingStep step(model->get(), exec, 1);
  const absl::StatusOr<double> loss = step.Run(batcher.Get(0));
  EXPECT_TRUE(loss.ok()) << loss.status();
  if (!loss.ok()) return out;
  out.push_back({"loss", {static_cast<float>(*loss)}});
  for (const auto& p : (*model)->parameters()->all()) {
    if (!p->row_sparse) out.push_back({p->name, propagation::ReadFloats(*exec, p->grad)});
  }
  EXPECT_TRUE((*model)->parameters()->MoveTo(nullptr).ok());
  return out;
}

class DeviceConvolution : public testing::TestWithParam<std::string> {};

TEST_P(DeviceConvolution, StepAgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  OptionMap options = {{"dim", "5"}, {"hidden", "4"}, {"layers", "2"}, {"shared_negatives", "7"}};
  const bool sage = GetParam().starts_with("sage");
  if (GetParam() == "sage_lstm") options["aggregator"] = "lstm";
  if (GetParam() == "sage_gcn") options["aggregator"] = "gcn";
  if (!sage) {
    options.insert({{"walks", "30"}, {"neighbors", "3"}, {"head", "true"}});
    if (GetParam() == "max") options["pooling"] = "max";
    if (GetParam() == "softmax") options["loss"] = "softmax";
    if (GetParam() == "hard") {
      options.insert({{"hard_negatives", "2"}, {"hard_high", "0.9"}, {"query", "item"}});
    }
  }
  const ModelSpec& spec = sage ? kGraphSageSpec : kPinSageSpec;
  Exec cpu(nullptr);
  const NamedValues expected = Step(&cpu, spec, options);
  ASSERT_GE(expected.size(), 3u);
  for (const propagation::Schedule& schedule :
       {propagation::kSchedules[0], propagation::kSchedules[1]}) {
    propagation::SetSchedule(device.get(), schedule);
    // The products of the CPU are fused, those of the emulator are not.
    propagation::ExpectClose(expected, Step(device.get(), spec, options), 2e-5);
  }
}

// Trainings whose lists are drawn on the device and on the CPU end with the same bits: the steps
// run on the CPU in both.
TEST(DeviceConvolutionLists, OnTheDeviceAreThoseOfTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  const PlantedWorld world = MakePlantedWorld(2, 4, 6);
  const TrainingData data = MakeTrainingData(world.snapshot, world.split.train, 5);
  const OptionMap options = {{"dim", "4"},   {"hidden", "4"},    {"layers", "2"},
                             {"walks", "9"}, {"neighbors", "3"}, {"redraw", "epoch"}};
  const auto losses = [&](Exec* sampler, std::vector<NodeLists>* lists) {
    std::vector<double> out;
    auto made = kPinSageSpec.make(options, DType::kF32);
    EXPECT_TRUE(made.ok()) << made.status();
    auto* const conv = static_cast<ConvModel*>(made->get());
    TaskArena workers(1);
    Exec cpu(nullptr);
    conv->SampleOn(sampler);
    EXPECT_TRUE(conv->Build(data, workers).ok());
    *lists = conv->state().lists;
    Batcher batcher =
        *Batcher::Create(BatchKind::kPairwise, data, {.batch_size = 20, .chunk = 2, .seed = 2});
    for (int64_t epoch = 1; epoch <= 3; ++epoch) {
      EXPECT_TRUE(conv->BeginEpoch(epoch).ok());
      batcher.StartEpoch(epoch);
      conv->parameters()->ZeroGradients();
      TrainingStep step(conv, &cpu, 1);
      const absl::StatusOr<double> loss = step.Run(batcher.Get(0));
      EXPECT_TRUE(loss.ok()) << loss.status();
      out.push_back(loss.value_or(0));
    }
    return out;
  };
  std::vector<NodeLists> want, got;
  const std::vector<double> expected = losses(nullptr, &want);
  EXPECT_NE(expected[0], expected[1]);
  // The second time the walks do not fit into a block and are made by the CPU.
  for (const size_t shared : {size_t{1} << 16, size_t{64}}) {
    propagation::SetSharedMemory(device.get(), shared);
    EXPECT_EQ(losses(device.get(), &got), expected);
    ASSERT_EQ(got.size(), want.size());
    EXPECT_EQ(got[0].ptr, want[0].ptr);
    EXPECT_EQ(got[0].item, want[0].item);
    EXPECT_EQ(got[0].weight, want[0].weight);
  }
}

INSTANTIATE_TEST_SUITE_P(, DeviceConvolution,
                         testing::Values("importance", "max", "softmax", "hard", "sage_mean",
                                         "sage_gcn", "sage_lstm"));

}  // namespace
}  // namespace undula::models
