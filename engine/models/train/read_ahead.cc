#include "models/train/read_ahead.h"

#include <chrono>
#include <new>

namespace undula::models {
namespace {

template <class T>
std::span<const T> Keep(std::span<const T> from, std::vector<T>* memory) {
  memory->assign(from.begin(), from.end());
  return *memory;
}

constexpr int64_t kOutOfMemory = -1;  // in place of a ready slot

}  // namespace

// A batch and the memory behind it.
struct ReadAhead::Slot {
  std::vector<uint32_t> users, items, negatives, heads, relations, tails, corrupt, positions;
  std::vector<float> labels;
  std::vector<int64_t> chunk_ptr;
  std::vector<uint8_t> corrupts_head;
  Batch batch;
  std::unique_ptr<BatchPlans::Plan> plan;

  void Take(const Batch& from) {
    batch.users = Keep(from.users, &users);
    batch.items = Keep(from.items, &items);
    batch.labels = Keep(from.labels, &labels);
    batch.negatives = Keep(from.negatives, &negatives);
    batch.chunk_ptr = Keep(from.chunk_ptr, &chunk_ptr);
    batch.heads = Keep(from.heads, &heads);
    batch.relations = Keep(from.relations, &relations);
    batch.tails = Keep(from.tails, &tails);
    batch.corrupt = Keep(from.corrupt, &corrupt);
    batch.corrupts_head = Keep(from.corrupts_head, &corrupts_head);
    batch.positions = Keep(from.positions, &positions);
  }
};

// One slot more than are ready: that of the step.
ReadAhead::ReadAhead(BatchSource* batches, BatchPlans* plans, int64_t most)
    : batches_(batches), plans_(plans), free_(most + 1), ready_(most) {
  for (int64_t i = 0; i <= most; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    if (plans != nullptr) slots_.back()->plan = plans->NewPlan();
  }
}

ReadAhead::~ReadAhead() { Stop(); }

void ReadAhead::Start(int64_t first, int64_t last) {
  Stop();
  for (size_t i = 0; i < slots_.size(); ++i) free_.Push(static_cast<int64_t>(i));
  stop_ = false;
  first_ = true;
  thread_ = std::thread([this, first, last] { Produce(first, last); });
}

void ReadAhead::Produce(int64_t first, int64_t last) {
  for (int64_t step = first; step < last; ++step) {
    const int64_t at = free_.Pop();
    if (stop_) return;
    Slot& slot = *slots_[at];
    try {
      slot.Take(batches_->Get(step));
      if (plans_ != nullptr) plans_->Fill(slot.batch, slot.plan.get());
    } catch (const std::bad_alloc&) {
      ready_.Push(kOutOfMemory);
      return;
    }
    ready_.Push(at);
  }
}

absl::StatusOr<Batch> ReadAhead::Next() {
  if (in_use_ >= 0) free_.Push(in_use_);
  if (!ready_.TryPop(&in_use_)) {
    const auto start = std::chrono::steady_clock::now();
    in_use_ = ready_.Pop();
    if (!first_) {
      ++stalls_;
      stall_seconds_ +=
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
  }
  first_ = false;
  if (in_use_ == kOutOfMemory) {
    return absl::ResourceExhaustedError(
        "not enough memory for a batch made ahead; use smaller batches (batch_size) or fewer of "
        "them "
        "(read_ahead)");
  }
  const Slot& slot = *slots_[in_use_];
  if (plans_ != nullptr) plans_->Use(slot.plan.get());
  return slot.batch;
}

void ReadAhead::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  // The thread waits for a free slot, or for a place among the ready ones until one is taken.
  int64_t slot = 0;
  while (ready_.TryPop(&slot)) free_.Push(slot);
  if (in_use_ >= 0) free_.Push(in_use_);
  in_use_ = -1;
  thread_.join();
  while (ready_.TryPop(&slot)) {
  }
  while (free_.TryPop(&slot)) {
  }
}

}  // namespace undula::models
