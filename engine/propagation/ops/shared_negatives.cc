#include "propagation/ops/shared_negatives.h"

#include <cmath>
#include <type_traits>

#include "propagation/ops/losses_row.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/scalar_sum.h"
#include "propagation/ops/shared_negatives_row.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// Scores of 64 x 512: 128 KiB, within L2.
constexpr int64_t kColumnTile = 512;
// Ranges of rows in the backward pass, each with a gradient of the negatives of its own; they are
// summed in order. Fixed, so that the bits do not depend on threads.
constexpr int64_t kParts = 8;

struct Context {
  Var q, positive, negatives;
  ExcludedNegatives excluded;
  PairForm form;
  double margin, scale;
};

template <class T>
SharedPairs<T> PairsOf(const Tape& tape, const Context& c) {
  const Tensor &q = tape.value(c.q), &n = tape.value(c.negatives);
  return {q.as<T>(),
          c.form == PairForm::kLogistic ? nullptr : tape.value(c.positive).as<T>(),
          n.as<T>(),
          c.excluded.ptr.as<int64_t>(),
          c.excluded.columns.as<uint32_t>(),
          q.rows(),
          n.rows(),
          q.cols(),
          c.form,
          static_cast<T>(c.margin)};
}

// Rows [row, row + rows), columns [column, column + columns).
struct Tile {
  int64_t row, rows, column, columns;
};

// x = score less the positive, in rows of kColumnTile.
void FormMargins(const SharedPairs<float>& p, const float* transposed, const Tile& t, float* out) {
  const float* from[kTileRows];
  float* to[kTileRows];
  for (int64_t r = 0; r < t.rows; ++r) {
    from[r] = p.q + (t.row + r) * p.d;
    to[r] = out + r * kColumnTile;
  }
  TileGemm<float>(from, t.rows, p.d, transposed + t.column, p.columns, to, t.columns, false);
  for (int64_t r = 0; p.positive != nullptr && r < t.rows; ++r) {
    const float positive = p.positive[t.row + r];
    for (int64_t j = 0; j < t.columns; ++j) to[r][j] -= positive;
  }
}

// f(j) for the excluded columns of the tile's row.
template <class F>
void ForExcluded(const SharedPairs<float>& p, const Tile& t, int64_t row, const F& f) {
  if (p.excluded_ptr == nullptr) return;
  for (int64_t e = p.excluded_ptr[row]; e < p.excluded_ptr[row + 1]; ++e) {
    const int64_t j = static_cast<int64_t>(p.excluded[e]) - t.column;
    if (j >= 0 && j < t.columns) f(j);
  }
}

// Turns margins into losses or slopes, in place.
template <bool kSlope>
void Transform(const SharedPairs<float>& p, const Tile& t, float* x) {
  for (int64_t r = 0; r < t.rows; ++r) {
    float* row = x + r * kColumnTile;
    if (p.form == PairForm::kMargin) {
      for (int64_t j = 0; j < t.columns; ++j) {
        const float v = row[j] + p.margin;
        row[j] = v > 0.0f ? (kSlope ? 1.0f : v) : 0.0f;
      }
    } else {
      LaneGroup().ForEach(
          t.columns, [&](int64_t j) { row[j] = kSlope ? SigmoidOf(row[j]) : Softplus(row[j]); });
    }
    ForExcluded(p, t, t.row + r, [&](int64_t j) { row[j] = 0.0f; });
  }
}

const float* TransposedNegatives(Tape& tape, const SharedPairs<float>& p) {
  float* out = tape.Scratch<float>(p.columns * p.d);
  Transpose(p.negatives, p.columns, p.d, out);
  return out;
}

void ForwardTiles(Tape& tape, const SharedPairs<float>& p, float* loss) {
  const int64_t tiles = (p.rows + kTileRows - 1) / kTileRows;
  const float* transposed = TransposedNegatives(tape, p);
  float* scratch = tape.Scratch<float>(tiles * kTileRows * kColumnTile);
  ForRows(tape.exec().workers(), tiles, int64_t{1} << 20, [&](const LaneGroup&, int64_t tile) {
    float* x = scratch + tile * kTileRows * kColumnTile;
    Tile t{tile * kTileRows, std::min(kTileRows, p.rows - tile * kTileRows), 0, 0};
    std::fill_n(loss + t.row, t.rows, 0.0f);
    for (; t.column < p.columns; t.column += kColumnTile) {
      t.columns = std::min(kColumnTile, p.columns - t.column);
      FormMargins(p, transposed, t, x);
      Transform<false>(p, t, x);
      for (int64_t r = 0; r < t.rows; ++r) {
        const float* row = x + r * kColumnTile;
        loss[t.row + r] += LaneGroup().Sum(t.columns, [row](int64_t j) { return row[j]; });
      }
    }
  });
}

void BackwardTiles(Tape& tape, const SharedPairs<float>& p, float factor, float* dq,
                   float* dpositive, float* dnegatives) {
  const int64_t tiles = (p.rows + kTileRows - 1) / kTileRows;
  const int64_t parts = std::min(kParts, tiles);
  const int64_t size = p.columns * p.d;
  const float* transposed = TransposedNegatives(tape, p);
  float* scratch = tape.Scratch<float>(parts * kTileRows * kColumnTile);
  float* sums = tape.Scratch<float>(dnegatives == nullptr ? 0 : parts * size);
  ForRows(tape.exec().workers(), parts, int64_t{1} << 20, [&](const LaneGroup&, int64_t part) {
    float* x = scratch + part * kTileRows * kColumnTile;
    float* to_negatives = dnegatives == nullptr ? nullptr : sums + part * size;
    if (to_negatives != nullptr) std::fill_n(to_negatives, size, 0.0f);
    for (int64_t tile = part; tile < tiles; tile += parts) {
      Tile t{tile * kTileRows, std::min(kTileRows, p.rows - tile * kTileRows), 0, 0};
      for (; t.column < p.columns; t.column += kColumnTile) {
        t.columns = std::min(kColumnTile, p.columns - t.column);
        FormMargins(p, transposed, t, x);
        Transform<true>(p, t, x);
        const float *slope[kTileRows], *q[kTileRows];
        float* to[kTileRows];
        for (int64_t r = 0; r < t.rows; ++r) {
          float* row = x + r * kColumnTile;
          for (int64_t j = 0; j < t.columns; ++j) row[j] *= factor;
          if (dpositive != nullptr) {
            dpositive[t.row + r] -= LaneGroup().Sum(t.columns, [row](int64_t j) { return row[j]; });
          }
          slope[r] = row;
          q[r] = p.q + (t.row + r) * p.d;
          if (dq != nullptr) to[r] = dq + (t.row + r) * p.d;
        }
        if (dq != nullptr) {
          TileGemm<float>(slope, t.rows, t.columns, p.negatives + t.column * p.d, p.d, to, p.d,
                          true);
        }
        if (to_negatives != nullptr) {
          TileOuter<float>(slope, q, t.rows, t.columns, p.d, to_negatives + t.column * p.d, p.d);
        }
      }
    }
  });
  if (dnegatives == nullptr) return;
  ForRanges(tape.exec().workers(), size, parts, [&](int64_t begin, int64_t end) {
    for (int64_t part = 0; part < parts; ++part) {
      const float* from = sums + part * size;
      for (int64_t i = begin; i < end; ++i) dnegatives[i] += from[i];
    }
  });
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    const SharedPairs<T> pairs = PairsOf<T>(tape, c);
    const auto grad = [&](Var v) { return tape.needs_grad(v) ? tape.grad(v).as<T>() : nullptr; };
    T *dq = grad(c.q), *dnegatives = grad(c.negatives);
    T* dpositive = pairs.positive == nullptr ? nullptr : grad(c.positive);
    const T scale = static_cast<T>(c.scale);
    if constexpr (std::is_same_v<T, float>) {
      if (!tape.exec().on_gpu()) {
        return BackwardTiles(tape, pairs, scale * g.as<T>()[0], dq, dpositive, dnegatives);
      }
    }
    const int64_t work = pairs.d * pairs.d / 16 + pairs.d;
    if (dq != nullptr || dpositive != nullptr) {
      ForRows(tape, pairs.rows, pairs.columns * work,
              SharedPairBackwardRow<T>{pairs, g.as<T>(), dq, dpositive, scale});
    }
    if (dnegatives != nullptr) {
      ForRows(tape, pairs.columns, pairs.rows * work,
              SharedPairBackwardColumn<T>{pairs, g.as<T>(), dnegatives, scale});
    }
  });
}

bool CheckExcluded(Tape& tape, std::string_view op, const ExcludedNegatives& excluded, int64_t rows,
                   int64_t columns) {
  if (excluded.ptr.empty()) return true;
  if (excluded.ptr.size() != rows + 1) {
    BadInput(tape, op, "the excluded negatives are of ", excluded.ptr.size() - 1, " rows, not ",
             rows);
    return false;
  }
  return CheckOffsets(tape, op, "excluded.ptr", excluded.ptr, excluded.columns.size()) &&
         CheckRows(tape, op, "excluded.columns", excluded.columns, columns);
}

}  // namespace

Var SharedNegativeLoss(Tape& tape, Var q, Var positive, Var negatives,
                       const ExcludedNegatives& excluded, PairForm form, double margin,
                       double divisor) {
  constexpr std::string_view kOp = "SharedNegativeLoss";
  const bool with_positive = form != PairForm::kLogistic;
  if (!Ready(tape, kOp, {q, negatives}) || (with_positive && !Ready(tape, kOp, {positive}))) {
    return Var{};
  }
  const Tensor qv = tape.value(q), nv = tape.value(negatives);
  if (qv.rank != 2 || nv.rank != 2 || qv.cols() != nv.cols() || !(divisor > 0) ||
      !std::isfinite(divisor) || (with_positive && tape.value(positive).size() != qv.rows())) {
    return BadInput(tape, kOp, "q ", Describe(qv), ", positive ", Describe(tape.value(positive)),
                    ", negatives ", Describe(nv), " and divisor ", divisor,
                    " do not fit; they are [B, d], [B], [M, d] and a number above 0");
  }
  if (!CheckExcluded(tape, kOp, excluded, qv.rows(), nv.rows())) return Var{};
  Context* c = tape.New<Context>();
  *c = Context{q, with_positive ? positive : Var{}, negatives, excluded, form, margin, 1 / divisor};
  const Tensor loss = tape.NewTensor({qv.rows()});
  const Tensor out = WithFloat(qv.dtype, [&](auto zero) {
    using T = decltype(zero);
    const SharedPairs<T> pairs = PairsOf<T>(tape, *c);
    bool done = false;
    if constexpr (std::is_same_v<T, float>) {
      if (!tape.exec().on_gpu()) {
        ForwardTiles(tape, pairs, loss.as<T>());
        done = true;
      }
    }
    if (!done) {
      ForRows(tape, pairs.rows, pairs.columns * (pairs.d + 20),
              SharedPairRow<T>{pairs, loss.as<T>()});
    }
    return ScalarSum<T>(tape, pairs.rows, c->scale, ElementTerm<T>{loss.as<T>()});
  });
  return tape.Record(
      out, tape.needs_grad(q) || tape.needs_grad(c->positive) || tape.needs_grad(negatives),
      Backward, c);
}

}  // namespace undula::propagation
