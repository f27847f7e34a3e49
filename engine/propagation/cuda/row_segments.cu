#include "propagation/cuda/row_segments.h"

#include "base/hd.h"
#include "propagation/cuda/primitives.h"
#include "propagation/cuda/warp_group.h"

namespace undula::propagation::cuda {
namespace {

// Scratch: segment numbers, keys, sorted keys, positions, then the primitives' own.
size_t OwnBytes(int64_t n) { return (static_cast<size_t>(n) * 20 + 255) / 256 * 256; }

// Enough key bits for the rows below limit and for the padding, which sorts last.
int KeyBits(int64_t limit) {
  int bits = 1;
  while (bits < 32 && (limit >> bits) != 0) ++bits;
  return bits;
}

// Padding takes the row number `limit`, the smallest key past the rows.
struct Number {
  const uint32_t* ids;
  uint32_t* keys;
  uint32_t* positions;
  int64_t limit;
  UNDULA_HD void operator()(int64_t i) const {
    keys[i] = ids[i] == kNoRow ? static_cast<uint32_t>(limit) : ids[i];
    positions[i] = static_cast<uint32_t>(i);
  }
};

struct MarkHeads {
  const uint32_t* sorted;
  int64_t* segment;
  UNDULA_HD void operator()(int64_t i) const {
    segment[i] = i == 0 || sorted[i] != sorted[i - 1] ? 1 : 0;
  }
};

// segment[i] counts the heads up to i, so position i lies in segment[i] - 1; segment[n - 1] is the
// number of segments, of which the last one may be the padding's.
struct WriteSegments {
  const uint32_t* sorted;
  const int64_t* segment;
  RowSegments out;
  int64_t n, limit;

  UNDULA_HD void operator()(int64_t i) const {
    const bool padding = sorted[i] >= limit;
    if (!padding && (i == 0 || sorted[i] != sorted[i - 1])) {
      out.rows[segment[i] - 1] = sorted[i];
      out.ptr[segment[i] - 1] = i;
    }
    const int64_t distinct = segment[n - 1] - (sorted[n - 1] >= limit ? 1 : 0);
    if (i < distinct && i != n - 1) return;
    int64_t begin = 0, end = n;  // the first padded position
    while (begin < end) {
      const int64_t middle = (begin + end) / 2;
      if (sorted[middle] < limit) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    if (i >= distinct) {
      out.rows[i] = kNoRow;
      out.ptr[i] = end;
    }
    if (i == n - 1) out.ptr[n] = end;
  }
};

}  // namespace

int RowSegmentsScratch(const Queue& queue, int64_t n, int64_t limit, size_t* bytes) {
  size_t sort = 0, scan = 0;
  int code = SortPairsScratch(queue, n, KeyBits(limit), &sort);
  if (code == 0) code = InclusiveSumScratch(queue, n, &scan);
  *bytes = OwnBytes(n) + (sort > scan ? sort : scan);
  return code;
}

int SortRows(const Queue& queue, const uint32_t* ids, int64_t n, int64_t limit, void* scratch,
             size_t bytes, const RowSegments& out) {
  if (n == 0) return 0;
  auto* const segment = static_cast<int64_t*>(scratch);
  auto* const keys = reinterpret_cast<uint32_t*>(segment + n);
  uint32_t* const sorted = keys + n;
  uint32_t* const positions = sorted + n;
  void* const rest = static_cast<unsigned char*>(scratch) + OwnBytes(n);
  const size_t rest_bytes = bytes - OwnBytes(n);
  const int bits = KeyBits(limit);
  int code = ForEach(queue, n, Number{ids, keys, positions, limit});
  if (code == 0) {
    code = SortPairs(queue, rest, rest_bytes, keys, sorted, positions, out.order, n, bits);
  }
  if (code == 0) code = ForEach(queue, n, MarkHeads{sorted, segment});
  if (code == 0) code = InclusiveSum(queue, rest, rest_bytes, segment, segment, n);
  if (code == 0) code = ForEach(queue, n, WriteSegments{sorted, segment, out, n, limit});
  return code;
}

}  // namespace undula::propagation::cuda
