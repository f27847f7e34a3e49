#include "tests/propagation/device_fixture.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#ifdef UNDULA_SIMT_EMULATOR
#include "propagation/cuda/blas.h"
#include "propagation/cuda/simt.h"
#endif

namespace undula::propagation {
namespace {

template <class T>
std::vector<T> ReadTensor(const Exec& exec, const Tensor& t) {
  std::vector<T> out(static_cast<size_t>(t.size()));
  if (out.empty()) return out;
  if constexpr (kHasCuda) {
    if (exec.on_gpu()) {
      const absl::Status read =
          cuda::Check(cuda::runtime::CopyOut(exec.device()->queue(), out.data(), t.data,
                                             out.size() * sizeof(T)),
                      "read");
      EXPECT_TRUE(read.ok()) << read;
      return out;
    }
  }
  std::memcpy(out.data(), t.data, out.size() * sizeof(T));
  return out;
}

}  // namespace

std::unique_ptr<Exec> OpenTestDevice(std::string* why) {
  auto exec = Exec::Create("cuda", nullptr);
  if (exec.ok()) return *std::move(exec);
  *why = Message(exec.status());
  return nullptr;
}

void SetSchedule([[maybe_unused]] Exec* exec, [[maybe_unused]] const Schedule& schedule) {
  if constexpr (kHasCuda) exec->device()->set_block_threads(schedule.block_threads);
#ifdef UNDULA_SIMT_EMULATOR
  simt::emulator::SetSeed(schedule.seed);
#endif
}

void SetDeviceBlas([[maybe_unused]] Exec* exec, [[maybe_unused]] bool on) {
  if constexpr (kHasCuda) exec->device()->use_blas(on);
}

void SetSharedMemory([[maybe_unused]] Exec* exec, [[maybe_unused]] size_t bytes) {
  if constexpr (kHasCuda) exec->device()->limit_shared_memory(bytes);
}

void UseChunks([[maybe_unused]] Exec* exec) {
  if constexpr (kHasCuda) exec->device()->facts.watches_bounds = false;
}

DeviceCounts CountsOfDevice() {
#ifdef UNDULA_SIMT_EMULATOR
  return {simt::emulator::counts.allocations, simt::emulator::counts.host_waits};
#else
  return {};
#endif
}

void SetDeviceMemory([[maybe_unused]] size_t bytes) {
#ifdef UNDULA_SIMT_EMULATOR
  simt::emulator::SetMemoryLimit(bytes);
#endif
}

std::vector<float> ReadFloats(const Exec& exec, const Tensor& t) {
  return ReadTensor<float>(exec, t);
}
std::vector<uint32_t> ReadIds(const Exec& exec, const Tensor& t) {
  return ReadTensor<uint32_t>(exec, t);
}
std::vector<int64_t> ReadOffsets(const Exec& exec, const Tensor& t) {
  return ReadTensor<int64_t>(exec, t);
}

std::vector<float> RandomFloats(int64_t n, uint32_t seed, double scale) {
  const Rng rng(17, RngStream::kTest, seed);
  std::vector<float> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(scale * (2.0 * rng.Uniform(i) - 1));
  }
  return out;
}

DeviceRun::DeviceRun(Exec* exec) : exec_(exec), tape_(exec, &arena_) {}

Tensor DeviceRun::Shaped(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  floats_.push_back(values);
  Tensor t = tape_.Floats(floats_.back());
  t.rank = static_cast<int>(shape.size());
  std::fill(t.shape, t.shape + 3, 1);
  std::copy(shape.begin(), shape.end(), t.shape);
  return t;
}

Var DeviceRun::Leaf(const std::vector<int64_t>& shape, double scale) {
  int64_t n = 1;
  for (const int64_t extent : shape) n *= extent;
  return Leaf(shape, RandomFloats(n, next_seed_++, scale));
}

Var DeviceRun::Leaf(const std::vector<int64_t>& shape, const std::vector<float>& values) {
  leaves_.push_back(tape_.Leaf(Shaped(values, shape)));
  return leaves_.back();
}

Tensor DeviceRun::Ids(std::vector<uint32_t> ids) {
  ids_.push_back(std::move(ids));
  return tape_.Indices(ids_.back());
}
Tensor DeviceRun::Offsets(std::vector<int64_t> offsets) {
  offsets_.push_back(std::move(offsets));
  return tape_.Offsets(offsets_.back());
}
Tensor DeviceRun::Floats(std::vector<float> values) {
  floats_.push_back(std::move(values));
  return tape_.Floats(floats_.back());
}

Parameter* DeviceRun::Table(const std::string& name, const std::vector<int64_t>& shape,
                            bool row_sparse) {
  EXPECT_TRUE(parameters_.MoveTo(nullptr).ok());
  Parameter* p =
      parameters_.Add(name, shape, row_sparse, Init{Init::Kind::kUniform, 1}, next_seed_++);
  const absl::Status moved = parameters_.MoveTo(exec_);
  EXPECT_TRUE(moved.ok()) << moved;
  return p;
}

void DeviceRun::Result(Var v) { results_.push_back(v); }
void DeviceRun::Also(const std::string& name, const Tensor& t) { tensors_.push_back({name, t}); }

absl::Status DeviceRun::Finish(NamedValues* out) {
  UNDULA_RETURN_IF_ERROR(tape_.status());
  for (size_t i = 0; i < results_.size(); ++i) {
    const Tensor value = tape_.value(results_[i]);
    out->push_back({Concat("value ", i), ReadFloats(*exec_, value)});
    floats_.push_back(RandomFloats(value.size(), 1000 + static_cast<uint32_t>(i)));
    tape_.AddGradient(results_[i], tape_.Floats(floats_.back()));
  }
  for (const auto& [name, t] : tensors_) out->push_back({name, ReadFloats(*exec_, t)});
  tape_.BackwardAll();
  UNDULA_RETURN_IF_ERROR(tape_.status());
  for (size_t i = 0; i < leaves_.size(); ++i) {
    out->push_back({Concat("gradient ", i), ReadFloats(*exec_, tape_.grad(leaves_[i]))});
  }
  for (const auto& p : parameters_.all()) {
    std::vector<float> dense;
    if (p->row_sparse) {
      dense.resize(static_cast<size_t>(p->value.size()), 0);
      for (const SparseGradient& g : p->sparse) {
        const std::vector<uint32_t> rows = ReadIds(*exec_, g.rows);
        const std::vector<float> values = ReadFloats(*exec_, g.values);
        const size_t cols = static_cast<size_t>(p->value.cols());
        for (size_t r = 0; r < rows.size(); ++r) {
          if (rows[r] == UINT32_MAX) continue;
          EXPECT_TRUE(r == 0 || rows[r - 1] < rows[r]);
          for (size_t c = 0; c < cols; ++c) dense[rows[r] * cols + c] += values[r * cols + c];
        }
      }
    } else {
      dense = ReadFloats(*exec_, p->grad);
    }
    out->push_back({Concat("gradient of ", p->name), std::move(dense)});
  }
  return tape_.status();
}

void ExpectClose(const NamedValues& expected, const NamedValues& actual, double tolerance) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& [name, e] = expected[i];
    const std::vector<float>& a = actual[i].second;
    ASSERT_EQ(e.size(), a.size()) << name;
    double norm = 0, difference = 0;
    for (size_t j = 0; j < e.size(); ++j) {
      norm = std::max(norm, std::fabs(static_cast<double>(e[j])));
      // Not std::max, which would pass a NaN over.
      const double d = std::fabs(static_cast<double>(e[j]) - static_cast<double>(a[j]));
      if (!(d <= difference)) difference = d;
    }
    EXPECT_LE(difference, tolerance * std::max(norm, 1e-3)) << name << ", max norm " << norm;
  }
}

void ExpectDeviceAgrees(Exec* device, const std::function<void(DeviceRun&)>& body,
                        double tolerance) {
  Exec cpu(nullptr);
  const auto run = [&](Exec* exec, NamedValues* out) {
    DeviceRun context(exec);
    body(context);
    return context.Finish(out);
  };
  NamedValues expected;
  const absl::Status on_cpu = run(&cpu, &expected);
  ASSERT_TRUE(on_cpu.ok()) << on_cpu;
  NamedValues first;
  for (const Schedule& schedule : kSchedules) {
    SetSchedule(device, schedule);
    NamedValues actual;
    const absl::Status on_device = run(device, &actual);
    ASSERT_TRUE(on_device.ok()) << on_device;
    ExpectClose(expected, actual, tolerance);
    if (first.empty()) first = actual;
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(first[i].second, actual[i].second)
          << first[i].first << " depends on the schedule or the block size";
    }
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace undula::propagation
