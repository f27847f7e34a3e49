// Tests of the SIMT emulator itself: right programs give the right answer in every order, and each
// planted mistake is caught.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "propagation/cuda/simt.h"

namespace undula::propagation::simt {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr uint64_t kSeeds = 8;

// A device array for the life of a test.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n)
      : n_(n), data_(static_cast<T*>(emulator::Allocate(n * sizeof(T)))) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    EXPECT_EQ(emulator::Copy(data_, values.data(), n_ * sizeof(T), true, false), 0);
  }
  ~DeviceArray() { emulator::Free(data_); }
  T* get() const { return data_; }
  std::vector<T> Read() const {
    std::vector<T> out(n_);
    EXPECT_EQ(emulator::Copy(out.data(), data_, n_ * sizeof(T), false, true), 0);
    return out;
  }

 private:
  size_t n_;
  T* data_;
};

cuda::Queue TestQueue() {
  cuda::Queue queue;
  queue.max_blocks = 1 << 20;
  return queue;
}

std::vector<float> Numbers(int n) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) x[static_cast<size_t>(i)] = static_cast<float>(i + 1);
  return x;
}

// out[block] = sum of the block's slice of x, by a tree in shared memory. `missing` leaves out the
// barrier of that level; `level` counts from 0.
UNDULA_KERNEL void BlockSum(const float* x, float* out, int missing) {
  float* const shared = SharedMemory<float>();
  shared[ThreadIndex()] = x[GlobalThread()];
  SyncBlock();
  int level = 0;
  for (int width = BlockSize() / 2; width > 0; width /= 2, ++level) {
    if (ThreadIndex() < width) shared[ThreadIndex()] += shared[ThreadIndex() + width];
    if (level != missing) SyncBlock();
  }
  if (ThreadIndex() == 0) out[BlockIndex()] = shared[0];
}

std::vector<float> RunBlockSum(int threads, int missing, uint64_t seed) {
  const int blocks = 3;
  const DeviceArray<float> x(Numbers(blocks * threads));
  const DeviceArray<float> out(blocks);
  emulator::SetSeed(seed);
  EXPECT_EQ(Launch(TestQueue(), {blocks, threads, threads * sizeof(float)}, BlockSum, x.get(),
                   out.get(), missing),
            0);
  return out.Read();
}

TEST(SimtEmulator, ReductionWithBarriersIsRightInEveryOrder) {
  for (const int threads : {32, 64, 256}) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const std::vector<float> sums = RunBlockSum(threads, -1, seed);
      for (int block = 0; block < 3; ++block) {
        const double first = static_cast<double>(block) * threads + 1;
        EXPECT_EQ(sums[static_cast<size_t>(block)], (2 * first + threads - 1) * threads / 2);
      }
    }
  }
}

TEST(SimtEmulator, MissingBarrierGivesResultsThatDependOnTheOrder) {
  for (int level = 0; level < 5; ++level) {
    std::set<std::vector<float>> results;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) results.insert(RunBlockSum(64, level, seed));
    EXPECT_GT(results.size(), 1u) << "level " << level;
  }
}

// Neighbors through shared memory, with or without the barrier between writing and reading.
UNDULA_KERNEL void Rotate(const float* x, float* out, bool barrier) {
  float* const shared = SharedMemory<float>();
  shared[ThreadIndex()] = x[GlobalThread()];
  if (barrier) SyncBlock();
  out[GlobalThread()] = shared[(ThreadIndex() + 1) % BlockSize()];
}

TEST(SimtEmulator, ReadingSharedMemoryBeforeItIsWrittenGivesNan) {
  const DeviceArray<float> x(Numbers(128));
  const DeviceArray<float> out(128);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::SetSeed(seed);
    ASSERT_EQ(Launch(TestQueue(), {2, 64, 64 * sizeof(float)}, Rotate, x.get(), out.get(), true),
              0);
    const std::vector<float> right = out.Read();
    for (int i = 0; i < 128; ++i) {
      EXPECT_EQ(right[static_cast<size_t>(i)], i / 64 * 64 + (i + 1) % 64 + 1);
    }
    ASSERT_EQ(Launch(TestQueue(), {2, 64, 64 * sizeof(float)}, Rotate, x.get(), out.get(), false),
              0);
    int nan = 0;
    for (const float v : out.Read()) nan += std::isnan(v) ? 1 : 0;
    EXPECT_GT(nan, 0);
  }
}

UNDULA_KERNEL void ReadUninitialised(float* out) {
  const float* const shared = SharedMemory<float>();
  out[GlobalThread()] = shared[ThreadIndex()];
}

TEST(SimtEmulator, SharedAndDeviceMemoryStartPoisoned) {
  const DeviceArray<float> fresh(4);
  for (const float v : fresh.Read()) EXPECT_TRUE(std::isnan(v));
  const DeviceArray<float> out(64);
  ASSERT_EQ(Launch(TestQueue(), {2, 32, 32 * sizeof(float)}, ReadUninitialised, out.get()), 0);
  for (const float v : out.Read()) EXPECT_TRUE(std::isnan(v));
}

// Some threads wait at a barrier that the others never reach, or reach elsewhere.
UNDULA_KERNEL void LeaveBeforeBarrier(int leaver) {
  if (ThreadIndex() == leaver) return;
  SyncBlock();
}
UNDULA_KERNEL void TwoBarriers(int other) {
  if (ThreadIndex() == other) {
    SyncBlock();
  } else {
    SyncBlock();
  }
}
UNDULA_KERNEL void ShuffleInBranch(float* out) {
  if (Lane() < 16) out[ThreadIndex()] = Shuffle(1.0f, 0);
}
UNDULA_KERNEL void WarpAgainstBlock() {
  if (WarpOfBlock() == 0) {
    SyncWarp();
  } else if (Lane() == 0) {
    SyncBlock();
  } else {
    SyncWarp();
  }
}

TEST(SimtEmulator, DivergentBarriersAreReported) {
  const cuda::Queue queue = TestQueue();
  const DeviceArray<float> out(64);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::SetSeed(seed);
    EXPECT_EQ(Launch(queue, {1, 64, 0}, LeaveBeforeBarrier, 63), emulator::kDivergence);
    EXPECT_NE(emulator::ErrorText(emulator::kDivergence).find("has ended"), std::string::npos);
    EXPECT_EQ(Launch(queue, {1, 64, 0}, TwoBarriers, 7), emulator::kDivergence);
    EXPECT_NE(emulator::ErrorText(emulator::kDivergence).find("simt_emulator_test.cc:"),
              std::string::npos);
    EXPECT_EQ(Launch(queue, {2, 32, 0}, ShuffleInBranch, out.get()), emulator::kDivergence);
    EXPECT_EQ(Launch(queue, {1, 64, 0}, WarpAgainstBlock), emulator::kDivergence);
    // The emulator works on after a failed launch.
    EXPECT_EQ(Launch(queue, {1, 64, 0}, TwoBarriers, -1), emulator::kOk);
  }
}

UNDULA_KERNEL void WriteShared(int64_t index) {
  if (ThreadIndex() == 0) SharedMemory<float>()[index] = 1.0f;
}
UNDULA_KERNEL void WriteGlobal(float* out, int64_t index) {
  if (GlobalThread() == 0) out[index] = 1.0f;
}

TEST(SimtEmulator, SharedWriteOutOfBoundsIsCaught) {
  const cuda::Queue queue = TestQueue();
  ASSERT_EQ(Launch(queue, {1, 32, 64 * sizeof(float)}, WriteShared, int64_t{63}), 0);
  for (const int64_t index : {int64_t{64}, int64_t{-1}}) {
    if (kSanitized) {
      EXPECT_DEATH(Launch(queue, {1, 32, 64 * sizeof(float)}, WriteShared, index),
                   "use-after-poison|heap-buffer-overflow");
    } else {
      EXPECT_EQ(Launch(queue, {1, 32, 64 * sizeof(float)}, WriteShared, index),
                emulator::kSharedOutOfBounds);
      EXPECT_NE(emulator::ErrorText(emulator::kSharedOutOfBounds).find("256 bytes"),
                std::string::npos);
    }
  }
}

TEST(SimtEmulator, GlobalWriteOutOfBoundsIsCaught) {
  const cuda::Queue queue = TestQueue();
  for (const int64_t index : {int64_t{10}, int64_t{-1}}) {
    const DeviceArray<float> out(10);
    ASSERT_EQ(Launch(queue, {1, 32, 0}, WriteGlobal, out.get(), int64_t{9}), 0);
    if (kSanitized) {
      EXPECT_DEATH(Launch(queue, {1, 32, 0}, WriteGlobal, out.get(), index), "use-after-poison");
    } else {
      EXPECT_EQ(Launch(queue, {1, 32, 0}, WriteGlobal, out.get(), index),
                emulator::kGlobalOutOfBounds);
    }
  }
  const DeviceArray<float> small(4);
  const std::vector<float> five(5);
  EXPECT_EQ(emulator::Copy(small.get(), five.data(), 5 * sizeof(float), true, false),
            emulator::kGlobalOutOfBounds);
  EXPECT_EQ(emulator::Fill(small.get() + 2, 0, 3 * sizeof(float)), emulator::kGlobalOutOfBounds);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(SimtEmulator, HostPointersAndHostAccessAreCaught) {
  std::vector<float> host(8);
  EXPECT_EQ(Launch(TestQueue(), {1, 32, 0}, WriteGlobal, host.data(), int64_t{0}),
            emulator::kHostPointer);
  const DeviceArray<float> device(8);
  volatile float* p = device.get();
  EXPECT_DEATH(p[0] = 1.0f, "use-after-poison");
}
#endif

UNDULA_KERNEL void Shuffles(float* rotated, double* sums, int64_t* maxima, uint32_t* broadcast) {
  const int64_t i = GlobalThread();
  rotated[i] = Shuffle(static_cast<float>(i), (Lane() + 5) % kWarpSize);
  sums[i] = WarpSum(static_cast<double>(i) + 0.5);
  maxima[i] = WarpMax(i % 7 == 0 ? i + 1000 : -i);
  broadcast[i] = Shuffle(static_cast<uint32_t>(3 * i), 31);
}

TEST(SimtEmulator, ShufflesAndReductionsAreRight) {
  constexpr int kThreads = 2 * 96;
  const DeviceArray<float> rotated(kThreads);
  const DeviceArray<double> sums(kThreads);
  const DeviceArray<int64_t> maxima(kThreads);
  const DeviceArray<uint32_t> broadcast(kThreads);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::SetSeed(seed);
    ASSERT_EQ(Launch(TestQueue(), {2, 96, 0}, Shuffles, rotated.get(), sums.get(), maxima.get(),
                     broadcast.get()),
              0);
    const auto r = rotated.Read();
    const auto s = sums.Read();
    const auto m = maxima.Read();
    const auto b = broadcast.Read();
    for (int i = 0; i < kThreads; ++i) {
      const int warp = i / 32 * 32;
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(r[at], static_cast<float>(warp + (i - warp + 5) % 32));
      EXPECT_EQ(s[at], 32.0 * warp + 31 * 16 + 16);
      EXPECT_EQ(m[at], (warp + 31) / 7 * 7 + 1000);
      EXPECT_EQ(b[at], static_cast<uint32_t>(3 * (warp + 31)));
    }
  }
}

UNDULA_KERNEL void Ballots(uint32_t* bits, int* counts) {
  const int i = static_cast<int>(GlobalThread());
  bits[i] = Ballot(Lane() % 3 == WarpOfBlock());
  counts[i] = PopCount(bits[i]);
}

TEST(SimtEmulator, BallotsCountTheLanes) {
  const DeviceArray<uint32_t> bits(64);
  const DeviceArray<int> counts(64);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::SetSeed(seed);
    ASSERT_EQ(Launch(TestQueue(), {1, 64, 0}, Ballots, bits.get(), counts.get()), 0);
    const auto b = bits.Read();
    const auto c = counts.Read();
    for (size_t i = 0; i < 64; ++i) {
      EXPECT_EQ(b[i], i < 32 ? 0x49249249u : 0x92492492u);
      EXPECT_EQ(c[i], 11);
    }
  }
}

UNDULA_KERNEL void ReadLane(float* out, int lane) { out[ThreadIndex()] = Shuffle(1.0f, lane); }

TEST(SimtEmulator, BadLaunchesAreRefused) {
  const cuda::Queue queue = TestQueue();
  const DeviceArray<float> out(32);
  EXPECT_EQ(Launch(queue, {1, 32, 0}, ReadLane, out.get(), 32), emulator::kBadShuffle);
  EXPECT_EQ(Launch(queue, {1, 33, 0}, ReadLane, out.get(), 0), emulator::kBadShape);
  EXPECT_EQ(Launch(queue, {1, 512, 0}, ReadLane, out.get(), 0), emulator::kBadShape);
  EXPECT_EQ(Launch(queue, {1, 32, size_t{1} << 30}, ReadLane, out.get(), 0), emulator::kBadShape);
  EXPECT_EQ(Launch(queue, {0, 32, 0}, ReadLane, out.get(), 32), 0);  // nothing to run
}

TEST(SimtEmulator, MemoryLimitMakesAllocationFail) {
  emulator::SetMemoryLimit(1024);
  EXPECT_EQ(emulator::Allocate(2048), nullptr);
  void* const p = emulator::Allocate(512);
  EXPECT_NE(p, nullptr);
  emulator::Free(p);
  emulator::SetMemoryLimit(SIZE_MAX);
}

// Blocks run in an order that depends on the seed: the first one to run writes its number.
UNDULA_KERNEL void FirstBlock(int* claimed) {
  if (ThreadIndex() == 0 && *claimed < 0) *claimed = static_cast<int>(BlockIndex());
}

TEST(SimtEmulator, BlocksRunInRandomOrder) {
  std::set<int> first;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    const DeviceArray<int> claimed(std::vector<int>{-1});
    emulator::SetSeed(seed);
    ASSERT_EQ(Launch(TestQueue(), {8, 32, 0}, FirstBlock, claimed.get()), 0);
    first.insert(claimed.Read()[0]);
  }
  EXPECT_GT(first.size(), 3u);
}

}  // namespace
}  // namespace undula::propagation::simt
