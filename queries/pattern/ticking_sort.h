// Sorting that can be ended in between: a query must end soon after its deadline.
#ifndef UNDULA_QUERIES_PATTERN_TICKING_SORT_H_
#define UNDULA_QUERIES_PATTERN_TICKING_SORT_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace undula::queries::pattern {

// Sorts by `less`; equal elements stay in their order. Calls tick() once for each element of each
// pass: where that returns false the sort ends at once, and returns false, with the elements in any
// order.
template <class T, class Less, class Tick>
bool TickingSort(std::vector<T>* values, const Less& less, const Tick& tick) {
  constexpr size_t kRun = 2048;  // sorted at once
  const size_t count = values->size();
  for (size_t begin = 0; begin < count; begin += kRun) {
    const size_t end = std::min(begin + kRun, count);
    const auto first = values->begin() + static_cast<ptrdiff_t>(begin);
    const auto last = values->begin() + static_cast<ptrdiff_t>(end);
    if constexpr (std::is_same_v<Less, std::less<T>>) {
      std::sort(first, last);
    } else {
      std::stable_sort(first, last, less);
    }
    for (size_t i = begin; i < end; ++i) {
      if (!tick()) return false;
    }
  }
  if (count <= kRun) return true;
  std::vector<T> merged(count);
  for (size_t width = kRun; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      const size_t middle = std::min(begin + width, count), end = std::min(middle + width, count);
      size_t a = begin, b = middle;
      for (size_t at = begin; at < end; ++at) {
        if (!tick()) return false;
        const bool second = a == middle || (b < end && less((*values)[b], (*values)[a]));
        merged[at] = std::move((*values)[second ? b++ : a++]);
      }
    }
    values->swap(merged);
  }
  return true;
}

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_TICKING_SORT_H_
