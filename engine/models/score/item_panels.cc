#include "models/score/item_panels.h"

#include <algorithm>

#include "propagation/tile_gemm.h"

namespace undula::models {
namespace {

constexpr uint32_t kWidth = 32;

}  // namespace

ItemPanels::ItemPanels(std::span<const float> items, int64_t dim) : dim_(dim) {
  const int64_t n = static_cast<int64_t>(items.size()) / dim;
  panels_.assign(static_cast<size_t>((n + kWidth - 1) / kWidth * kWidth * dim), 0.0f);
  for (int64_t i = 0; i < n; ++i) {
    float* panel = panels_.data() + i / kWidth * kWidth * dim;
    for (int64_t c = 0; c < dim; ++c) panel[c * kWidth + i % kWidth] = items[i * dim + c];
  }
}

void ItemPanels::Scores(const float* queries, int64_t n, ItemRange range, float* const* out) const {
  using propagation::kTileRows;
  const float* rows[kTileRows];
  float* to[kTileRows];
  float part[kTileRows][kWidth];  // of a panel that the range cuts
  for (int64_t q = 0; q < n; q += kTileRows) {
    const int64_t tile = std::min(kTileRows, n - q);
    for (int64_t i = 0; i < tile; ++i) rows[i] = queries + (q + i) * dim_;
    for (uint32_t item = range.begin; item < range.end;) {
      const uint32_t first = item % kWidth, size = std::min(kWidth - first, range.end - item);
      const bool whole = size == kWidth;
      for (int64_t i = 0; i < tile; ++i) {
        to[i] = whole ? out[q + i] + (item - range.begin) : part[i];
      }
      propagation::TileGemm<float>(rows, tile, dim_, panels_.data() + int64_t{item - first} * dim_,
                                   kWidth, to, kWidth, false);
      for (int64_t i = 0; !whole && i < tile; ++i) {
        std::copy_n(part[i] + first, size, out[q + i] + (item - range.begin));
      }
      item += size;
    }
  }
}

float ItemPanels::Score(const float* query, ItemId item) const {
  float score;
  float* const out = &score;
  Scores(query, 1, {Index(item), Index(item) + 1}, &out);
  return score;
}

}  // namespace undula::models
