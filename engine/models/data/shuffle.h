// Fisher-Yates with counter-based random numbers: the order is a pure function of (seed, stream,
// index), the same for any number of threads and after a resume.
#ifndef UNDULA_MODELS_DATA_SHUFFLE_H_
#define UNDULA_MODELS_DATA_SHUFFLE_H_

#include <cstdint>
#include <span>
#include <utility>

#include "base/rng.h"

namespace undula::models {

// Uses draws first .. first + values.size() - 2 of `rng`; fewer than 2^32 values.
template <class T>
void Shuffle(std::span<T> values, const Rng& rng, uint64_t first = 0) {
  for (size_t i = values.size(); i > 1; --i) {
    const uint32_t j = rng.Below(first++, static_cast<uint32_t>(i));
    std::swap(values[i - 1], values[j]);
  }
}

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_SHUFFLE_H_
