// The generated interactions of walk_bench and web_scale.
#ifndef UNDULA_BENCH_GENERATED_LOG_H_
#define UNDULA_BENCH_GENERATED_LOG_H_

#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace undula::bench {

// Adjacency: the neighbors of row r are to[ptr[r]] to to[ptr[r + 1] - 1].
struct Adjacency {
  std::vector<int64_t> ptr;
  std::vector<uint32_t> to;
};

// [users] -> items. Every user has the same number of items; an item's popularity falls with the
// square of its rank (item floor(n u^2) of a random order).
inline Adjacency GenerateLog(uint32_t items, uint32_t users, int64_t edges) {
  Adjacency g;
  g.ptr.resize(size_t{users} + 1);
  g.to.resize(static_cast<size_t>(edges));
  // An odd factor permutes the ids below a power of two; what falls outside is walked on from.
  uint32_t bits = 1;
  while ((uint64_t{1} << bits) < items) ++bits;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (uint32_t u = 0; u < users; ++u) {
    g.ptr[u] = edges * u / users;
    const int64_t end = edges * (int64_t{u} + 1) / users;
    const Rng rng(1, RngStream::kTest, u);
    for (int64_t e = g.ptr[u]; e < end; ++e) {
      const float x = rng.Uniform(static_cast<uint64_t>(e - g.ptr[u]));
      uint64_t item = static_cast<uint64_t>(x * x * static_cast<float>(items));
      do {
        item = (item * 0x9E3779B1u + 12345) & mask;
      } while (item >= items);
      g.to[e] = static_cast<uint32_t>(item);
    }
  }
  g.ptr[users] = edges;
  return g;
}

}  // namespace undula::bench

#endif  // UNDULA_BENCH_GENERATED_LOG_H_
