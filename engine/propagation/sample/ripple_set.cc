#include "propagation/sample/ripple_set.h"

#include <algorithm>
#include <atomic>

namespace undula::propagation {
namespace {

// Uniform in [0, n), bias below n / 2^64: hubs drawn several times can pass 2^32 candidates.
int64_t Below(const Rng& rng, uint64_t counter, int64_t n) {
  return static_cast<int64_t>(
      (static_cast<unsigned __int128>(rng.Bits64(counter)) * static_cast<uint64_t>(n)) >> 64);
}

// Draws `memory` positions of [0, candidates), all different where there are enough (R. Floyd's
// algorithm: the set is uniform over all subsets; slots have no order).
void DrawPositions(const Rng& rng, uint64_t first_draw, int64_t candidates, int memory,
                   int64_t* out) {
  const bool distinct = candidates >= memory;
  for (int i = 0; i < memory; ++i) {
    if (!distinct) {
      out[i] = Below(rng, first_draw + i, candidates);
      continue;
    }
    const int64_t last = candidates - memory + i;
    const int64_t position = Below(rng, first_draw + i, last + 1);
    out[i] = std::find(out, out + i, position) == out + i ? position : last;
  }
}

}  // namespace

std::shared_ptr<const EdgeCsr> WalkableEdges(std::shared_ptr<const Snapshot> snapshot,
                                             uint32_t n_entities, uint32_t n_relations,
                                             bool inverse) {
  if (!inverse && snapshot->n_entities == n_entities && snapshot->n_relations == n_relations) {
    const EdgeCsr* out = &snapshot->out;
    return std::shared_ptr<const EdgeCsr>(std::move(snapshot), out);
  }
  auto graph = std::make_shared<EdgeCsr>();
  graph->ptr.reserve(n_entities + size_t{1});
  const auto append = [&](const EdgeCsr& from, uint32_t row, uint32_t first_relation) {
    for (int64_t e = from.ptr[row]; e < from.ptr[row + 1]; ++e) {
      if (Index(from.entity[e]) >= n_entities || Index(from.relation[e]) >= n_relations) continue;
      graph->relation.push_back(static_cast<RelationId>(Index(from.relation[e]) + first_relation));
      graph->entity.push_back(from.entity[e]);
    }
  };
  for (uint32_t row = 0; row < n_entities; ++row) {
    if (row < snapshot->out.rows()) append(snapshot->out, row, 0);
    if (inverse && row < snapshot->in.rows()) append(snapshot->in, row, n_relations);
    graph->ptr.push_back(graph->edges());
  }
  return graph;
}

int SampleRippleSet(const EdgeCsr& graph, std::span<const EntityId> seeds, int hops, int memory,
                    const Rng& rng, uint32_t* out) {
  std::vector<int64_t> before;                              // candidates of the seeds before seed s
  std::vector<EntityId> tails(seeds.begin(), seeds.end());  // the seeds of the hop
  std::vector<int64_t> position(memory);
  int copied = 0;
  for (int hop = 0; hop < hops; ++hop) {
    uint32_t* slots = out + int64_t{hop} * memory;
    before.assign(1, 0);
    for (const EntityId e : tails) before.push_back(before.back() + graph.degree(e));
    if (before.back() == 0) {
      if (hop == 0) {
        std::fill(out, out + int64_t{hops} * memory, kNoIndex);
        return -1;
      }
      std::copy(slots - memory, slots, slots);
      ++copied;
      continue;  // the tails stay those of the hop that was copied
    }
    DrawPositions(rng, static_cast<uint64_t>(hop) * memory, before.back(), memory, position.data());
    for (int i = 0; i < memory; ++i) {
      const int64_t s =
          std::upper_bound(before.begin(), before.end(), position[i]) - before.begin() - 1;
      slots[i] = static_cast<uint32_t>(graph.ptr[Index(tails[s])] + position[i] - before[s]);
    }
    tails.resize(memory);
    for (int i = 0; i < memory; ++i) tails[i] = graph.entity[slots[i]];
  }
  return copied;
}

RippleSets SampleRippleSets(const EdgeCsr& graph, std::span<const int64_t> seed_ptr,
                            std::span<const EntityId> seeds, int hops, int memory, uint64_t seed,
                            TaskArena& workers) {
  const int64_t rows = static_cast<int64_t>(seed_ptr.size()) - 1;
  RippleSets sets;
  sets.hops = hops;
  sets.memory = memory;
  const int64_t row_slots = int64_t{hops} * memory;
  sets.edge.resize(static_cast<size_t>(rows * row_slots));
  std::atomic<int64_t> copied{0}, without{0};  // counts: the order of additions does not matter
  workers.For(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto row_seeds = seeds.subspan(static_cast<size_t>(seed_ptr[r]),
                                           static_cast<size_t>(seed_ptr[r + 1] - seed_ptr[r]));
      const int result = SampleRippleSet(graph, row_seeds, hops, memory,
                                         Rng(seed, RngStream::kRippleSet, static_cast<uint32_t>(r)),
                                         sets.edge.data() + r * row_slots);
      if (result > 0) copied.fetch_add(result, std::memory_order_relaxed);
      if (result < 0 && !row_seeds.empty()) without.fetch_add(1, std::memory_order_relaxed);
    }
  });
  sets.copied_hops = copied.load();
  sets.rows_without_memory = without.load();
  return sets;
}

}  // namespace undula::propagation
