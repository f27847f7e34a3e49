// out[rows[s]] += sum of x over the positions of row s: the end of every backward of a gather. On a
// GPU where few rows receive many positions each (relations, biases), tiles of kAddTile positions
// are summed first and then the tiles of a row, in ascending order, so that a row is not left to
// one warp. Which form is used depends on the shapes only.
#ifndef UNDULA_PROPAGATION_OPS_ADD_BY_ROW_H_
#define UNDULA_PROPAGATION_OPS_ADD_BY_ROW_H_

#include <cstdint>

#include "propagation/ops/add_by_row_row.h"
#include "propagation/ops/op_check.h"

namespace undula::propagation {

inline constexpr int64_t kAddTile = 32;

// `size` positions a tile of the n positions of `order`; on a GPU tape only.
cuda::SegmentTiles MakeTiles(Tape& tape, const RowOrder& order, int64_t n, int64_t size);

// x: [n, cols], n positions in `order`. compact: out has a row per distinct row, in order.
template <class T>
void AddByRow(Tape& tape, const RowOrder& order, int64_t n, const T* x, int64_t cols, bool compact,
              T* out) {
  const uint32_t* rows = compact ? nullptr : order.rows;
  if (!tape.exec().on_gpu() || n < 2 * kAddTile * order.distinct) {
    ForRows(tape, order.distinct, cols * 4,
            ScatterAddRow<T>{x, rows, order.ptr, order.order, out, cols});
    return;
  }
  const cuda::SegmentTiles tiles = MakeTiles(tape, order, n, kAddTile);
  T* partial = tape.Scratch<T>(tiles.bound * cols);
  ForRows(tape, tiles.bound, kAddTile * cols, TileSumRow<T>{x, order.order, tiles, partial, cols});
  ForRows(tape, order.distinct, cols, AddTilesRow<T>{partial, tiles.first, rows, out, 1, cols});
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_ADD_BY_ROW_H_
