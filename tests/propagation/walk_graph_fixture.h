// Small graphs for the tests of random walks.
#ifndef UNDULA_TESTS_PROPAGATION_WALK_GRAPH_FIXTURE_H_
#define UNDULA_TESTS_PROPAGATION_WALK_GRAPH_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "propagation/sample/walk_graph.h"

namespace undula::propagation {

// Contexts as lists of items, weights (or none) in the same order.
inline WalkGraph MakeWalkGraph(const std::vector<std::vector<uint32_t>>& contexts, uint32_t n_items,
                               const std::vector<float>& weight = {}) {
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> items;
  for (const auto& context : contexts) {
    items.insert(items.end(), context.begin(), context.end());
    ptr.push_back(static_cast<int64_t>(items.size()));
  }
  auto graph = WalkGraph::Create(ptr, items, weight, n_items);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

// The graph of specification section 12: contexts {0, 1}, {1, 2}, {1, 2, 3}.
inline WalkGraph SmallWalkGraph() { return MakeWalkGraph({{0, 1}, {1, 2}, {1, 2, 3}}, 4); }

// Contexts of 1 to 12 random items; item n_items - 1 has no interaction.
inline WalkGraph RandomWalkGraph(uint32_t n_items, uint32_t n_contexts, bool weighted) {
  std::vector<std::vector<uint32_t>> contexts(n_contexts);
  std::vector<float> weight;
  for (uint32_t c = 0; c < n_contexts; ++c) {
    const Rng rng(3, RngStream::kTest, c);
    const uint32_t n = 1 + rng.Below(0, 12);
    for (uint32_t k = 0; k < n; ++k) {
      const float u = rng.Uniform(2 * k + 1);
      contexts[c].push_back(static_cast<uint32_t>(u * u * static_cast<float>(n_items - 1)));
      if (weighted) weight.push_back(0.1f + 5 * rng.Uniform(2 * k + 2));
    }
  }
  return MakeWalkGraph(contexts, n_items, weight);
}

inline std::vector<uint32_t> AllItems(const WalkGraph& graph) {
  std::vector<uint32_t> items(graph.n_items());
  std::iota(items.begin(), items.end(), 0u);
  return items;
}

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_PROPAGATION_WALK_GRAPH_FIXTURE_H_
