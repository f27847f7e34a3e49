// The catalogue's vectors, laid out for products with many queries at once: panels of 32 items, in
// each the items' values of one dimension side by side.
#ifndef UNDULA_MODELS_SCORE_ITEM_PANELS_H_
#define UNDULA_MODELS_SCORE_ITEM_PANELS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/scorer.h"

namespace undula::models {

// Immutable after construction, thread-safe.
class ItemPanels {
 public:
  ItemPanels() = default;
  // items: [n, dim].
  ItemPanels(std::span<const float> items, int64_t dim);

  int64_t dim() const { return dim_; }
  // out[q][i - range.begin] = query q . item i for queries [n, dim]. Each is a sum in ascending
  // order of the dimension (propagation/tile_gemm.h): the bits depend neither on n nor on the
  // range.
  void Scores(const float* queries, int64_t n, ItemRange range, float* const* out) const;
  float Score(const float* query, ItemId item) const;

 private:
  int64_t dim_ = 0;
  std::vector<float> panels_;  // [ceil(n / 32), dim, 32], zeros behind the last item
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SCORE_ITEM_PANELS_H_
