// Segments cut into tiles of a fixed number of positions, each tile of one segment: how kernels
// share out segments whose lengths only the device knows. The list of tiles is never made: a block
// finds its tile by bisection (TileAt), and blocks past the last tile find none.
#ifndef UNDULA_PROPAGATION_CUDA_SEGMENT_TILES_H_
#define UNDULA_PROPAGATION_CUDA_SEGMENT_TILES_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

// Segment s has the positions ptr[s] .. ptr[s+1] and the tiles first[s] .. first[s+1].
struct SegmentTiles {
  const int64_t* ptr = nullptr;    // [segments + 1]
  const int64_t* first = nullptr;  // [segments + 1]
  int64_t segments = 0;            // empty ones have no tile
  int64_t size = 1;                // positions of a tile; the last one of a segment may have fewer
  int64_t bound = 0;               // at least the number of tiles
};

struct Tile {
  int64_t segment = -1;  // -1: there is no such tile
  int64_t begin = 0, end = 0;
};

inline int64_t TileBound(int64_t segments, int64_t positions, int64_t size) {
  return segments + positions / size;
}

UNDULA_HD Tile TileAt(const SegmentTiles& tiles, int64_t tile) {
  if (tile >= tiles.first[tiles.segments]) return {};
  int64_t low = 0, high = tiles.segments;  // first[low] <= tile < first[high]
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (tiles.first[middle] <= tile) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const int64_t begin = tiles.ptr[low] + (tile - tiles.first[low]) * tiles.size;
  const int64_t end = begin + tiles.size;
  return {low, begin, end < tiles.ptr[low + 1] ? end : tiles.ptr[low + 1]};
}

// Fills first [segments + 1]; one block.
int CountTiles(const Queue& queue, const int64_t* ptr, int64_t segments, int64_t size,
               int64_t* first);

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_SEGMENT_TILES_H_
