// Small graphs for the tests of knowledge-graph embeddings.
#ifndef UNDULA_TESTS_MODELS_KGE_FIXTURE_H_
#define UNDULA_TESTS_MODELS_KGE_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "tests/models/ripplenet_fixture.h"

namespace undula::models {

// A planted structure: entity e < n is of class e mod `classes`, and relation r leads from it to
// the node n + r * classes + class. The relations that are left of an entity tell a held-out one.
inline std::shared_ptr<Snapshot> ClassGraph(uint32_t n, uint32_t classes, uint32_t relations) {
  std::vector<TinyTriple> triples;
  for (uint32_t e = 0; e < n; ++e) {
    for (uint32_t r = 0; r < relations; ++r) {
      triples.push_back({e, r, n + r * classes + e % classes});
    }
  }
  return TinySnapshot(n + classes * relations, relations, 0, triples, {});
}

// Random distinct triples; some entities may be in none.
inline std::shared_ptr<Snapshot> RandomGraph(uint32_t n, uint32_t relations, int64_t triples,
                                             uint32_t seed) {
  const Rng rng(seed, RngStream::kTest);
  std::set<std::tuple<uint32_t, uint32_t, uint32_t>> all;
  for (uint64_t i = 0; static_cast<int64_t>(all.size()) < triples; ++i) {
    all.emplace(rng.Below(3 * i, n), rng.Below(3 * i + 1, relations), rng.Below(3 * i + 2, n));
  }
  std::vector<TinyTriple> list;
  for (const auto& [h, r, t] : all) list.push_back({h, r, t});
  return TinySnapshot(n, relations, 0, list, {});
}

}  // namespace undula::models

#endif  // UNDULA_TESTS_MODELS_KGE_FIXTURE_H_
