// RelationGemv on a GPU as grouped products: edges sorted by relation are cut into tiles of one
// relation, a block works a tile at a time with the relation's matrix in shared memory. The row
// bodies (relation_gemv_row.h) are the oracle, and what serves matrices that do not fit.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_GEMV_TILE_H_
#define UNDULA_PROPAGATION_OPS_RELATION_GEMV_TILE_H_

#include <cstdint>

#include "propagation/cuda/queue.h"
#include "propagation/cuda/segment_tiles.h"

namespace undula::propagation::cuda {

inline constexpr int64_t kRelationTile = 64;  // edges

struct RelationTiles {
  SegmentTiles tiles;     // of kRelationTile edges; segment s is one relation
  const uint32_t* rows;   // the relation of each segment
  const uint32_t* order;  // edges by relation
};

// Whether both kernels fit into the shared memory of a block.
bool RelationTilesFit(const Queue& queue, int64_t a, int64_t b);

// out_e = R_r x_row(e), or R_r^T x_row(e): [E, a] (transpose: [E, b]). sources null: row e of x.
// R: [relations, a, b].
int RelationTileProducts(const Queue& queue, const RelationTiles& runs, const float* R,
                         const float* x, const uint32_t* sources, int64_t a, int64_t b,
                         bool transpose, float* out);

// partial[tile] [a, b] = sum over the tile's edges, in order, of left_e right_e^T, where (left,
// right) = (g_e, x_s) or, with `transpose`, (x_s, g_e). Only the tiles that exist are written.
int RelationTileGradients(const Queue& queue, const RelationTiles& runs, const float* x,
                          const float* g, const uint32_t* sources, int64_t a, int64_t b,
                          bool transpose, float* partial);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_OPS_RELATION_GEMV_TILE_H_
