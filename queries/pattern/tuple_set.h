// Distinct tuples of values, numbered in the order of their first appearance.
#ifndef UNDULA_QUERIES_PATTERN_TUPLE_SET_H_
#define UNDULA_QUERIES_PATTERN_TUPLE_SET_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "queries/pattern/value.h"

namespace undula::queries::pattern {

inline uint64_t HashValues(std::span<const Value> values) {
  uint64_t hash = 0x9E3779B97F4A7C15u;
  for (const Value value : values) {
    hash = (hash ^ value) * 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 32;
  }
  return hash;
}

class TupleSet {
 public:
  explicit TupleSet(size_t width) : width_(width), slots_(16, 0) {}

  // The number of the tuple; *is_new where it was not there.
  size_t Add(std::span<const Value> tuple, bool* is_new) {
    if (2 * (count_ + 1) > slots_.size()) Grow();
    const size_t mask = slots_.size() - 1;
    for (size_t at = HashValues(tuple) & mask;; at = (at + 1) & mask) {
      if (slots_[at] == 0) {
        slots_[at] = ++count_;
        values_.insert(values_.end(), tuple.begin(), tuple.end());
        *is_new = true;
        return count_ - 1;
      }
      if (std::equal(tuple.begin(), tuple.end(), Row(slots_[at] - 1).begin())) {
        *is_new = false;
        return slots_[at] - 1;
      }
    }
  }
  std::span<const Value> Row(size_t number) const {
    return {values_.data() + number * width_, width_};
  }
  size_t size() const { return count_; }

 private:
  void Grow() {
    std::vector<size_t> slots(2 * slots_.size(), 0);
    const size_t mask = slots.size() - 1;
    for (size_t i = 0; i < count_; ++i) {
      size_t at = HashValues(Row(i)) & mask;
      while (slots[at] != 0) at = (at + 1) & mask;
      slots[at] = i + 1;
    }
    slots_.swap(slots);
  }

  size_t width_, count_ = 0;
  std::vector<Value> values_;
  std::vector<size_t> slots_;  // number + 1; 0 = free
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_TUPLE_SET_H_
