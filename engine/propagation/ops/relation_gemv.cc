#include "propagation/ops/relation_gemv.h"

#include "propagation/ops/add_by_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/relation_gemv_row.h"
#include "propagation/ops/relation_gemv_tile.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// At most kTileRows edges of one relation: order[begin .. end) of run `run`.
struct Tile {
  int64_t run, begin, end;
};

struct Context {
  Var R, x;
  Tensor relations, sources;
  bool transpose;
  RowOrder runs;  // edges by relation
  const Tile* tiles;
  int64_t tile_count;
  bool grouped;  // on a GPU: by tiles of one relation, else edge by edge
  cuda::SegmentTiles device_tiles;

  cuda::RelationTiles DeviceTiles() const { return {device_tiles, runs.rows, runs.order}; }
};

template <class T>
const T* RowAt(const T* x, int64_t row, int64_t cols) {
  return x + row * cols;
}

void CutRuns(Tape& tape, const Tensor& R, Context* c) {
  const int64_t edges = c->relations.size();
  c->runs = SortRows(tape, c->relations, R.rows());
  if (tape.exec().on_gpu()) {
    if constexpr (kHasCuda) {
      c->grouped = edges > 0 &&
                   cuda::RelationTilesFit(tape.exec().device()->queue(), R.shape[1], R.shape[2]);
      if (c->grouped) c->device_tiles = MakeTiles(tape, c->runs, edges, cuda::kRelationTile);
    }
    return;
  }
  Tile* tiles = tape.arena().New<Tile>(c->runs.distinct + edges / kTileRows);
  c->tile_count = 0;
  for (int64_t s = 0; s < c->runs.distinct; ++s) {
    for (int64_t e = c->runs.ptr[s]; e < c->runs.ptr[s + 1]; e += kTileRows) {
      tiles[c->tile_count++] = {s, e, std::min(e + kTileRows, c->runs.ptr[s + 1])};
    }
  }
  c->tiles = tiles;
}

// out_e = M_r in_row(e) for every edge: [E, in] -> [E, width], where M = R (width = a) or, with
// `transpose`, R^T (width = b). sources null: in row e.
template <class T>
void Multiply(Tape& tape, const Context& c, const Tensor& R, const T* in, const uint32_t* sources,
              bool transpose, T* out) {
  const int64_t a = R.shape[1], b = R.shape[2];
  if (tape.exec().on_gpu()) {
    if constexpr (kHasCuda && std::is_same_v<T, float>) {
      if (c.grouped) {
        if (!tape.status().ok()) return;
        tape.Check(cuda::RelationTileProducts(tape.exec().device()->queue(), c.DeviceTiles(),
                                              R.as<T>(), in, sources, a, b, transpose, out),
                   "RelationGemv");
        return;
      }
    }
    ForRows(tape, c.relations.size(), a * b,
            RelationGemvRow<T>{R.as<T>(), in, c.relations.as<uint32_t>(), sources, out, a, b,
                               transpose});
    return;
  }
  const int64_t inner = transpose ? a : b, width = transpose ? b : a;
  // The tile product wants the right operand as [inner, width]: R itself, or R transposed once per
  // relation in use.
  T* flipped = nullptr;
  if (!transpose) {
    flipped = tape.arena().New<T>(c.runs.distinct * a * b);
    ForRows(tape, c.runs.distinct, a * b, [&](const LaneGroup&, int64_t s) {
      Transpose(R.as<T>() + static_cast<int64_t>(c.runs.rows[s]) * a * b, a, b,
                flipped + s * a * b);
    });
  }
  ForRows(tape, c.tile_count, kTileRows * inner * width / 4, [&](const LaneGroup&, int64_t t) {
    const Tile tile = c.tiles[t];
    const T* right = transpose ? R.as<T>() + static_cast<int64_t>(c.runs.rows[tile.run]) * a * b
                               : flipped + tile.run * a * b;
    const T* from[kTileRows];
    T* to[kTileRows];
    for (int64_t k = tile.begin; k < tile.end; ++k) {
      const int64_t e = c.runs.order[k];
      from[k - tile.begin] = RowAt(in, sources == nullptr ? e : sources[e], inner);
      to[k - tile.begin] = out + e * width;
    }
    TileGemm<T>(from, tile.end - tile.begin, inner, right, width, to, width, false);
  });
}

// dR by runs: tiles in ascending order, so every element has one fixed order of sums.
template <class T>
void AddMatrixGradient(Tape& tape, const Context& c, const T* x, const T* g, const Tensor& dR) {
  const int64_t a = dR.shape[1], b = dR.shape[2];
  const int64_t x_cols = c.transpose ? a : b, g_cols = c.transpose ? b : a;
  const uint32_t* sources = c.sources.as<uint32_t>();
  if (tape.exec().on_gpu()) {
    if constexpr (kHasCuda && std::is_same_v<T, float>) {
      if (c.grouped) {
        float* partial = tape.Scratch<float>(c.device_tiles.bound * a * b);
        if (!tape.status().ok()) return;
        tape.Check(cuda::RelationTileGradients(tape.exec().device()->queue(), c.DeviceTiles(), x, g,
                                               sources, a, b, c.transpose, partial),
                   "RelationGemv");
        ForRows(
            tape, c.runs.distinct * a, b,
            AddTilesRow<float>{partial, c.device_tiles.first, c.runs.rows, dR.as<float>(), a, b});
        return;
      }
    }
    ForRows(tape, c.runs.distinct * a, int64_t{1} << 20,
            RelationGradientRow<T>{x, g, sources, c.runs.rows, c.runs.ptr, c.runs.order, dR.as<T>(),
                                   a, b, c.transpose});
    return;
  }
  ForRows(tape, c.runs.distinct, int64_t{1} << 20, [&](const LaneGroup&, int64_t s) {
    T* to = dR.as<T>() + static_cast<int64_t>(c.runs.rows[s]) * a * b;
    const T* source[kTileRows];
    const T* upstream[kTileRows];
    for (int64_t begin = c.runs.ptr[s]; begin < c.runs.ptr[s + 1]; begin += kTileRows) {
      const int64_t n = std::min(kTileRows, c.runs.ptr[s + 1] - begin);
      for (int64_t k = 0; k < n; ++k) {
        const int64_t e = c.runs.order[begin + k];
        source[k] = RowAt(x, sources[e], x_cols);
        upstream[k] = RowAt(g, e, g_cols);
      }
      TileOuter<T>(c.transpose ? source : upstream, c.transpose ? upstream : source, n, a, b, to,
                   b);
    }
  });
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  const Tensor R = tape.value(c.R), x = tape.value(c.x);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (tape.needs_grad(c.R)) {
      AddMatrixGradient(tape, c, x.as<T>(), g.as<T>(), tape.grad(c.R));
    }
    if (tape.needs_grad(c.x)) {
      const int64_t edges = c.sources.size();
      T* per_edge = tape.Scratch<T>(edges * x.cols());
      Multiply<T>(tape, c, R, g.as<T>(), nullptr, !c.transpose, per_edge);
      const RowOrder order = SortRows(tape, c.sources, x.rows());
      AddByRow(tape, order, edges, per_edge, x.cols(), false, tape.grad(c.x).as<T>());
    }
  });
}

}  // namespace

Var RelationGemv(Tape& tape, Var R, Var x, const Tensor& relations, const Tensor& sources,
                 bool transpose) {
  if (!Ready(tape, "RelationGemv", {R, x})) return Var{};
  const Tensor Rv = tape.value(R), xv = tape.value(x);
  if (Rv.rank != 3 || xv.rank != 2 || xv.cols() != Rv.shape[transpose ? 1 : 2]) {
    return BadInput(tape, "RelationGemv", "R ", Describe(Rv), " and x ", Describe(xv),
                    " do not fit; R is [relations, a, b] and x [n, ", transpose ? "a]" : "b]");
  }
  if (!CheckRows(tape, "RelationGemv", "relations", relations, Rv.rows()) ||
      !CheckRows(tape, "RelationGemv", "sources", sources, xv.rows())) {
    return Var{};
  }
  if (relations.size() != sources.size()) {
    return BadInput(tape, "RelationGemv", relations.size(), " relations but ", sources.size(),
                    " sources");
  }
  Context* c = tape.New<Context>();
  *c = Context{R, x, relations, sources, transpose, RowOrder{}, nullptr, 0, false, {}};
  CutRuns(tape, Rv, c);
  const Tensor out = tape.NewTensor({relations.size(), Rv.shape[transpose ? 2 : 1]});
  WithFloat(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    Multiply<T>(tape, *c, Rv, xv.as<T>(), sources.as<uint32_t>(), transpose, out.as<T>());
  });
  return tape.Record(out, tape.needs_grad(R) || tape.needs_grad(x), Backward, c);
}

}  // namespace undula::propagation
