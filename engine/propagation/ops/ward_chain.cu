#include "propagation/ops/ward_chain.h"

#include <cmath>

#include "propagation/cuda/simt.h"
#include "propagation/ops/ward_row.h"

namespace undula::propagation::cuda {
namespace {

// Products of points: a tile of kTile by kTile pairs, kDepth columns at a time; a thread has 4 by 4
// of them. kPitch keeps quads aligned.
constexpr int kTile = 64, kDepth = 16, kPitch = kTile + 4, kSpots = (kTile / 4) * (kTile / 4);

struct Layout {
  size_t squares, sizes, chain, states, size;  // bytes; the tiles come first
};
UNDULA_HD Layout LayoutOf(int64_t most) {
  const size_t words = (static_cast<size_t>(most) + 3) / 4 * 4 * sizeof(float);
  Layout at{};
  at.squares = 2 * kDepth * kPitch * sizeof(float);
  at.sizes = at.squares + words;
  at.chain = at.sizes + words;
  at.states = at.chain + words;
  at.size = at.states + static_cast<size_t>(most);
  return at;
}

// Points [first, first + kTile) and columns [column, column + kDepth) into to[kDepth][kPitch];
// zeros outside of the set and behind the last column.
UNDULA_DEVICE void LoadPoints(const WardJob& job, const uint32_t* row, int n, int first,
                              int64_t column, float* to) {
  for (int i = simt::ThreadIndex(); i < kTile * kDepth; i += simt::BlockSize()) {
    const int p = first + i / kDepth, c = i % kDepth;
    to[c * kPitch + i / kDepth] =
        p < n && column + c < job.dim ? job.rows[int64_t{row[p]} * job.dim + column + c] : 0.0f;
  }
}

// The distances of all pairs, d [n][n] with infinity on the diagonal.
UNDULA_DEVICE void Distances(const WardJob& job, const uint32_t* row, int n, const float* squares,
                             const float* sizes, float* tiles, float* d) {
  float* const left = tiles;
  float* const right = tiles + kDepth * kPitch;
  const int side = (n + kTile - 1) / kTile;
  for (int tile = 0; tile < side * side; ++tile) {
    const int first_i = tile / side * kTile, first_j = tile % side * kTile;
    if (first_j < first_i) continue;  // the mirror image
    for (int begin = 0; begin < kSpots; begin += simt::BlockSize()) {
      const int spot = begin + simt::ThreadIndex();  // past kSpots: only helps to load
      const int at_i = spot % kSpots / (kTile / 4) * 4, at_j = spot % (kTile / 4) * 4;
      float product[4][4];
      UNDULA_UNROLL
      for (int i = 0; i < 4; ++i) {
        UNDULA_UNROLL
        for (int j = 0; j < 4; ++j) product[i][j] = 0;
      }
      for (int64_t column = 0; column < job.dim; column += kDepth) {
        simt::SyncBlock();
        LoadPoints(job, row, n, first_i, column, left);
        LoadPoints(job, row, n, first_j, column, right);
        simt::SyncBlock();
        for (int c = 0; c < kDepth; ++c) {
          const simt::Quad x = simt::LoadQuad(left + c * kPitch + at_i);
          const simt::Quad y = simt::LoadQuad(right + c * kPitch + at_j);
          UNDULA_UNROLL
          for (int i = 0; i < 4; ++i) {
            UNDULA_UNROLL
            for (int j = 0; j < 4; ++j) product[i][j] = fmaf(x.v[i], y.v[j], product[i][j]);
          }
        }
      }
      if (spot >= kSpots) continue;
      UNDULA_UNROLL
      for (int i = 0; i < 4; ++i) {
        UNDULA_UNROLL
        for (int j = 0; j < 4; ++j) {
          const int p = first_i + at_i + i, q = first_j + at_j + j;
          if (p >= q || q >= n) continue;
          const float v = WardDistance(squares[p], squares[q], product[i][j], sizes[p], sizes[q]);
          d[int64_t{p} * n + q] = v;
          d[int64_t{q} * n + p] = v;
        }
      }
    }
  }
  for (int p = simt::ThreadIndex(); p < n; p += simt::BlockSize()) {
    d[int64_t{p} * n + p] = HUGE_VALF;
  }
}

// A cluster and how far it is; in_chain: whether it is a link of the chain.
struct Nearest {
  float distance;
  int place;  // 2 * cluster + in_chain
};
UNDULA_DEVICE void Nearer(Nearest* best, float distance, int place) {
  if (distance < best->distance || (distance == best->distance && place < best->place)) {
    *best = {distance, place};
  }
}

// The smallest distance in `row`, of clusters that are there; of equal ones the first. `found`: a
// place for each warp. The same in all threads; a barrier must come before the next call.
UNDULA_DEVICE Nearest FindNearest(const float* row, int n, const uint8_t* states, Nearest* found) {
  Nearest best{HUGE_VALF, 2 * n};
  for (int k = simt::ThreadIndex(); k < n; k += simt::BlockSize()) {
    const uint8_t state = states[k];
    if (state == kWardMerged) continue;
    Nearer(&best, row[k], 2 * k + (state == kWardInChain ? 1 : 0));
  }
  for (int step = simt::kWarpSize / 2; step > 0; step /= 2) {
    const float distance = simt::ShuffleXor(best.distance, step);
    Nearer(&best, distance, simt::ShuffleXor(best.place, step));
  }
  if (simt::Lane() == 0) found[simt::WarpOfBlock()] = best;
  simt::SyncBlock();
  best = found[0];
  for (int w = 1; w < simt::WarpsOfBlock(); ++w) Nearer(&best, found[w].distance, found[w].place);
  return best;
}

// The merges of one set, whose states are all free. As WardLinkage, step by step.
UNDULA_DEVICE void Chain(int n, float* sizes, int* chain, uint8_t* states, float* d, Nearest* found,
                         WardLink* links) {
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  int length = 0, first = 0;
  for (int merges = 0; merges + 1 < n;) {
    if (length == 0) {
      while (states[first] == kWardMerged) ++first;
      simt::SyncBlock();
      if (thread == 0) {
        chain[0] = first;
        states[first] = kWardInChain;
      }
      length = 1;
      simt::SyncBlock();
    }
    const int top = chain[length - 1], previous = length > 1 ? chain[length - 2] : top;
    const float* const row = d + int64_t{top} * n;
    const Nearest nearest = FindNearest(row, n, states, found);
    const float apart = row[previous];
    if (length == 1 || (apart > nearest.distance && nearest.place % 2 == 0)) {
      if (thread == 0) {
        chain[length] = nearest.place / 2;
        states[nearest.place / 2] = kWardInChain;
      }
      ++length;
      simt::SyncBlock();
      continue;
    }
    const int keep = top < previous ? top : previous, drop = top < previous ? previous : top;
    float* const to = d + int64_t{keep} * n;
    const float* const gone = d + int64_t{drop} * n;
    const float a = sizes[keep], b = sizes[drop];
    for (int k = thread; k < n; k += threads) {
      if (states[k] == kWardMerged || k == keep || k == drop) continue;
      const float v = WardUpdate(a, b, sizes[k], to[k], gone[k], apart);
      to[k] = v;
      d[int64_t{k} * n + keep] = v;
    }
    simt::SyncBlock();
    if (thread == 0) {
      states[keep] = kWardFree;
      states[drop] = kWardMerged;
      sizes[keep] = a + b;
      links[merges] = {static_cast<uint32_t>(keep), static_cast<uint32_t>(drop), apart};
    }
    ++merges;
    length -= 2;
    simt::SyncBlock();
  }
}

UNDULA_KERNEL void WardKernel(WardJob job) {
  const Layout at = LayoutOf(job.most);
  float* const tiles = simt::SharedMemory<float>();
  float* const squares = simt::SharedMemory<float>(at.squares);
  float* const sizes = simt::SharedMemory<float>(at.sizes);
  int* const chain = simt::SharedMemory<int>(at.chain);
  uint8_t* const states = simt::SharedMemory<uint8_t>(at.states);
  float* const d = job.distances + simt::BlockIndex() * job.most * job.most;
  for (int64_t set = simt::BlockIndex(); set < job.sets; set += simt::GridSize()) {
    const int64_t begin = job.ptr[set];
    const int n = static_cast<int>(job.ptr[set + 1] - begin);
    for (int p = simt::ThreadIndex(); p < n; p += simt::BlockSize()) {
      const float* const x = job.rows + int64_t{job.row[begin + p]} * job.dim;
      float square = 0;
      for (int64_t c = 0; c < job.dim; ++c) square += x[c] * x[c];
      squares[p] = square;
      sizes[p] = static_cast<float>(job.count[begin + p]);
      states[p] = kWardFree;
    }
    simt::SyncBlock();
    Distances(job, job.row + begin, n, squares, sizes, tiles, d);
    simt::SyncBlock();
    // The tiles are done with: their memory takes what the warps find.
    Chain(n, sizes, chain, states, d, reinterpret_cast<Nearest*>(tiles), job.links + begin);
    simt::SyncBlock();
  }
}

}  // namespace

bool WardFits(const Queue& queue, int64_t most) {
  return LayoutOf(most).size <= queue.max_shared_bytes;
}

int RunWard(const Queue& queue, const WardJob& job) {
  return simt::Launch(queue,
                      simt::LaunchShape{job.blocks, queue.block_threads, LayoutOf(job.most).size},
                      WardKernel, job);
}

}  // namespace undula::propagation::cuda
