// Something small for each value: found by id for the values of one kind, by hash for others.
#ifndef UNDULA_QUERIES_PATTERN_VALUE_MAP_H_
#define UNDULA_QUERIES_PATTERN_VALUE_MAP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "queries/pattern/tuple_set.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

template <class T>
class ValueMap {
 public:
  // What the value has, T() before it is set; valid until the next call.
  T& At(Value value) {
    const uint32_t id = IdOf(value);
    if (KindOf(value) == dense_kind_ && id < dense_.size()) return dense_[id];
    return Slow(value);
  }

 private:
  static constexpr uint32_t kMostDense = 1 << 20;

  T& Slow(Value value) {
    if (dense_kind_ == ValueKind::kUnbound) dense_kind_ = KindOf(value);
    const uint32_t id = IdOf(value);
    if (KindOf(value) == dense_kind_ && value != kUnbound && id < kMostDense) {
      dense_.resize(std::min(kMostDense, 2 * id + 64));
      return dense_[id];
    }
    bool is_new = false;
    const size_t place = keys_.Add({&value, 1}, &is_new);
    if (is_new) sparse_.emplace_back();
    return sparse_[place];
  }

  ValueKind dense_kind_ = ValueKind::kUnbound;  // that of the first value
  std::vector<T> dense_, sparse_;
  TupleSet keys_{1};
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_VALUE_MAP_H_
