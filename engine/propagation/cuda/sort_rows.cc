#include "propagation/cuda/sort_rows.h"

#include <algorithm>
#include <cstddef>

#include "base/status.h"
#include "propagation/cuda/row_segments.h"

namespace undula::propagation::cuda {

absl::Status SortRowsOn(Device* device, Arena& arena, const uint32_t* ids, int64_t n, int64_t limit,
                        RowOrder* out) {
  *out = RowOrder{};
  if (n == 0) return absl::OkStatus();
  if (n >= int64_t{1} << 31) {
    return InvalidArgumentError("more than 2^31 row numbers at once on a GPU");
  }
  const Queue& queue = device->queue();
  size_t bytes = 0;
  UNDULA_RETURN_IF_ERROR(Check(RowSegmentsScratch(queue, n, limit, &bytes), "sort by row"));
  const auto take = [&](int64_t size) {
    return arena.AllocateOn(device, static_cast<size_t>(size));
  };
  const RowSegments segments{static_cast<uint32_t*>(take(n * 4)),
                             static_cast<int64_t*>(take((n + 1) * 8)),
                             static_cast<uint32_t*>(take(n * 4))};
  void* const scratch = take(static_cast<int64_t>(bytes));
  if (segments.rows == nullptr || segments.ptr == nullptr || segments.order == nullptr ||
      scratch == nullptr) {
    return ResourceExhaustedError("out of GPU memory to sort ", n, " row numbers");
  }
  UNDULA_RETURN_IF_ERROR(
      Check(SortRows(queue, ids, n, limit, scratch, bytes, segments), "sort by row"));
  *out = RowOrder{std::min(n, limit), segments.rows, segments.ptr, segments.order};
  return absl::OkStatus();
}

}  // namespace undula::propagation::cuda
