// Exact search on a GPU: products of query vectors with a catalogue and the best k of each query,
//   score(q, i) = sum over c of q[c] x_i[c],
// a chain of fused multiply-adds in ascending order of c from 0 on: the bits of the CPU's
// simd/panel_scan.h. A block works 16 (few or long lists: 4) queries at a time with their vectors
// in shared memory, a thread two items for all of them; the best k stay in the block
// (cuda/top_k.h), so that scores are never written. Where the queries fill less than the device the
// catalogue is cut into parts, whose lists a second kernel merges; lists do not depend on it. Flop
// 2 queries items dim; bytes read 4 items dim for every 16 queries.
#ifndef UNDULA_PROPAGATION_OPS_RANK_DOT_H_
#define UNDULA_PROPAGATION_OPS_RANK_DOT_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/cuda/ranking.h"

namespace undula::propagation::cuda {

struct DotRank {
  const float* columns = nullptr;  // [dim][items]
  int64_t dim = 0;
};

// Whether 4 queries and their lists of k fit into the shared memory of a block.
bool DotRankFits(const Queue& queue, const DotRank& model, int64_t k);
// Parts to cut the catalogue into.
int64_t DotRankParts(const Queue& queue, const DotRank& model, const RankJob& job);
// `partial`: scratch [parts][users][k] on the device; may be null with one part.
int RankDot(const Queue& queue, const DotRank& model, const RankJob& job, int64_t parts,
            Candidate* partial);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_RANK_DOT_H_
