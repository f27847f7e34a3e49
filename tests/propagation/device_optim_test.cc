// Optimizers, sort by row, memory and errors on a device against the CPU; see device_fixture.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/cuda/row_segments.h"
#include "propagation/cuda/sort_rows.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/optim/optimizer.h"
#include "propagation/row_order.h"
#include "tests/propagation/device_fixture.h"

namespace undula::propagation {
namespace {

struct Setting {
  const char* name;
  OptimizerOptions options;
};
std::vector<Setting> Settings() {
  const auto make = [](const char* kind, auto change) {
    OptimizerOptions options;
    options.kind = kind;
    options.learning_rate = 0.05;
    change(&options);
    return options;
  };
  return {{"sgd", make("sgd", [](auto*) {})},
          {"momentum", make("sgd", [](auto* o) { o->momentum = 0.9; })},
          {"adagrad", make("adagrad", [](auto*) {})},
          {"adam", make("adam", [](auto* o) { o->weight_decay = 0.01; })},
          {"adamw", make("adamw", [](auto* o) { o->weight_decay = 0.01; })},
          {"lazy_adam", make("lazy_adam", [](auto*) {})},
          {"lazy_adam_row_steps", make("lazy_adam", [](auto* o) { o->per_row_steps = true; })}};
}

// Three steps with one or two sparse contributions (rows in common) and a dense parameter that is
// longer than the optimizer's tile; the values, the optimizer's state, and both after one more step
// on the CPU.
NamedValues Train(Exec* exec, const OptimizerOptions& options) {
  ParameterSet set;
  Parameter* table = set.Add("table", {40, 5}, true, Init{Init::Kind::kUniform, 1}, 1);
  Parameter* dense = set.Add("dense", {30, 37}, false, Init{Init::Kind::kUniform, 1}, 1);
  auto optimizer = Optimizer::Create(options, &set);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  Exec cpu(nullptr);
  Arena arena, host_arena;
  NamedValues out;
  for (int step = 0; step < 4; ++step) {
    Exec* const where = step == 3 ? &cpu : exec;
    EXPECT_TRUE(set.MoveTo(where).ok());
    set.ZeroGradients();
    arena.Reset();
    Tape tape(where, step == 3 ? &host_arena : &arena);
    const std::vector<uint32_t> some = {3, 39, 3, static_cast<uint32_t>(step)}, more = {39, 0, 7};
    Var x = Sum(tape, Mul(tape, GatherRows(tape, table, tape.Indices(some)),
                          GatherRows(tape, table, tape.Indices(some))));
    if (step > 0) {
      const Var rows = GatherRows(tape, table, tape.Indices(more));
      x = AddScaled(tape, x, 0.5, WeightedSquaredNorm(tape, rows, Tensor{}, 1), 1);
    }
    x = AddScaled(tape, x, 1, WeightedSquaredNorm(tape, tape.Use(dense), Tensor{}, 0.5), 1);
    tape.Backward(x);
    EXPECT_TRUE(tape.status().ok()) << tape.status();
    const absl::Status stepped = (*optimizer)->Step(nullptr);
    EXPECT_TRUE(stepped.ok()) << stepped;
    if (step < 2) continue;
    TensorMap map;
    set.Save("p/", &map);
    (*optimizer)->Save("o/", &map);
    for (const auto& [name, t] : map.tensors) {
      if (t.dtype == DType::kF32) {
        out.push_back({Concat("step ", step, " ", name),
                       std::vector<float>(t.data<float>(), t.data<float>() + t.size())});
      }
    }
  }
  return out;
}

TEST(DeviceOptimizers, AgreeWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  for (const Setting& setting : Settings()) {
    SCOPED_TRACE(setting.name);
    Exec cpu(nullptr);
    const NamedValues expected = Train(&cpu, setting.options);
    ASSERT_GE(expected.size(), 4u);
    NamedValues first;
    for (const Schedule& schedule : kSchedules) {
      SetSchedule(device.get(), schedule);
      const NamedValues actual = Train(device.get(), setting.options);
      ExpectClose(expected, actual, 1e-5);
      if (first.empty()) first = actual;
      EXPECT_EQ(first, actual) << "depends on the schedule";
    }
  }
}

TEST(DeviceSort, RowsEqualTheCpusAndPaddingIsAtTheEnd) {
  UNDULA_OPEN_DEVICE(device);
  if constexpr (kHasCuda) {
    struct Case {
      std::vector<uint32_t> ids;
      int64_t limit;
    };
    std::vector<uint32_t> many(3000);
    for (uint32_t i = 0; i < many.size(); ++i) many[i] = i * 2654435761u % 700;
    for (const Case& c : {Case{{5, 5, 5}, 6}, Case{{0}, 1}, Case{{4, 3, 2, 1, 0}, 5},
                          Case{{4000000000u, 7, 4000000000u}, 4000000001}, Case{many, 700}}) {
      for (const bool padded : {false, true}) {
        std::vector<uint32_t> ids = c.ids;
        if (padded) {
          ids.insert(ids.begin(), cuda::kNoRow);
          ids.push_back(cuda::kNoRow);
        }
        Arena host, arena;
        const RowOrder expected =
            SortByRow(c.ids.data(), static_cast<int64_t>(c.ids.size()), c.limit, host);
        for (const Schedule& schedule : kSchedules) {
          SetSchedule(device.get(), schedule);
          arena.Reset();
          Tape tape(device.get(), &arena);
          const Tensor on_device = tape.Indices(ids);
          RowOrder order;
          const int64_t n = on_device.size();
          const absl::Status sorted = cuda::SortRowsOn(
              device->device(), arena, on_device.as<uint32_t>(), n, c.limit, &order);
          ASSERT_TRUE(sorted.ok()) << sorted;
          ASSERT_EQ(order.distinct, std::min(n, c.limit));
          const auto rows = ReadIds(*device, View(order.rows, n));
          const auto ptr = ReadOffsets(*device, View(order.ptr, n + 1));
          const auto positions = ReadIds(*device, View(order.order, n));
          for (int64_t s = 0; s < n; ++s) {
            const bool real = s < expected.distinct;
            EXPECT_EQ(rows[s], real ? expected.rows[s] : cuda::kNoRow);
            EXPECT_EQ(ptr[s], real ? expected.ptr[s] : static_cast<int64_t>(c.ids.size()));
          }
          EXPECT_EQ(ptr[n], static_cast<int64_t>(c.ids.size()));
          for (size_t i = 0; i < c.ids.size(); ++i) {
            EXPECT_EQ(positions[i], expected.order[i] + (padded ? 1 : 0));
          }
        }
      }
    }
  }
}

TEST(DeviceParameters, MoveKeepsValuesAndSavesTheSame) {
  UNDULA_OPEN_DEVICE(device);
  ParameterSet set;
  set.Add("a", {7, 3}, true, Init{Init::Kind::kNormal, 1}, 5);
  set.Add("b", {9}, false, Init{Init::Kind::kUniform, 1}, 5);
  TensorMap before, there, after;
  set.Save("", &before);
  ASSERT_TRUE(set.MoveTo(device.get()).ok());
  EXPECT_NE(set.device(), nullptr);
  set.ZeroGradients();
  set.Save("", &there);
  ASSERT_TRUE(set.Load("", before).ok());
  ASSERT_TRUE(set.MoveTo(nullptr).ok());
  EXPECT_EQ(set.device(), nullptr);
  set.Save("", &after);
  for (const auto& [name, t] : before.tensors) {
    EXPECT_EQ(t.bytes, there.tensors.at(name).bytes) << name;
    EXPECT_EQ(t.bytes, after.tensors.at(name).bytes) << name;
  }
  ParameterSet doubles(DType::kF64);
  doubles.Add("a", {2}, false, Init{}, 1);
  EXPECT_EQ(doubles.MoveTo(device.get()).code(), absl::StatusCode::kUnimplemented);
}

TEST(DeviceErrors, TapesAreStickyAndSayWhatToDo) {
  UNDULA_OPEN_DEVICE(device);
  Arena arena;
  Tape doubles(device.get(), &arena, DType::kF64);
  doubles.Leaf(doubles.NewTensor({2}));
  EXPECT_EQ(doubles.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(Message(doubles.status()).find("use the cpu"), std::string_view::npos);
}

#ifdef UNDULA_SIMT_EMULATOR  // a real device has too much memory for this
TEST(DeviceErrors, NoMemoryIsResourceExhausted) {
  UNDULA_OPEN_DEVICE(device);
  SetDeviceMemory(1 << 16);
  Arena arena;
  Tape tape(device.get(), &arena);
  const std::vector<float> big(1 << 15, 1.0f);
  const Var x = tape.Leaf(tape.Floats(big));
  EXPECT_FALSE(Mul(tape, x, x).valid());
  ParameterSet set;
  set.Add("a", {1 << 15}, false, Init{Init::Kind::kUniform, 1}, 1);
  const absl::Status moved = set.MoveTo(device.get());
  SetDeviceMemory(SIZE_MAX);
  EXPECT_EQ(tape.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(Message(tape.status()).find("GPU memory"), std::string_view::npos);
  EXPECT_EQ(moved.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(set.device(), nullptr);
  EXPECT_NE(set.Find("a")->value.as<float>()[0], 0.0f);
}
#endif

TEST(DeviceNames, Tf32IsOffUnlessAskedFor) {
  UNDULA_OPEN_DEVICE(plain);
  EXPECT_FALSE(plain->device()->queue().tf32);
  ASSERT_EQ(setenv("UNDULA_TF32", "1", 1), 0);
  const auto rounded = Exec::Create("cuda", nullptr);
  ASSERT_EQ(setenv("UNDULA_TF32", "yes", 1), 0);
  const absl::Status bad = Exec::Create("auto", nullptr).status();
  ASSERT_EQ(unsetenv("UNDULA_TF32"), 0);
  ASSERT_TRUE(rounded.ok()) << rounded.status();
  EXPECT_TRUE((*rounded)->device()->queue().tf32);
  EXPECT_NE((*rounded)->description().find("TF32"), std::string::npos);
  EXPECT_EQ(bad.code(), absl::StatusCode::kInvalidArgument) << bad;
}

TEST(DeviceNames, NumbersAndUnknownNames) {
  EXPECT_EQ(Exec::Create("gpu", nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  const absl::Status missing = Exec::Create("cuda:999", nullptr).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  const auto chosen = Exec::Create("auto", nullptr);
  ASSERT_TRUE(chosen.ok());
  std::string why;
  const bool has_device = OpenTestDevice(&why) != nullptr;
  EXPECT_EQ((*chosen)->on_gpu(), has_device);
  if (has_device) {
    EXPECT_NE(Message(missing).find("no GPU number 999"), std::string_view::npos) << missing;
    EXPECT_TRUE(DescribeGpus().starts_with("cuda:0 ")) << DescribeGpus();
    EXPECT_TRUE((*chosen)->description().starts_with("cuda:0 ")) << (*chosen)->description();
  } else {
    EXPECT_FALSE(why.empty());
    EXPECT_TRUE(DescribeGpus().starts_with("no GPU: ")) << DescribeGpus();
    EXPECT_NE((*chosen)->description().find("no GPU: "), std::string::npos);
  }
}

}  // namespace
}  // namespace undula::propagation
