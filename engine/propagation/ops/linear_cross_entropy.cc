#include "propagation/ops/linear_cross_entropy.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "propagation/ops/linear_cross_entropy_row.h"
#include "propagation/ops/losses_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/scalar_sum.h"
#include "propagation/ops/softmax_simd.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// Logits of 64 x 512: 128 KiB, within L2. Our own products: the same bits on every processor and
// number of threads.
constexpr int64_t kRowTile = kTileRows;
constexpr int64_t kItemTile = 512;
// Parts of the table in the backward pass, each with a gradient of x of its own; they are summed in
// order. Fixed, so that the bits do not depend on threads.
constexpr int64_t kParts = 8;

struct Context {
  Var x, table;
  Tensor targets;
  SampledCandidates candidates;
  Tensor top, share;  // see LinearCrossEntropyRow
  double scale;
};

template <class T>
LinearLogits<T> LogitsOf(const Tape& tape, const Context& c) {
  const Tensor &x = tape.value(c.x), &table = tape.value(c.table);
  return {x.as<T>(),
          table.as<T>(),
          c.targets.as<uint32_t>(),
          c.candidates.offset.as<T>(),
          c.candidates.target_offset.as<T>(),
          x.rows(),
          table.rows(),
          x.cols()};
}

struct Tile {
  int64_t row, rows, item, items;
  int64_t target(uint32_t target) const {  // its column, or -1
    const int64_t at = static_cast<int64_t>(target) - item;
    return at >= 0 && at < items ? at : -1;
  }
};

// The tile's logits in rows of kItemTile, the rest of the last 16 lanes filled with minus infinity.
// Returns the columns to work on, a multiple of 16.
int64_t FormLogits(const LinearLogits<float>& in, const float* transposed, const Tile& t,
                   float* out) {
  const float* from[kRowTile];
  float* to[kRowTile];
  for (int64_t r = 0; r < t.rows; ++r) {
    from[r] = in.x + (t.row + r) * in.d;
    to[r] = out + r * kItemTile;
  }
  TileGemm<float>(from, t.rows, in.d, transposed + t.item, in.items, to, t.items, false);
  const int64_t padded = (t.items + 15) / 16 * 16;
  for (int64_t r = 0; r < t.rows; ++r) {
    float* row = out + r * kItemTile;
    if (in.offset != nullptr) {
      const int64_t target = t.target(in.targets[t.row + r]);
      const float kept = target >= 0 ? row[target] + in.target_offset[t.row + r] : 0.0f;
      for (int64_t i = 0; i < t.items; ++i) row[i] += in.offset[t.item + i];
      if (target >= 0) row[target] = kept;
    }
    for (int64_t i = t.items; i < padded; ++i) row[i] = -std::numeric_limits<float>::infinity();
  }
  return padded;
}

const float* TransposedTable(Tape& tape, const LinearLogits<float>& in) {
  float* out = tape.Scratch<float>(in.items * in.d);
  Transpose(in.table, in.items, in.d, out);
  return out;
}

void ForwardTiles(Tape& tape, const LinearLogits<float>& in, float* top_out, float* share,
                  float* loss) {
  const SoftmaxKernels& kernels = GetSoftmaxKernels();
  const int64_t tiles = (in.rows + kRowTile - 1) / kRowTile;
  const float* transposed = TransposedTable(tape, in);
  float* scratch = tape.Scratch<float>(tiles * kRowTile * kItemTile);
  ForRows(tape.exec().workers(), tiles, int64_t{1} << 20, [&](const LaneGroup&, int64_t tile) {
    float* logits = scratch + tile * kRowTile * kItemTile;
    float top[kRowTile], sum[kRowTile];
    Tile t{tile * kRowTile, std::min(kRowTile, in.rows - tile * kRowTile), 0, 0};
    for (int64_t r = 0; r < t.rows; ++r) {
      top[r] = -std::numeric_limits<float>::infinity();
      sum[r] = 0;
    }
    for (; t.item < in.items; t.item += kItemTile) {
      t.items = std::min(kItemTile, in.items - t.item);
      const int64_t columns = FormLogits(in, transposed, t, logits);
      for (int64_t r = 0; r < t.rows; ++r) {
        const float* row = logits + r * kItemTile;
        const float most = std::max(top[r], kernels.max(row, columns));
        const int64_t target = t.target(in.targets[t.row + r]);
        if (target >= 0) loss[t.row + r] = row[target];
        if (most == -std::numeric_limits<float>::infinity()) continue;
        sum[r] = sum[r] * Exp(top[r] - most) + kernels.exp_sum(row, columns, most);
        top[r] = most;
      }
    }
    for (int64_t r = 0; r < t.rows; ++r) {
      top_out[t.row + r] = top[r];
      share[t.row + r] = 1.0f / sum[r];
      loss[t.row + r] = (top[r] - loss[t.row + r]) + Log(sum[r]);
    }
  });
}

void BackwardTiles(Tape& tape, const LinearLogits<float>& in, const float* top, const float* share,
                   float factor, float* dx, float* dtable) {
  const SoftmaxKernels& kernels = GetSoftmaxKernels();
  const int64_t tiles = (in.items + kItemTile - 1) / kItemTile;
  const int64_t parts = std::min(kParts, tiles);
  const float* transposed = TransposedTable(tape, in);
  float* scratch = tape.Scratch<float>(parts * kRowTile * kItemTile);
  float* part_dx = tape.Scratch<float>(dx == nullptr ? 0 : parts * in.rows * in.d);
  ForRows(tape.exec().workers(), parts, int64_t{1} << 20, [&](const LaneGroup&, int64_t part) {
    float* logits = scratch + part * kRowTile * kItemTile;
    float* to_x = dx == nullptr ? nullptr : part_dx + part * in.rows * in.d;
    if (to_x != nullptr) std::fill_n(to_x, in.rows * in.d, 0.0f);
    Tile t{};
    for (int64_t tile = part; tile < tiles; tile += parts) {
      t.item = tile * kItemTile;
      t.items = std::min(kItemTile, in.items - t.item);
      for (t.row = 0; t.row < in.rows; t.row += kRowTile) {
        t.rows = std::min(kRowTile, in.rows - t.row);
        const int64_t columns = FormLogits(in, transposed, t, logits);
        for (int64_t r = 0; r < t.rows; ++r) {
          float* row = logits + r * kItemTile;
          kernels.exp_scale(row, columns, top[t.row + r], factor * share[t.row + r]);
          const int64_t target = t.target(in.targets[t.row + r]);
          if (target >= 0) row[target] -= factor;
        }
        const float *slope[kRowTile], *x[kRowTile];
        float* to[kRowTile];
        for (int64_t r = 0; r < t.rows; ++r) {
          slope[r] = logits + r * kItemTile;
          x[r] = in.x + (t.row + r) * in.d;
          if (to_x != nullptr) to[r] = to_x + (t.row + r) * in.d;
        }
        if (to_x != nullptr) {
          TileGemm<float>(slope, t.rows, t.items, in.table + t.item * in.d, in.d, to, in.d, true);
        }
        if (dtable != nullptr) {
          TileOuter<float>(slope, x, t.rows, t.items, in.d, dtable + t.item * in.d, in.d);
        }
      }
    }
  });
  if (dx == nullptr) return;
  const int64_t n = in.rows * in.d;
  ForRanges(tape.exec().workers(), n, parts, [&](int64_t begin, int64_t end) {
    for (int64_t p = 0; p < parts; ++p) {
      const float* from = part_dx + p * n;
      for (int64_t i = begin; i < end; ++i) dx[i] += from[i];
    }
  });
}

template <class T>
constexpr bool kTiled = std::is_same_v<T, float>;

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const LinearLogits<T> logits = LogitsOf<T>(tape, c);
    const auto grad = [&](Var v) { return tape.needs_grad(v) ? tape.grad(v).as<T>() : nullptr; };
    T *dx = grad(c.x), *dtable = grad(c.table);
    const T scale = static_cast<T>(c.scale);
    if constexpr (kTiled<T>) {
      if (!tape.exec().on_gpu()) {
        BackwardTiles(tape, logits, c.top.as<T>(), c.share.as<T>(), scale * g.as<T>()[0], dx,
                      dtable);
        return;
      }
    }
    const int64_t work = logits.d * logits.d / 16 + logits.d;
    if (dx != nullptr) {
      ForRows(tape, logits.rows, logits.items * work,
              LinearCrossEntropyBackwardRow<T>{logits, c.top.as<T>(), c.share.as<T>(), g.as<T>(),
                                               dx, scale});
    }
    if (dtable != nullptr) {
      ForRows(tape, logits.items, logits.rows * work,
              LinearCrossEntropyBackwardItemRow<T>{logits, c.top.as<T>(), c.share.as<T>(),
                                                   g.as<T>(), dtable, scale});
    }
  });
}

bool CheckInput(Tape& tape, std::string_view op, const Tensor& x, const Tensor& table,
                const Tensor& targets, const SampledCandidates& candidates, double divisor) {
  if (x.rank != 2 || table.rank != 2 || x.cols() != table.cols() || targets.size() != x.rows() ||
      x.cols() > INT32_MAX || !(divisor > 0) || !std::isfinite(divisor)) {
    BadInput(tape, op, "x ", Describe(x), ", table ", Describe(table), ", targets ",
             Describe(targets), " and divisor ", divisor,
             " do not fit; they are [B, d], [N, d], [B] and a number above 0");
    return false;
  }
  if (!CheckRows(tape, op, "targets", targets, table.rows())) return false;
  if (candidates.offset.empty() && candidates.target_offset.empty()) return true;
  return CheckFloats(tape, op, "offset", candidates.offset, table.rows()) &&
         CheckFloats(tape, op, "target_offset", candidates.target_offset, x.rows());
}

}  // namespace

Var LinearCrossEntropy(Tape& tape, Var x, Var table, const Tensor& targets,
                       const SampledCandidates& candidates, double divisor) {
  constexpr std::string_view kOp = "LinearCrossEntropy";
  if (!Ready(tape, kOp, {x, table})) return Var{};
  const Tensor xv = tape.value(x);
  if (!CheckInput(tape, kOp, xv, tape.value(table), targets, candidates, divisor)) return Var{};
  Context* c = tape.New<Context>();
  *c = Context{x,
               table,
               targets,
               candidates,
               tape.NewTensor({xv.rows()}),
               tape.NewTensor({xv.rows()}),
               1 / divisor};
  const Tensor loss = tape.NewTensor({xv.rows()});
  const Tensor out = WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    const LinearLogits<T> logits = LogitsOf<T>(tape, *c);
    bool done = false;
    if constexpr (kTiled<T>) {
      if (!tape.exec().on_gpu()) {
        ForwardTiles(tape, logits, c->top.as<T>(), c->share.as<T>(), loss.as<T>());
        done = true;
      }
    }
    if (!done) {
      ForRows(tape, xv.rows(), logits.items * (logits.d + 20),
              LinearCrossEntropyRow<T>{logits, c->top.as<T>(), c->share.as<T>(), loss.as<T>()});
    }
    return ScalarSum<T>(tape, xv.rows(), c->scale, ElementTerm<T>{loss.as<T>()});
  });
  return tape.Record(out, tape.needs_grad(x) || tape.needs_grad(table), Backward, c);
}

}  // namespace undula::propagation
