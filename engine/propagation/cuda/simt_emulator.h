// simt.h under the host compiler, for tests. Include simt.h.
//
// The threads of a block are fibers (Boost.Context) that run one at a time, from one rendezvous
// (barrier, shuffle) to the next; who runs next is drawn at random, and blocks run one after the
// other in random order. What a launch checks:
//  - a barrier that some threads of the block have passed, left or reach elsewhere (divergence);
//  - shared memory starts as 0xFF bytes (NaN, huge indices) and has guard bytes around it;
//  - device memory (emulator::Allocate) starts as 0xFF bytes too and has guard bytes around it;
//  - under AddressSanitizer the guards trap at the access, host code that touches device memory
//    traps, and a pointer to host memory among a kernel's arguments is reported.
// A race shows as a result that depends on SetSeed, so tests run every kernel with several seeds.
// Data races between rendezvous of different warps are found by the random order only.
//
// A failed check makes Launch return an error code; ErrorText has the words. One launch runs at a
// time (a lock), on the calling thread.
#ifndef UNDULA_PROPAGATION_CUDA_SIMT_EMULATOR_H_
#define UNDULA_PROPAGATION_CUDA_SIMT_EMULATOR_H_

#ifndef UNDULA_SIMT_EMULATOR
#error "the emulator is for tests: define UNDULA_SIMT_EMULATOR"
#endif

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#define UNDULA_DEVICE inline
#define UNDULA_KERNEL
#define UNDULA_UNROLL

namespace undula::propagation::simt {

namespace emulator {

// Error codes of a launch.
enum Code : int {
  kOk = 0,
  kBadShape = 10001,
  kDivergence = 10002,
  kBadShuffle = 10003,
  kSharedOutOfBounds = 10004,
  kGlobalOutOfBounds = 10005,
  kHostPointer = 10006,
  kOutOfMemory = 10007,
  kNotWhileRecording = 10008,
};
// What went wrong in the last launch that returned this code.
std::string ErrorText(int code);

// The order of everything that follows. Initially 1.
void SetSeed(uint64_t seed);
// Fiber switches so far: the emulator's unit of work.
int64_t ThreadSteps();

// What a step costs beside its kernels: tests want none of it once warm.
struct Counts {
  int64_t allocations = 0;  // of device memory
  int64_t host_waits = 0;   // for the stream: copies out, events
};
extern Counts counts;

// Device memory: aligned to 256 bytes, poisoned. Null when memory_limit would be passed.
void* Allocate(size_t bytes);
void Free(void* memory);
void SetMemoryLimit(size_t bytes);
// Host code's access to device memory; kGlobalOutOfBounds if a range leaves its allocation.
int Copy(void* to, const void* from, size_t bytes, bool to_device, bool from_device);
int Fill(void* memory, int byte, size_t bytes);

// The running emulated thread.
struct Position {
  int64_t block = 0, blocks = 0;
  int thread = 0, threads = 0;
  unsigned char* shared = nullptr;
};
extern Position position;

void WaitBlock(const std::source_location& where);
// Waits for the warp; returns the `bits` that lane `from` came with.
uint64_t WaitWarp(uint64_t bits, int from, const std::source_location& where);

// Work that is enqueued: run at once or, between BeginRecording and EndRecording (cuda/runtime.h),
// kept. `kind` tells kernels and copies apart.
struct Work {
  const void* kind;
  std::function<int()> run;
};
extern std::vector<Work>* recording;  // null: not recording

int CheckArgument(const void* argument, size_t bytes);
int Run(const LaunchShape& shape, void (*thread_body)(void*), void* context);

}  // namespace emulator

inline int ThreadIndex() { return emulator::position.thread; }
inline int BlockSize() { return emulator::position.threads; }
inline int64_t BlockIndex() { return emulator::position.block; }
inline int64_t GridSize() { return emulator::position.blocks; }

inline void SyncBlock(const std::source_location& where = std::source_location::current()) {
  emulator::WaitBlock(where);
}
inline void SyncWarp(const std::source_location& where = std::source_location::current()) {
  emulator::WaitWarp(0, ThreadIndex() % kWarpSize, where);
}
template <class T>
T Shuffle(T value, int lane, const std::source_location& where = std::source_location::current()) {
  static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = emulator::WaitWarp(bits, lane, where);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
T ShuffleXor(T value, int bits,
             const std::source_location& where = std::source_location::current()) {
  return Shuffle(value, (ThreadIndex() % kWarpSize) ^ bits, where);
}

inline uint32_t Ballot(bool predicate,
                       const std::source_location& where = std::source_location::current()) {
  uint32_t bits = (predicate ? 1u : 0u) << (ThreadIndex() % kWarpSize);
  for (int step = 1; step < kWarpSize; step *= 2) bits |= ShuffleXor(bits, step, where);
  return bits;
}
inline int PopCount(uint32_t bits) { return std::popcount(bits); }

inline float FastExp(float x) { return std::exp(x); }
inline float FastQuotient(float a, float b) { return a / b; }
inline Quad LoadQuad(const float* p) {
  Quad q;
  std::memcpy(&q, std::assume_aligned<16>(p), sizeof(q));
  return q;
}

template <class T>
T* SharedMemory(size_t offset = 0) {
  return reinterpret_cast<T*>(emulator::position.shared + offset);
}

template <class... Params, class... Args>
int Launch(const cuda::Queue&, const LaunchShape& shape, void (*kernel)(Params...),
           const Args&... args) {
  static_assert((std::is_trivially_copyable_v<std::decay_t<Params>> && ...));
  struct Call {
    void (*kernel)(Params...);
    std::tuple<std::decay_t<Params>...> arguments;
  } call{kernel, {args...}};
  int code = 0;
  std::apply(
      [&code](auto&... argument) {
        // Bytes between members may hold anything, an address too.
        (__builtin_clear_padding(&argument), ...);
        ((code = code != 0 ? code : emulator::CheckArgument(&argument, sizeof(argument))), ...);
      },
      call.arguments);
  if (code != 0) return code;
  const auto run = [shape, call] {
    Call own = call;
    return emulator::Run(
        shape,
        [](void* context) {
          auto* self = static_cast<Call*>(context);
          std::apply(self->kernel, self->arguments);
        },
        &own);
  };
  if (emulator::recording == nullptr) return run();
  emulator::recording->push_back({reinterpret_cast<const void*>(kernel), run});
  return 0;
}

}  // namespace undula::propagation::simt

#endif  // UNDULA_PROPAGATION_CUDA_SIMT_EMULATOR_H_
