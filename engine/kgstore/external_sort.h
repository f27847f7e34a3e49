// Sorting of more records of one size than memory shall hold: sorted runs in a temporary file,
// merged as they are read.
#ifndef UNDULA_KGSTORE_EXTERNAL_SORT_H_
#define UNDULA_KGSTORE_EXTERNAL_SORT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "kgstore/radix_sort.h"
#include "kgstore/record_source.h"
#include "kgstore/spill_file.h"

namespace undula::kgstore::internal {

// Distinct records in ascending order: Add all, Finish, then read them once. Not thread-safe. May
// throw std::bad_alloc. Where all fits into `bytes` no file is written.
template <class T>
class ExternalSorter final : public RecordSource<T> {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // `bytes`: for the records held, what sorts them, and the buffers of the merge.
  ExternalSorter(std::string folder, uint64_t bytes)
      : bytes_(bytes),
        capacity_(std::max<size_t>(bytes / (2 * sizeof(T)), 64)),
        file_(std::move(folder)) {}

  absl::Status Add(const T& record) {
    if (held_.size() >= capacity_) UNDULA_RETURN_IF_ERROR(Spill());
    if (held_.size() == held_.capacity()) {
      held_.reserve(std::min(capacity_, std::max<size_t>(2 * held_.size(), 1024)));
    }
    held_.push_back(record);
    return absl::OkStatus();
  }

  // No Add after it.
  absl::Status Finish() {
    if (runs_.empty()) {
      Sort();
      at_ = held_.data();
      end_ = at_ + held_.size();
      return absl::OkStatus();
    }
    UNDULA_RETURN_IF_ERROR(Spill());
    held_ = std::vector<T>();
    const size_t block = std::clamp<size_t>(bytes_ / sizeof(T) / runs_.size(), 64, 1u << 16);
    for (Run& run : runs_) {
      run.buffer.resize(static_cast<size_t>(std::min<uint64_t>(block, run.left)));
      UNDULA_RETURN_IF_ERROR(Refill(&run));
      heap_.push_back(&run);
    }
    for (size_t i = heap_.size(); i-- > 0;) SiftDown(i);
    current_ = *heap_[0]->at;
    at_ = &current_;
    return absl::OkStatus();
  }

  const T* peek() const override { return at_ == end_ ? nullptr : at_; }

  void Advance() override {
    if (heap_.empty()) {
      if (++at_ == end_) {
        held_ = std::vector<T>();
        at_ = end_ = nullptr;
      }
      return;
    }
    while (StepFront()) {
      if (!(*heap_[0]->at == current_)) {
        current_ = *heap_[0]->at;
        return;
      }
    }
    at_ = end_ = nullptr;
  }

  absl::Status status() const override { return status_; }

 private:
  struct Run {
    uint64_t offset, left;  // of what is not in the buffer yet
    std::vector<T> buffer;
    const T* at = nullptr;
    const T* end = nullptr;
  };

  void Sort() {
    if constexpr (std::is_same_v<T, Triple>) {
      SortTriples(&held_);
    } else {
      std::sort(held_.begin(), held_.end());
    }
    held_.erase(std::unique(held_.begin(), held_.end()), held_.end());
  }

  absl::Status Spill() {
    if (held_.empty()) return absl::OkStatus();
    Sort();
    const uint64_t offset = file_.size();
    UNDULA_RETURN_IF_ERROR(file_.Append(held_.data(), held_.size() * sizeof(T)));
    runs_.push_back({offset, held_.size(), {}});
    held_.clear();
    return absl::OkStatus();
  }

  absl::Status Refill(Run* run) {
    const auto n = static_cast<size_t>(std::min<uint64_t>(run->buffer.size(), run->left));
    UNDULA_RETURN_IF_ERROR(file_.Read(run->offset, run->buffer.data(), n * sizeof(T)));
    run->offset += n * sizeof(T);
    run->left -= n;
    run->at = run->buffer.data();
    run->end = run->at + n;
    return absl::OkStatus();
  }

  void SiftDown(size_t i) {
    Run* const run = heap_[i];
    for (size_t child; (child = 2 * i + 1) < heap_.size(); i = child) {
      if (child + 1 < heap_.size() && *heap_[child + 1]->at < *heap_[child]->at) ++child;
      if (!(*heap_[child]->at < *run->at)) break;
      heap_[i] = heap_[child];
    }
    heap_[i] = run;
  }

  // Takes the first record off; false where there is none left.
  bool StepFront() {
    Run* const run = heap_[0];
    if (++run->at == run->end) {
      if (run->left > 0) {
        status_ = Refill(run);
        if (!status_.ok()) return false;
      } else {
        run->buffer = std::vector<T>();
        heap_[0] = heap_.back();
        heap_.pop_back();
        if (heap_.empty()) return false;
      }
    }
    SiftDown(0);
    return true;
  }

  uint64_t bytes_;
  size_t capacity_;
  SpillFile file_;
  std::vector<T> held_;
  std::vector<Run> runs_;
  std::vector<Run*> heap_;
  T current_{};
  const T* at_ = nullptr;
  const T* end_ = nullptr;
  absl::Status status_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EXTERNAL_SORT_H_
