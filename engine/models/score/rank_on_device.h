// The part of RankAll that a GPU does.
#ifndef UNDULA_MODELS_SCORE_RANK_ON_DEVICE_H_
#define UNDULA_MODELS_SCORE_RANK_ON_DEVICE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "models/score/tile_scorer.h"
#include "propagation/ops/rank.h"

namespace undula::models {

// Bit r: item_of(r) passes mask.allow and mask.deny, r < n. Empty where there is neither.
template <class ItemOf>
std::vector<uint32_t> AllowedBits(const ItemMask& mask, uint32_t n, const ItemOf& item_of) {
  std::vector<uint32_t> bits;
  if (mask.allow == nullptr && mask.deny == nullptr) return bits;
  bits.assign(size_t{n} / 32 + 1, 0);
  for (uint32_t r = 0; r < n; ++r) {
    const ItemId item = item_of(r);
    const bool may = (mask.allow == nullptr || mask.allow->contains(item)) &&
                     (mask.deny == nullptr || !mask.deny->contains(item));
    if (may) bits[r / 32] |= 1u << (r % 32);
  }
  return bits;
}

// The queries of a block that a DeviceRanker answers: known users whose masks share one pair of
// allow and deny sets (those of the first such query).
class DeviceBlock {
 public:
  DeviceBlock(const Scorer* scorer, const TileOptions& options)
      : scorer_(scorer), options_(options) {}

  // Ranks what it can of the queries [first, first + n) of the job. InvalidArgument: k < 0.
  absl::Status Run(const RankJob& job, int64_t first, int64_t n);
  // The list of query first + i, or false: it was not ranked here.
  bool Take(int64_t i, std::vector<ScoredItem>* out) const;

 private:
  void CollectAllowed(const ItemMask& mask);

  const Scorer* scorer_;
  const TileOptions options_;
  int64_t k_ = 0;
  std::vector<int64_t> place_;  // of each query among the ranked users, or -1
  std::vector<uint32_t> users_, excluded_, allowed_;
  std::vector<int64_t> excluded_ptr_;
  const ItemSet* allow_ = nullptr;  // what allowed_ was made from
  const ItemSet* deny_ = nullptr;
  std::vector<propagation::RankedItem> best_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SCORE_RANK_ON_DEVICE_H_
