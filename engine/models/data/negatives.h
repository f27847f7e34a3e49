// Negative samples: items that a user has no positive with, drawn uniformly or in proportion to
// their popularity. All draws are counter-based.
#ifndef UNDULA_MODELS_DATA_NEGATIVES_H_
#define UNDULA_MODELS_DATA_NEGATIVES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/rng.h"

namespace undula::models {

// Draws from a fixed set of candidate items. Immutable, thread-safe.
class ItemSampler {
 public:
  // Uniform over the candidates.
  explicit ItemSampler(std::vector<ItemId> candidates);
  // In proportion to weight (parallel to candidates); items of weight 0 are drawn only where no
  // other item is left. All weights 0: uniform.
  ItemSampler(std::vector<ItemId> candidates, std::span<const uint32_t> weight);

  size_t size() const { return candidates_.size(); }

  // One item that is not in `excluded` (ascending, distinct), or kNone where every candidate is
  // excluded. Uses the draws [first, first + kDraws) of `rng` at most.
  static constexpr uint64_t kDraws = 128;
  ItemId Draw(std::span<const ItemId> excluded, const Rng& rng, uint64_t first) const;

  // `count` distinct items that are not in `excluded`, fewer where fewer are left, in the order
  // drawn.
  void DrawDistinct(int64_t count, std::span<const ItemId> excluded, const Rng& rng,
                    std::vector<ItemId>* out) const;

 private:
  ItemId One(const Rng& rng, uint64_t counter) const;

  std::vector<ItemId> candidates_;    // ascending
  std::vector<uint64_t> cumulative_;  // empty: uniform
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_NEGATIVES_H_
