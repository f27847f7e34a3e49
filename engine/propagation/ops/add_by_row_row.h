// Row bodies of add_by_row.h.
#ifndef UNDULA_PROPAGATION_OPS_ADD_BY_ROW_ROW_H_
#define UNDULA_PROPAGATION_OPS_ADD_BY_ROW_ROW_H_

#include <cstdint>

#include "base/hd.h"
#include "propagation/cuda/segment_tiles.h"

namespace undula::propagation {

// Per tile: partial[tile] = sum of x over its positions, in order.
template <class T>
struct TileSumRow {
  const T* x;  // [n, cols]
  const uint32_t* order;
  cuda::SegmentTiles tiles;
  T* partial;  // [tiles, cols]
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t t) const {
    const cuda::Tile tile = cuda::TileAt(tiles, t);
    if (tile.segment < 0) return;
    T* to = partial + t * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, cols, tile.end - tile.begin, [](int64_t) { return T(1); },
        [&](int64_t k) { return x + static_cast<int64_t>(order[tile.begin + k]) * cols; });
  }
};

// Part p of `parts` of segment s (row number s * parts + p): out[rows[s]] += sum of the segment's
// tiles, of the columns [p cols, (p + 1) cols) out of parts * cols. rows null: out[s].
template <class T>
struct AddTilesRow {
  const T* partial;
  const int64_t* first;  // of SegmentTiles
  const uint32_t* rows;
  T* out;
  int64_t parts, cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t row) const {
    const int64_t s = row / parts, p = row % parts;
    const int64_t tile = first[s], n = first[s + 1] - tile;
    if (n == 0) return;  // rows[s] may be padding
    const int64_t to = rows == nullptr ? s : static_cast<int64_t>(rows[s]);
    group.AddRows(
        out + (to * parts + p) * cols, cols, n, [](int64_t) { return T(1); },
        [&](int64_t k) { return partial + ((tile + k) * parts + p) * cols; });
  }
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ADD_BY_ROW_ROW_H_
