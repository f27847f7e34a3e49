#include "propagation/ops/group_tile.h"

#include <cfloat>
#include <cmath>

#include "propagation/cuda/simt.h"
#include "propagation/math_row.h"

namespace undula::propagation::cuda {
namespace {

constexpr int64_t kMostRows = 32;  // of a group, worked at a time by the backward kernel

// Rows of odd length: lanes that read one column of 32 rows meet 32 banks.
UNDULA_HD int Odd(int n) { return n | 1; }

// One group as the kernels see it.
struct Group {
  int64_t row, slot, weight;  // first ones; `slot` is absolute
  int rows, slots;
};
UNDULA_DEVICE Group GroupAt(const GroupTiles& c, int64_t g) {
  const int64_t row = c.row_ptr[g], slot = c.slot_ptr[g];
  return {row - c.row_ptr[0], slot, c.weight_ptr[g], static_cast<int>(c.row_ptr[g + 1] - row),
          static_cast<int>(c.slot_ptr[g + 1] - slot)};
}

// to[i][col] = from[row_of(i)][col] for i < n; rows of `stride` floats. The whole block.
template <class RowOf>
UNDULA_DEVICE void LoadRows(const float* from, RowOf row_of, int n, int cols, int stride,
                            float* to) {
  for (int i = simt::ThreadIndex(); i < n * cols; i += simt::BlockSize()) {
    to[i / cols * stride + i % cols] = from[row_of(i / cols) * cols + i % cols];
  }
}
UNDULA_DEVICE void LoadSlots(const GroupTiles& c, const Group& group, int value_stride, float* keys,
                             float* values) {
  LoadRows(
      c.keys, [&](int i) { return static_cast<int64_t>(c.key_row[group.slot + i]); }, group.slots,
      c.d, Odd(c.d), keys);
  LoadRows(
      c.values,
      [&](int i) {
        return c.value_row == nullptr ? group.slot + i
                                      : static_cast<int64_t>(c.value_row[group.slot + i]);
      },
      group.slots, c.m, value_stride, values);
}

// store(col, sum over i < n of w[i] x[i][col]) by one lane for each col. Where fewer than 17
// columns divide a warp, several lanes share a column and join their sums; one warp.
template <class Store>
UNDULA_DEVICE void SumRows(const float* w, const float* x, int n, int cols, int stride,
                           Store store) {
  if (cols > simt::kWarpSize / 2 || simt::kWarpSize % cols != 0) {
    for (int col = simt::Lane(); col < cols; col += simt::kWarpSize) {
      float sum = 0;
      for (int i = 0; i < n; ++i) sum = fmaf(w[i], x[i * stride + col], sum);
      store(col, sum);
    }
    return;
  }
  const int col = simt::Lane() % cols;
  float sum = 0;
  for (int i = simt::Lane() / cols; i < n; i += simt::kWarpSize / cols) {
    sum = fmaf(w[i], x[i * stride + col], sum);
  }
  for (int step = cols; step < simt::kWarpSize; step *= 2) sum += simt::ShuffleXor(sum, step);
  if (simt::Lane() < cols) store(col, sum);
}

UNDULA_DEVICE float Dot(const float* a, const float* b, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum = fmaf(a[i], b[i], sum);
  return sum;
}

// A group's rows are shared out over `parts` blocks.
UNDULA_KERNEL void ForwardKernel(GroupTiles c, int parts, float* out) {
  const int key_stride = Odd(c.d), most = static_cast<int>(c.max_slots);
  float* const keys = simt::SharedMemory<float>();  // [slots][key_stride]
  float* const values = keys + most * key_stride;   // [slots][m]
  float* const rows = values + most * c.m;          // per warp: query, weights
  float* const query = rows + simt::WarpOfBlock() * (c.d + most);
  float* const w = query + c.d;
  for (int64_t b = simt::BlockIndex(); b < c.groups * parts; b += simt::GridSize()) {
    const int64_t g = b / parts;
    const Group group = GroupAt(c, g);
    const int n = group.slots;
    LoadSlots(c, group, c.m, keys, values);
    simt::SyncBlock();
    const int first = static_cast<int>(b % parts) * simt::WarpsOfBlock() + simt::WarpOfBlock();
    for (int r = first; r < group.rows; r += parts * simt::WarpsOfBlock()) {
      const int64_t row = group.row + r;
      for (int i = simt::Lane(); i < c.d; i += simt::kWarpSize) query[i] = c.q[row * c.d + i];
      simt::SyncWarp();
      float top = -FLT_MAX, sum = 0;
      for (int i = simt::Lane(); i < n; i += simt::kWarpSize) {
        w[i] = c.scale * Dot(query, keys + i * key_stride, c.d);
        top = w[i] > top ? w[i] : top;
      }
      top = simt::WarpMax(top);
      for (int i = simt::Lane(); i < n; i += simt::kWarpSize) {
        w[i] = Exp(w[i] - top) * (c.count == nullptr ? 1.0f : c.count[group.slot + i]);
        sum += w[i];
      }
      const float factor = 1.0f / simt::WarpSum(sum);
      float* const weights = c.weights + group.weight + static_cast<int64_t>(r) * n;
      for (int i = simt::Lane(); i < n; i += simt::kWarpSize) {
        w[i] *= factor;
        weights[i] = w[i];
      }
      simt::SyncWarp();
      SumRows(w, values, n, c.m, c.m, [&](int col, float mix) {
        const float base = c.base == nullptr ? 0.0f : c.base[g * c.m + col];
        out[row * c.m + col] = ActivationOf(c.activation, fmaf(c.gain, mix, base));
      });
      simt::SyncWarp();
    }
    simt::SyncBlock();
  }
}

// sums[i][col] += sum over the rows r of coefficient[r][i] x[r][col], rows ascending; the block.
UNDULA_DEVICE void AddSlotSums(const float* coefficient, const float* x, int rows, int slots,
                               int cols, float* sums) {
  for (int i = simt::ThreadIndex(); i < slots * cols; i += simt::BlockSize()) {
    const float* a = coefficient + i / cols;
    const float* from = x + i % cols;
    float sum = sums[i];
    for (int r = 0; r < rows; ++r) sum = fmaf(a[r * slots], from[r * cols], sum);
    sums[i] = sum;
  }
}

struct BackwardLayout {
  int64_t keys, values, q, z, weights, ds, key_sums, value_sums, base_sums, size;  // floats
};
UNDULA_HD BackwardLayout LayoutOf(const GroupTiles& c, int64_t rows) {
  BackwardLayout at{};
  const int64_t slots = c.max_slots;
  const auto take = [&](int64_t size) {
    const int64_t begin = at.size;
    at.size += size;
    return begin;
  };
  at.keys = take(slots * Odd(c.d));
  at.values = take(slots * Odd(c.m));
  at.q = take(rows * c.d);
  at.z = take(rows * c.m);
  at.weights = take(rows * slots);
  at.ds = take(rows * slots);
  at.key_sums = take(slots * c.d);
  at.value_sums = take(slots * c.m);
  at.base_sums = take(c.m);
  return at;
}

// `most_rows` of a group at a time.
UNDULA_KERNEL void BackwardKernel(GroupTiles c, GroupTileGradients to, int most_rows) {
  const BackwardLayout at = LayoutOf(c, most_rows);
  float* const shared = simt::SharedMemory<float>();
  float* const keys = shared + at.keys;
  float* const values = shared + at.values;
  float* const q = shared + at.q;
  float* const z = shared + at.z;
  float* const w = shared + at.weights;
  float* const ds = shared + at.ds;
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  for (int64_t g = simt::BlockIndex(); g < c.groups; g += simt::GridSize()) {
    const Group group = GroupAt(c, g);
    const int n = group.slots;
    LoadSlots(c, group, Odd(c.m), keys, values);
    for (int i = thread; i < n * c.d; i += threads) shared[at.key_sums + i] = 0;
    for (int i = thread; i < n * c.m; i += threads) shared[at.value_sums + i] = 0;
    for (int i = thread; i < c.m; i += threads) shared[at.base_sums + i] = 0;
    for (int begin = 0; begin < group.rows; begin += most_rows) {
      const int rows = group.rows - begin < most_rows ? group.rows - begin : most_rows;
      const int64_t first = group.row + begin;
      for (int i = thread; i < rows * c.d; i += threads) q[i] = c.q[first * c.d + i];
      for (int i = thread; i < rows * c.m; i += threads) {
        const float g_out = to.g_out[first * c.m + i];
        z[i] = c.activation == Activation::kNone
                   ? g_out
                   : g_out * SlopeOf(c.activation, to.out[first * c.m + i]);
      }
      const float* weights = c.weights + group.weight + static_cast<int64_t>(begin) * n;
      for (int i = thread; i < rows * n; i += threads) w[i] = weights[i];
      simt::SyncBlock();
      for (int r = simt::WarpOfBlock(); r < rows; r += simt::WarpsOfBlock()) {
        float dot = 0;
        for (int i = simt::Lane(); i < n; i += simt::kWarpSize) {
          const float up = c.gain * Dot(z + r * c.m, values + i * Odd(c.m), c.m);
          ds[r * n + i] = up;
          dot = fmaf(w[r * n + i], up, dot);
        }
        dot = simt::WarpSum(dot);
        for (int i = simt::Lane(); i < n; i += simt::kWarpSize) {
          ds[r * n + i] = c.scale * (w[r * n + i] * (ds[r * n + i] - dot));
        }
        simt::SyncWarp();
        if (to.dq == nullptr) continue;
        SumRows(ds + r * n, keys, n, c.d, Odd(c.d),
                [&](int col, float sum) { to.dq[(first + r) * c.d + col] += sum; });
      }
      simt::SyncBlock();
      if (to.slot_keys != nullptr) AddSlotSums(ds, q, rows, n, c.d, shared + at.key_sums);
      if (to.slot_values != nullptr) AddSlotSums(w, z, rows, n, c.m, shared + at.value_sums);
      for (int i = thread; to.dbase != nullptr && i < c.m; i += threads) {
        for (int r = 0; r < rows; ++r) shared[at.base_sums + i] += z[r * c.m + i];
      }
      simt::SyncBlock();
    }
    // Each thread reads the sums that it wrote.
    const int64_t slot = group.slot - c.slot_ptr[0];
    for (int i = thread; to.slot_keys != nullptr && i < n * c.d; i += threads) {
      to.slot_keys[slot * c.d + i] = shared[at.key_sums + i];
    }
    for (int i = thread; to.slot_values != nullptr && i < n * c.m; i += threads) {
      float* value = to.slot_values + slot * c.m + i;
      const float sum = c.gain * shared[at.value_sums + i];
      *value = to.add_to_values ? *value + sum : sum;
    }
    for (int i = thread; to.dbase != nullptr && i < c.m; i += threads) {
      to.dbase[g * c.m + i] += shared[at.base_sums + i];
    }
    simt::SyncBlock();
  }
}

// Warps of a block: about as many as the mean group has rows, and no fewer than loading its slots
// keeps busy.
int Warps(const Queue& queue, const GroupTiles& c) {
  const int64_t most = queue.block_threads / simt::kWarpSize;
  const int64_t busy = c.max_slots * (c.d + c.m) / 256;
  int64_t warps = c.max_rows < 8 ? c.max_rows : 8;
  warps = warps > busy ? warps : busy;
  warps = warps < most ? warps : most;
  return static_cast<int>(warps < 1 ? 1 : warps);
}

size_t ForwardBytes(const GroupTiles& c, int warps) {
  return static_cast<size_t>(c.max_slots * (Odd(c.d) + c.m) + warps * (c.d + c.max_slots)) *
         sizeof(float);
}
size_t BackwardBytes(const GroupTiles& c, int64_t rows) {
  return static_cast<size_t>(LayoutOf(c, rows).size) * sizeof(float);
}

// Rows that the backward kernel works at a time; 0: no number fits.
int64_t RowsAtATime(const Queue& queue, const GroupTiles& c) {
  int64_t rows = c.max_rows < kMostRows ? c.max_rows : kMostRows;
  rows = rows < 1 ? 1 : rows;
  while (rows > 0 && BackwardBytes(c, rows) > queue.max_shared_bytes) rows /= 2;
  return rows;
}

int64_t AtMost(int64_t n, int64_t limit) { return n < limit ? n : limit; }

}  // namespace

bool GroupTilesFit(const Queue& queue, const GroupTiles& c) {
  return c.d > 0 && c.m > 0 && ForwardBytes(c, Warps(queue, c)) <= queue.max_shared_bytes &&
         RowsAtATime(queue, c) > 0;
}

int GroupTileForward(const Queue& queue, const GroupTiles& c, float* out) {
  const int warps = Warps(queue, c);
  // More blocks than groups only where a GPU would stand idle otherwise.
  constexpr int64_t kBlocks = 512;
  int64_t parts = 1;
  while (c.groups * parts * 2 <= kBlocks && parts * warps < c.max_rows) parts *= 2;
  return simt::Launch(queue,
                      simt::LaunchShape{AtMost(c.groups * parts, queue.max_blocks),
                                        warps * simt::kWarpSize, ForwardBytes(c, warps)},
                      ForwardKernel, c, static_cast<int>(parts), out);
}

int GroupTileBackward(const Queue& queue, const GroupTiles& c, const GroupTileGradients& to) {
  const int64_t rows = RowsAtATime(queue, c);
  return simt::Launch(queue,
                      simt::LaunchShape{AtMost(c.groups, queue.max_blocks),
                                        Warps(queue, c) * simt::kWarpSize, BackwardBytes(c, rows)},
                      BackwardKernel, c, to, static_cast<int>(rows));
}

}  // namespace undula::propagation::cuda
