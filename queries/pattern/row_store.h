// Rows of one width in blocks: adding a row never moves those that are there, so
// that no step takes long, however many there are.
#ifndef UNDULA_QUERIES_PATTERN_ROW_STORE_H_
#define UNDULA_QUERIES_PATTERN_ROW_STORE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "queries/pattern/value.h"

namespace undula::queries::pattern {

template <class T>
class BlockRows {
 public:
  explicit BlockRows(size_t width) : width_(width) {}

  size_t width() const { return width_; }
  size_t size() const { return count_; }
  T* Row(size_t number) { return blocks_[number / kBlock].get() + (number % kBlock) * width_; }
  const T* Row(size_t number) const {
    return blocks_[number / kBlock].get() + (number % kBlock) * width_;
  }
  // A new last row, to be filled; valid while the store lives.
  T* Add() {
    if (count_ == blocks_.size() * kBlock) {
      blocks_.push_back(std::make_unique_for_overwrite<T[]>(kBlock * width_));
    }
    return Row(count_++);
  }
  void Add(std::span<const T> row) { std::copy(row.begin(), row.end(), Add()); }
  // Rows from `first` on that lie side by side, none behind `end`.
  std::span<const T> Side(size_t first, size_t end) const {
    const size_t count = std::min(end, (first / kBlock + 1) * kBlock) - first;
    return {Row(first), count * width_};
  }
  // Leaves the first `count` rows.
  void Shrink(size_t count) { count_ = count; }

 private:
  static constexpr size_t kBlock = 1024;  // rows

  size_t width_, count_ = 0;
  std::vector<std::unique_ptr<T[]>> blocks_;
};

using RowStore = BlockRows<Value>;

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_ROW_STORE_H_
