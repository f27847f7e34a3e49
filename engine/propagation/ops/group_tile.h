// GroupAttention and RelationMix on a GPU: a block works one group at a time with the group's key
// and value rows in shared memory, a warp per query row, lanes over slots for the logits and over
// columns for the sums. Slot gradients are summed over the group's rows in the same block, rows in
// ascending order. The row bodies (group_attention_row.h, relation_mix_row.h) are the oracle, and
// what serves groups that do not fit.
#ifndef UNDULA_PROPAGATION_OPS_GROUP_TILE_H_
#define UNDULA_PROPAGATION_OPS_GROUP_TILE_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/ops/activation.h"

namespace undula::propagation::cuda {

// Group g has the rows [row_ptr[g], row_ptr[g+1]) - row_ptr[0] of q and the slots [slot_ptr[g],
// slot_ptr[g+1]); weights are packed as GroupIndex says. With logits scale q . key:
//   out = act(base_g + gain sum_i weight_i value_i).
struct GroupTiles {
  int64_t groups = 0;
  const int64_t* row_ptr = nullptr;
  const int64_t* slot_ptr = nullptr;
  const int64_t* weight_ptr = nullptr;
  const uint32_t* key_row = nullptr;
  const uint32_t* value_row = nullptr;  // null: slot s has value s
  const float* count = nullptr;         // null: all 1
  const float* q = nullptr;             // [n, d]
  const float* keys = nullptr;          // [.., d]
  const float* values = nullptr;        // [.., m]
  const float* base = nullptr;          // [groups, m]; null: 0
  float* weights = nullptr;             // written by the forward kernel, read by the backward one
  int32_t d = 0, m = 0;
  float scale = 1, gain = 1;
  Activation activation = Activation::kNone;
  // Of any group: they size the shared memory.
  int64_t max_rows = 0, max_slots = 0;
};

// Outputs are added to, except that slot_keys and (unless add_to_values) slot_values are set. Null:
// not wanted. Slot numbers count from slot_ptr[0].
struct GroupTileGradients {
  const float* out = nullptr;    // needed with an activation only
  const float* g_out = nullptr;  // [n, m]
  float* dq = nullptr;           // [n, d]
  float* dbase = nullptr;        // [groups, m]
  float* slot_keys = nullptr;    // [slots, d]
  float* slot_values = nullptr;  // [slots, m]
  bool add_to_values = false;
};

// Whether both kernels fit into the shared memory of a block.
bool GroupTilesFit(const Queue& queue, const GroupTiles& tiles);
int GroupTileForward(const Queue& queue, const GroupTiles& tiles, float* out);
int GroupTileBackward(const Queue& queue, const GroupTiles& tiles, const GroupTileGradients& to);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_GROUP_TILE_H_
