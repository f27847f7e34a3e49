// Fused scoring of KGCN with one layer on a GPU, in its folded form (models/kgcn/scorer.h):
//   score(u, v) = u . tanh(P_v + gain sum_s x_{r_s} n_s Q_s / sum_s x_{r_s} n_s),
//   x_r = exp(max(scale u . r - top, -87)), where top is the user's largest scale u . r
// A block works a few users at a time with their exponentials in shared memory, a thread an item
// for all of them, so that a row of Q is read once; the best k stay in the block (cuda/top_k.h).
#ifndef UNDULA_PROPAGATION_OPS_RANK_MIX_H_
#define UNDULA_PROPAGATION_OPS_RANK_MIX_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/cuda/ranking.h"

namespace undula::propagation::cuda {

// Rows are padded with zeros to `pad` (16, 32 or 64) columns and aligned to 16 bytes.
struct MixRank {
  const float* users = nullptr;      // [users][pad]
  const float* relations = nullptr;  // [n_relations][pad]
  const float* base = nullptr;       // [items][pad], P
  // Slots of item v: [slot_ptr[v], slot_ptr[v + 1]).
  const int64_t* slot_ptr = nullptr;
  const uint32_t* slot_relation = nullptr;
  const float* slot_count = nullptr;
  const float* slot_value = nullptr;  // [slots][pad], Q
  int32_t pad = 16, n_relations = 0;
  float scale = 1, gain = 1;
};

// Whether lists of k and the users' exponentials fit into the shared memory of a block.
bool MixRankFits(const Queue& queue, const MixRank& model, int64_t k);
int RankMix(const Queue& queue, const MixRank& model, const RankJob& job);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_RANK_MIX_H_
