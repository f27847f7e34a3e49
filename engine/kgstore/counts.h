// How many of each thing a database holds: written by every commit, kept in `meta`.
#ifndef UNDULA_KGSTORE_COUNTS_H_
#define UNDULA_KGSTORE_COUNTS_H_

#include <cstdint>

namespace undula::kgstore {

struct Counts {
  uint32_t entities = 0;
  uint32_t relations = 0;
  uint32_t literals = 0;
  uint32_t users = 0;
  uint32_t items = 0;
  uint64_t triples = 0;       // distinct entity-relation-entity triples
  uint64_t attributes = 0;    // distinct entity-relation-literal triples
  uint64_t labels = 0;        // distinct (normalized label, entity) pairs
  uint64_t interactions = 0;  // distinct (user, item, time)
  uint64_t links = 0;         // (item, entity) pairs
  uint64_t linked_items = 0;
  uint64_t quads = 0;    // (triple or attribute, named graph) pairs
  uint64_t numbers = 0;  // (relation, literal that is a number or date) pairs
  uint64_t social = 0;   // (user, other user) pairs
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_COUNTS_H_
