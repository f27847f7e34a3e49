// Fused scoring of RippleNet on a GPU: a block works one user at a time with the keys and values of
// all hops in shared memory, a thread a few items at a time with their vectors in registers, and
// the best k stay in the block (cuda/top_k.h). The direct form of the scores
// (models/ripplenet/scorer.h): per (user, item) 2 slots d multiply-adds a hop. The softmax runs
// over the slots once, with a running maximum.
#ifndef UNDULA_PROPAGATION_OPS_RANK_RIPPLE_H_
#define UNDULA_PROPAGATION_OPS_RANK_RIPPLE_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/cuda/ranking.h"

namespace undula::propagation::cuda {

// Columns that a vector of length d takes: 16, 32 or 64; 0 where d is larger.
inline int RankPad(int64_t d) { return d <= 16 ? 16 : d <= 32 ? 32 : d <= 64 ? 64 : 0; }

// Rows are padded with zeros to `pad` = RankPad(d) columns and aligned to 16 bytes.
struct RippleRank {
  const float* item_columns = nullptr;  // [pad][items]
  const float* keys = nullptr;          // [pairs][pad], R h
  const float* values = nullptr;        // [entities][pad]
  const float* transform = nullptr;     // [pad][pad] (address times it), or null
  // Slots of hop h of user u: [slot_ptr[u hops + h], slot_ptr[u hops + h + 1]).
  const int64_t* slot_ptr = nullptr;
  const uint32_t* key_row = nullptr;
  const uint32_t* value_row = nullptr;
  const float* count = nullptr;
  int32_t pad = 16, hops = 1;
  int32_t most_slots = 0;  // of one user, over all hops
  bool add_address = false, all_hops = true;
  bool paper = true;  // score v_0 . y; else v_H . y
};

// Whether lists of k and the slots of every user fit into the shared memory of a block.
bool RippleRankFits(const Queue& queue, const RippleRank& model, int64_t k);
int RankRipple(const Queue& queue, const RippleRank& model, const RankJob& job);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_RANK_RIPPLE_H_
