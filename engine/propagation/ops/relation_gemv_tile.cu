#include "propagation/ops/relation_gemv_tile.h"

#include <cmath>

#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {
namespace {

constexpr int kTile = static_cast<int>(kRelationTile);
constexpr int kEdges = 4;  // edges of one thread, which share its loads of the matrix

// Rows of odd length: threads of neighboring rows read different banks.
UNDULA_HD int Odd(int n) { return n | 1; }

size_t ProductBytes(int64_t a, int64_t b) {
  const int64_t widest = a > b ? a : b;
  return static_cast<size_t>(a * (b | 1) + kTile * (widest | 1)) * sizeof(float);
}
size_t GradientBytes(int64_t a, int64_t b) {
  return static_cast<size_t>(kTile * (a + b)) * sizeof(float);
}

struct ProductArgs {
  RelationTiles runs;
  const float* R;
  const float* x;
  const uint32_t* sources;
  float* out;
  int a, b;
  bool transpose;
};

UNDULA_KERNEL void ProductKernel(ProductArgs c) {
  const int inner = c.transpose ? c.a : c.b, width = c.transpose ? c.b : c.a;
  const int stride = Odd(c.b), x_stride = Odd(inner);
  float* const matrix = simt::SharedMemory<float>();  // [a][stride]
  float* const x = matrix + c.a * stride;             // [kTile][x_stride]
  // From output o to the next inner index of the matrix, and from one output to the next.
  const int step = c.transpose ? stride : 1, output_step = c.transpose ? 1 : stride;
  for (int64_t t = simt::BlockIndex(); t < c.runs.tiles.bound; t += simt::GridSize()) {
    const Tile tile = TileAt(c.runs.tiles, t);
    if (tile.segment < 0) return;
    const float* from = c.R + static_cast<int64_t>(c.runs.rows[tile.segment]) * c.a * c.b;
    for (int i = simt::ThreadIndex(); i < c.a * c.b; i += simt::BlockSize()) {
      matrix[i / c.b * stride + i % c.b] = from[i];
    }
    const int n = static_cast<int>(tile.end - tile.begin);
    for (int i = simt::ThreadIndex(); i < n * inner; i += simt::BlockSize()) {
      const int64_t e = c.runs.order[tile.begin + i / inner];
      const int64_t row = c.sources == nullptr ? e : static_cast<int64_t>(c.sources[e]);
      x[i / inner * x_stride + i % inner] = c.x[row * inner + i % inner];
    }
    simt::SyncBlock();
    const int quads = (n + kEdges - 1) / kEdges;
    for (int i = simt::ThreadIndex(); i < quads * width; i += simt::BlockSize()) {
      const int output = i % width, first = i / width * kEdges;
      const float* m = matrix + output * output_step;
      const float* row[kEdges];  // edges past the last repeat it
      float sum[kEdges];
      for (int k = 0; k < kEdges; ++k) {
        row[k] = x + (first + k < n ? first + k : n - 1) * x_stride;
        sum[k] = 0;
      }
      for (int j = 0; j < inner; ++j) {
        const float factor = m[j * step];
        for (int k = 0; k < kEdges; ++k) sum[k] = fmaf(factor, row[k][j], sum[k]);
      }
      for (int k = 0; k < kEdges && first + k < n; ++k) {
        c.out[static_cast<int64_t>(c.runs.order[tile.begin + first + k]) * width + output] = sum[k];
      }
    }
    simt::SyncBlock();
  }
}

struct GradientArgs {
  RelationTiles runs;
  const float* left;
  const float* right;
  const uint32_t* left_sources;   // null: row e
  const uint32_t* right_sources;  // null: row e
  float* partial;
  int a, b;
};

UNDULA_KERNEL void GradientKernel(GradientArgs c) {
  float* const left = simt::SharedMemory<float>();  // [kTile][a]
  float* const right = left + kTile * c.a;          // [kTile][b]
  for (int64_t t = simt::BlockIndex(); t < c.runs.tiles.bound; t += simt::GridSize()) {
    const Tile tile = TileAt(c.runs.tiles, t);
    if (tile.segment < 0) return;
    const int n = static_cast<int>(tile.end - tile.begin);
    const auto load = [&](const float* from, const uint32_t* sources, int cols, float* to) {
      for (int i = simt::ThreadIndex(); i < n * cols; i += simt::BlockSize()) {
        const int64_t e = c.runs.order[tile.begin + i / cols];
        const int64_t row = sources == nullptr ? e : static_cast<int64_t>(sources[e]);
        to[i] = from[row * cols + i % cols];
      }
    };
    load(c.left, c.left_sources, c.a, left);
    load(c.right, c.right_sources, c.b, right);
    simt::SyncBlock();
    float* const to = c.partial + t * c.a * c.b;
    for (int i = simt::ThreadIndex(); i < c.a * c.b; i += simt::BlockSize()) {
      const float* u = left + i / c.b;
      const float* w = right + i % c.b;
      float sum = 0;
      for (int k = 0; k < n; ++k) sum = fmaf(u[k * c.a], w[k * c.b], sum);
      to[i] = sum;
    }
    simt::SyncBlock();
  }
}

simt::LaunchShape BlockPerTile(const Queue& queue, const RelationTiles& runs, size_t shared) {
  const int64_t blocks = runs.tiles.bound < queue.max_blocks ? runs.tiles.bound : queue.max_blocks;
  return {blocks, queue.block_threads, shared};
}

}  // namespace

bool RelationTilesFit(const Queue& queue, int64_t a, int64_t b) {
  return a > 0 && b > 0 && a < 1024 && b < 1024 && ProductBytes(a, b) <= queue.max_shared_bytes &&
         GradientBytes(a, b) <= queue.max_shared_bytes;
}

int RelationTileProducts(const Queue& queue, const RelationTiles& runs, const float* R,
                         const float* x, const uint32_t* sources, int64_t a, int64_t b,
                         bool transpose, float* out) {
  const ProductArgs args{runs,     R, x, sources, out, static_cast<int>(a), static_cast<int>(b),
                         transpose};
  return simt::Launch(queue, BlockPerTile(queue, runs, ProductBytes(a, b)), ProductKernel, args);
}

int RelationTileGradients(const Queue& queue, const RelationTiles& runs, const float* x,
                          const float* g, const uint32_t* sources, int64_t a, int64_t b,
                          bool transpose, float* partial) {
  GradientArgs args{
      runs, g, x, nullptr, sources, partial, static_cast<int>(a), static_cast<int>(b)};
  if (transpose) args = {runs, x, g, sources, nullptr, partial, args.a, args.b};
  return simt::Launch(queue, BlockPerTile(queue, runs, GradientBytes(a, b)), GradientKernel, args);
}

}  // namespace undula::propagation::cuda
