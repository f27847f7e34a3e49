// Ripple sets: the memory of RippleNet. For each row (a user) and hop, exactly M triples of the
// graph that lead outward from the row's seeds. Source: Wang et al., "RippleNet", CIKM 2018, eq.
// 2-3, as the authors' program samples it:
//   hop 1: the candidates are the outgoing edges of every seed;
//   hop k: those of the M tails drawn at hop k-1, repeats counted;
//   M candidates are drawn uniformly over edges, without replacement where there are at least M,
//   else with; a hop without candidates copies the hop before it. A row without candidates at hop 1
//   has no memory at all (all kNoIndex).
#ifndef UNDULA_PROPAGATION_SAMPLE_RIPPLE_SET_H_
#define UNDULA_PROPAGATION_SAMPLE_RIPPLE_SET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/csr.h"
#include "base/ids.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/snapshot.h"

namespace undula::propagation {

// The edges that may be walked: those of the first n_entities entities and n_relations relations
// (what a model knows; later ones are left out). With `inverse`, each edge (h, r, t) can also be
// walked as (t, r + n_relations, h). Where nothing has to change this is the snapshot's own `out`,
// not a copy.
std::shared_ptr<const EdgeCsr> WalkableEdges(std::shared_ptr<const Snapshot> snapshot,
                                             uint32_t n_entities, uint32_t n_relations,
                                             bool inverse);

// The edge numbers (positions in graph.entity) of one ripple set: out[hop * memory + slot], hops *
// memory of them. Draws are rng's numbers 0 .. 2 * hops * memory - 1. Returns the number of copied
// hops, or -1 where the seeds have no edge (out is then all kNoIndex). Seeds are < graph.rows().
int SampleRippleSet(const EdgeCsr& graph, std::span<const EntityId> seeds, int hops, int memory,
                    const Rng& rng, uint32_t* out);

struct RippleSets {
  int hops = 0, memory = 0;
  std::vector<uint32_t> edge;       // [rows * hops * memory]
  int64_t copied_hops = 0;          // (row, hop) that copy the hop before
  int64_t rows_without_memory = 0;  // of those that have seeds
};

// The ripple sets of all rows: row r has the seeds [seed_ptr[r], seed_ptr[r+1]) and draws from
// Rng(seed, kRippleSet, r), so the result does not depend on the number of threads.
RippleSets SampleRippleSets(const EdgeCsr& graph, std::span<const int64_t> seed_ptr,
                            std::span<const EntityId> seeds, int hops, int memory, uint64_t seed,
                            TaskArena& workers);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SAMPLE_RIPPLE_SET_H_
