// Runs the same operators on the CPU and on a device and compares. The sources of these tests are
// built twice: with the emulated device (every machine) and with CUDA (skipped without a GPU).
#ifndef UNDULA_TESTS_PROPAGATION_DEVICE_FIXTURE_H_
#define UNDULA_TESTS_PROPAGATION_DEVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::propagation {

#ifdef UNDULA_SIMT_EMULATOR
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

// The device, or null with the reason to skip. The emulated device is always there.
std::unique_ptr<Exec> OpenTestDevice(std::string* why);
#define UNDULA_OPEN_DEVICE(exec)                                              \
  std::string no_device_reason;                                               \
  const auto exec = ::undula::propagation::OpenTestDevice(&no_device_reason); \
  if (exec == nullptr) GTEST_SKIP() << "no CUDA device: " << no_device_reason

// The order in which emulated threads run (nothing on a real device) and the threads of a block.
struct Schedule {
  uint64_t seed;
  int block_threads;
};
inline constexpr Schedule kSchedules[] = {{1, 256}, {2, 64}, {3, 256}, {4, 64}, {5, 256}, {6, 64}};
void SetSchedule(Exec* exec, const Schedule& schedule);
void SetDeviceBlas(Exec* exec, bool on);
// Shared memory of a block; 0 leaves operators their row kernels.
void SetSharedMemory(Exec* exec, size_t bytes);
// Step memory in large chunks, as on a real device, where the emulated one gives every tensor its
// own allocation to watch its bounds.
void UseChunks(Exec* exec);
// Allocations of device memory, and waits of the host for the device, so far; 0 on a real device.
struct DeviceCounts {
  int64_t allocations = 0, host_waits = 0;
  friend bool operator==(const DeviceCounts&, const DeviceCounts&) = default;
};
DeviceCounts CountsOfDevice();
// The emulated device has only this much memory (SIZE_MAX: enough). Nothing on a real one.
void SetDeviceMemory(size_t bytes);

std::vector<float> ReadFloats(const Exec& exec, const Tensor& t);
std::vector<uint32_t> ReadIds(const Exec& exec, const Tensor& t);
std::vector<int64_t> ReadOffsets(const Exec& exec, const Tensor& t);

// Uniform in [-scale, scale).
std::vector<float> RandomFloats(int64_t n, uint32_t seed, double scale = 1);

using NamedValues = std::vector<std::pair<std::string, std::vector<float>>>;

// What a case builds its tape with. Inputs are the same numbers on both sides.
class DeviceRun {
 public:
  explicit DeviceRun(Exec* exec);

  Tape& tape() { return tape_; }
  Var Leaf(const std::vector<int64_t>& shape, double scale = 1);
  Var Leaf(const std::vector<int64_t>& shape, const std::vector<float>& values);
  Tensor Ids(std::vector<uint32_t> ids);
  Tensor Offsets(std::vector<int64_t> offsets);
  Tensor Floats(std::vector<float> values);
  Parameter* Table(const std::string& name, const std::vector<int64_t>& shape, bool row_sparse);

  // A result: its value, and with a random gradient of its own the start of the backward pass.
  void Result(Var v);
  // A tensor that is compared as it is.
  void Also(const std::string& name, const Tensor& t);

  // Backward, then all results and the gradients of all leaves and tables.
  absl::Status Finish(NamedValues* out);

 private:
  Tensor Shaped(const std::vector<float>& values, const std::vector<int64_t>& shape);

  Exec* exec_;
  Arena arena_;
  Tape tape_;
  ParameterSet parameters_;
  uint32_t next_seed_ = 1;
  std::vector<Var> leaves_, results_;
  NamedValues also_;
  std::vector<std::pair<std::string, Tensor>> tensors_;
  std::deque<std::vector<uint32_t>> ids_;
  std::deque<std::vector<int64_t>> offsets_;
  std::deque<std::vector<float>> floats_;
};

// Max norm of the difference within `tolerance` of the max norm of `expected`.
void ExpectClose(const NamedValues& expected, const NamedValues& actual, double tolerance);

// Runs the body on the CPU and on the device, there with several schedules and block sizes, and
// expects agreement with the CPU and the same bits in every schedule.
void ExpectDeviceAgrees(Exec* device, const std::function<void(DeviceRun&)>& body,
                        double tolerance = 1e-5);

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_PROPAGATION_DEVICE_FIXTURE_H_
