// Sorting of id triples.
#ifndef UNDULA_KGSTORE_RADIX_SORT_H_
#define UNDULA_KGSTORE_RADIX_SORT_H_

#include <compare>
#include <cstdint>
#include <vector>

namespace undula::kgstore::internal {

// Ids in the order of a table: (head, relation, tail), (tail, relation, head), ...
struct Triple {
  uint32_t a, b, c;
  friend auto operator<=>(const Triple&, const Triple&) = default;
};

// Ascending (a, b, c), by stable passes over 11 bits each; passes above the greatest value are
// left out. Needs as much memory again as the triples.
void SortTriples(std::vector<Triple>* triples);

// Stable, by one field only: brings triples that are in ascending order of the others into the
// order of (field, others).
void SortTriplesBy(uint32_t Triple::*field, std::vector<Triple>* triples);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_RADIX_SORT_H_
