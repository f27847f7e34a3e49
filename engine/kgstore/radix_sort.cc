#include "kgstore/radix_sort.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace undula::kgstore::internal {
namespace {

constexpr int kBits = 11;
constexpr uint32_t kMask = (1u << kBits) - 1;

void SortBy(uint32_t Triple::*field, std::vector<Triple>* triples, std::vector<Triple>* buffer) {
  uint32_t greatest = 0;
  for (const Triple& t : *triples) greatest = std::max(greatest, t.*field);
  for (int shift = 0; shift < 32 && (greatest >> shift) != 0; shift += kBits) {
    std::array<size_t, (1u << kBits) + 1> start{};
    for (const Triple& t : *triples) ++start[((t.*field >> shift) & kMask) + 1];
    for (size_t i = 0; i + 1 < start.size(); ++i) start[i + 1] += start[i];
    for (const Triple& t : *triples) (*buffer)[start[(t.*field >> shift) & kMask]++] = t;
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

}  // namespace undula::kgstore::internal
