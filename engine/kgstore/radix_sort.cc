#include "kgstore/radix_sort.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace undula::kgstore::internal {
namespace {

constexpr int kBits = 11;
constexpr uint32_t kMask = (1u << kBits) - 1;

void SortBy(uint32_t Triple::*field, std::vector<Triple>* triples, std::vector<Triple>* buffer) {
  // The counts of all passes at once.
  std::array<std::array<uint64_t, 1u << kBits>, 3> counts{};
  uint32_t all = 0;
  for (const Triple& t : *triples) {
    const uint32_t value = t.*field;
    all |= value;
    ++counts[0][value & kMask];
    ++counts[1][(value >> kBits) & kMask];
    ++counts[2][value >> (2 * kBits)];
  }
  for (int pass = 0; pass < 3 && (all >> (pass * kBits)) != 0; ++pass) {
    const int shift = pass * kBits;
    uint64_t sum = 0;
    for (uint64_t& count : counts[static_cast<size_t>(pass)]) {
      sum += std::exchange(count, sum);
    }
    uint64_t* const next = counts[static_cast<size_t>(pass)].data();
    Triple* const out = buffer->data();
    for (const Triple& t : *triples) out[next[(t.*field >> shift) & kMask]++] = t;
    triples->swap(*buffer);
  }
}

}  // namespace

void SortTriples(std::vector<Triple>* triples) {
  if (triples->size() < 2000) {  // below, the counting passes cost more
    std::sort(triples->begin(), triples->end());
    return;
  }
  std::vector<Triple> buffer(triples->size());
  SortBy(&Triple::c, triples, &buffer);
  SortBy(&Triple::b, triples, &buffer);
  SortBy(&Triple::a, triples, &buffer);
}

void SortTriplesBy(uint32_t Triple::*field, std::vector<Triple>* triples) {
  std::vector<Triple> buffer(triples->size());
  SortBy(field, triples, &buffer);
}

}  // namespace undula::kgstore::internal
