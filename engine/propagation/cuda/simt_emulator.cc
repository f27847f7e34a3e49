#include "propagation/cuda/simt.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/rng.h"
#include "propagation/cuda/fiber.h"
#include "propagation/cuda/simt_memory.h"

namespace undula::propagation::simt::emulator {

Position position;
Counts counts;
std::vector<Work>* recording = nullptr;

namespace {

enum class State : uint8_t { kReady, kBlockBarrier, kWarp, kDone };

// Thrown inside a fiber to leave a kernel whose launch has failed; caught where the fiber starts.
struct Abandon {};

struct Thread {
  std::unique_ptr<Fiber> fiber;
  State state = State::kDone;
  std::source_location where;
  uint64_t bits = 0;  // what it brings to, then gets from, a warp operation
  int from = 0;
};

bool SamePlace(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && a.file_name() == b.file_name();
}
std::string Name(const std::source_location& where) {
  std::string file = where.file_name();
  file.erase(0, file.find_last_of('/') + 1);
  return file + ":" + std::to_string(where.line());
}

// Random numbers of the schedule, four from each block of the generator.
class Order {
 public:
  void Reset(uint64_t seed) {
    seed_ = seed;
    counter_ = 0;
  }
  uint32_t Below(uint32_t n) {
    const uint32_t word = static_cast<uint32_t>(counter_ % 4);
    if (word == 0) {
      const uint64_t block = counter_ / 4;
      block_ = Philox(PhiloxBlock{{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                   0, static_cast<uint32_t>(RngStream::kTest)}},
                      static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32));
    }
    ++counter_;
    return static_cast<uint32_t>((uint64_t{block_.v[word]} * n) >> 32);
  }

 private:
  uint64_t seed_ = 1;
  uint64_t counter_ = 0;
  PhiloxBlock block_{};
};

class Machine {
 public:
  int Run(const LaunchShape& shape, void (*body)(void*), void* context);
  void Wait(State state, uint64_t bits, int from, const std::source_location& where);
  uint64_t bits_of_current() const { return threads_[position.thread].bits; }

  std::mutex mutex;
  Order order;
  std::string error;
  int64_t steps = 0;

 private:
  int RunBlock(const LaunchShape& shape);
  void Prepare(int threads);
  void Resume(int thread);
  int Fail(int code, std::string text);
  int AfterStep(int thread);
  int TryWarp(int warp);
  int ReleaseBlockBarrier();
  void AbandonBlock();
  int Choose();
  void MakeReady(int thread);

  std::vector<Thread> threads_;
  int count_ = 0;  // threads of the launch's blocks
  std::vector<int> ready_;
  int ready_of_warp_[kMaxBlock / kWarpSize] = {};
  int done_ = 0;
  int schedule_ = 0;  // of the block: see Choose
  int favorite_warp_ = 0;
  void (*body_)(void*) = nullptr;
  void* context_ = nullptr;
  bool abandon_ = false;
};

Machine& TheMachine() {
  static Machine& machine = *new Machine;  // fibers are never unwound at exit
  return machine;
}

void Machine::Prepare(int threads) {
  while (static_cast<int>(threads_.size()) < threads) {
    const int number = static_cast<int>(threads_.size());
    threads_.emplace_back();
    threads_.back().fiber = std::make_unique<Fiber>([this, number] {
      try {
        body_(context_);
      } catch (const Abandon&) {
      }
      threads_[number].state = State::kDone;
    });
  }
}

int Machine::Fail(int code, std::string text) {
  error = std::move(text);
  return code;
}

void Machine::MakeReady(int thread) {
  threads_[thread].state = State::kReady;
  ready_.push_back(thread);
  ++ready_of_warp_[thread / kWarpSize];
}

// Four ways to draw the next thread, so that both "everybody a little" and "one warp far ahead of
// the others" happen: 0 and 1 uniform, 2 one warp as long as it can run, 3 last in first out.
int Machine::Choose() {
  size_t index = order.Below(static_cast<uint32_t>(ready_.size()));
  if (schedule_ == 2) {
    for (size_t i = 0; ready_of_warp_[favorite_warp_] > 0; ++i) {
      const size_t at = (index + i) % ready_.size();
      if (ready_[at] / kWarpSize == favorite_warp_) {
        index = at;
        break;
      }
    }
    favorite_warp_ = ready_[index] / kWarpSize;
  } else if (schedule_ == 3) {
    index = ready_.size() - 1;
  }
  std::swap(ready_[index], ready_.back());
  const int thread = ready_.back();
  ready_.pop_back();
  --ready_of_warp_[thread / kWarpSize];
  return thread;
}

void Machine::Resume(int thread) {
  position.thread = thread;
  ++steps;
  threads_[thread].fiber->Resume();
}

void Machine::Wait(State state, uint64_t bits, int from, const std::source_location& where) {
  Thread& self = threads_[position.thread];
  self.state = state;
  self.bits = bits;
  self.from = from;
  self.where = where;
  self.fiber->Yield();
  if (abandon_) throw Abandon();
}

// The warp's operation takes place once all of its lanes wait for it.
int Machine::TryWarp(int warp) {
  Thread* lanes = &threads_[warp * kWarpSize];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if (lanes[lane].state != State::kWarp) return kOk;
  }
  uint64_t brought[kWarpSize];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    brought[lane] = lanes[lane].bits;
    if (!SamePlace(lanes[lane].where, lanes[0].where)) {
      return Fail(kDivergence, "divergent warp operation: lane 0 waits at " + Name(lanes[0].where) +
                                   ", lane " + std::to_string(lane) + " at " +
                                   Name(lanes[lane].where));
    }
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const int from = lanes[lane].from;
    if (from < 0 || from >= kWarpSize) {
      return Fail(kBadShuffle, "shuffle at " + Name(lanes[lane].where) + " reads lane " +
                                   std::to_string(from) + " of a warp of 32");
    }
    lanes[lane].bits = brought[from];
    MakeReady(warp * kWarpSize + lane);
  }
  return kOk;
}

int Machine::AfterStep(int thread) {
  switch (threads_[thread].state) {
    case State::kDone:
      ++done_;
      return kOk;
    case State::kWarp:
      return TryWarp(thread / kWarpSize);
    case State::kBlockBarrier:
      return kOk;
    case State::kReady:
      break;
  }
  return Fail(kDivergence, "a thread stopped without waiting");  // cannot happen
}

// Nobody can run. Fine only if every thread of the block waits at one block barrier.
int Machine::ReleaseBlockBarrier() {
  const Thread* first = nullptr;
  for (int t = 0; t < count_; ++t) {
    if (threads_[t].state != State::kDone) {
      first = &threads_[t];
      break;
    }
  }
  for (int t = 0; t < count_; ++t) {
    const Thread& thread = threads_[t];
    if (thread.state == State::kBlockBarrier && first->state == State::kBlockBarrier &&
        SamePlace(thread.where, first->where)) {
      continue;
    }
    return Fail(
        kDivergence,
        "divergent barrier in block " + std::to_string(position.block) + ": a thread waits at " +
            Name(first->where) + " while thread " + std::to_string(t) +
            (thread.state == State::kDone ? " has ended" : " waits at " + Name(thread.where)));
  }
  for (int t = 0; t < count_; ++t) MakeReady(t);
  return kOk;
}

void Machine::AbandonBlock() {
  abandon_ = true;
  for (int t = 0; t < count_; ++t) {
    if (threads_[t].state != State::kDone && threads_[t].fiber->started()) Resume(t);
    threads_[t].state = State::kDone;
  }
  abandon_ = false;
}

int Machine::RunBlock(const LaunchShape& shape) {
  count_ = shape.threads;
  ready_.clear();
  std::fill(std::begin(ready_of_warp_), std::end(ready_of_warp_), 0);
  favorite_warp_ = 0;
  done_ = 0;
  schedule_ = static_cast<int>(order.Below(4));
  for (int t = 0; t < count_; ++t) MakeReady(t);
  while (done_ < count_) {
    int code = kOk;
    if (ready_.empty()) {
      code = ReleaseBlockBarrier();
    } else {
      const int thread = Choose();
      Resume(thread);
      code = AfterStep(thread);
    }
    if (code != kOk) {
      AbandonBlock();
      return code;
    }
  }
  return kOk;
}

int Machine::Run(const LaunchShape& shape, void (*body)(void*), void* context) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (shape.blocks < 0 || shape.blocks > INT32_MAX || shape.threads <= 0 ||
      shape.threads > kMaxBlock || shape.threads % kWarpSize != 0 ||
      shape.shared_bytes > kMaxSharedBytes) {
    return Fail(kBadShape, "launch of " + std::to_string(shape.blocks) + " blocks of " +
                               std::to_string(shape.threads) + " threads with " +
                               std::to_string(shape.shared_bytes) + " bytes of shared memory");
  }
  Prepare(shape.threads);
  body_ = body;
  context_ = context;
  std::vector<int64_t> blocks(static_cast<size_t>(shape.blocks));
  for (size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = static_cast<int64_t>(i);
    std::swap(blocks[i], blocks[order.Below(static_cast<uint32_t>(i + 1))]);
  }
  SharedBuffer shared(shape.shared_bytes);
  OpenDeviceMemory();
  int code = kOk;
  for (const int64_t block : blocks) {
    shared.Poison();
    position = {block, shape.blocks, 0, shape.threads, shared.data()};
    code = RunBlock(shape);
    if (code == kOk && !shared.intact()) {
      code =
          Fail(kSharedOutOfBounds, "a write outside the " + std::to_string(shape.shared_bytes) +
                                       " bytes of shared memory in block " + std::to_string(block));
    }
    if (code != kOk) break;
  }
  CloseDeviceMemory();
  if (std::string text = CheckDeviceMemory(); code == kOk && !text.empty()) {
    code = Fail(kGlobalOutOfBounds, std::move(text));
  }
  position = {};
  return code;
}

}  // namespace

std::string ErrorText(int code) {
  if (code == kOk) return "no error";
  const std::lock_guard<std::mutex> lock(TheMachine().mutex);
  return TheMachine().error;
}

void SetSeed(uint64_t seed) {
  const std::lock_guard<std::mutex> lock(TheMachine().mutex);
  TheMachine().order.Reset(seed);
}

int64_t ThreadSteps() { return TheMachine().steps; }

void WaitBlock(const std::source_location& where) {
  TheMachine().Wait(State::kBlockBarrier, 0, 0, where);
}

uint64_t WaitWarp(uint64_t bits, int from, const std::source_location& where) {
  TheMachine().Wait(State::kWarp, bits, from, where);
  return TheMachine().bits_of_current();
}

int CheckArgument(const void* argument, size_t bytes) {
  std::string text = FindHostPointer(argument, bytes);
  if (text.empty()) return kOk;
  const std::lock_guard<std::mutex> lock(TheMachine().mutex);
  TheMachine().error = std::move(text);
  return kHostPointer;
}

int Run(const LaunchShape& shape, void (*thread_body)(void*), void* context) {
  return TheMachine().Run(shape, thread_body, context);
}

int Report(int code, std::string text) {
  const std::lock_guard<std::mutex> lock(TheMachine().mutex);
  TheMachine().error = std::move(text);
  return code;
}

}  // namespace undula::propagation::simt::emulator
