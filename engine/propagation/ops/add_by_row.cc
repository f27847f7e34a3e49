#include "propagation/ops/add_by_row.h"

namespace undula::propagation {

cuda::SegmentTiles MakeTiles(Tape& tape, const RowOrder& order, int64_t n, int64_t size) {
  cuda::SegmentTiles tiles;
  if constexpr (kHasCuda) {
    int64_t* first = tape.Scratch<int64_t>(order.distinct + 1);
    tiles = {order.ptr, first, order.distinct, size, cuda::TileBound(order.distinct, n, size)};
    if (tape.status().ok()) {
      tape.Check(
          cuda::CountTiles(tape.exec().device()->queue(), order.ptr, order.distinct, size, first),
          "tiles of rows");
    }
  }
  return tiles;
}

}  // namespace undula::propagation
