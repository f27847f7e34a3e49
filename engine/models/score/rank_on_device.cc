#include "models/score/rank_on_device.h"

#include <algorithm>

namespace undula::models {

using propagation::cuda::kNoItem;

void DeviceBlock::CollectAllowed(const ItemMask& mask) {
  if (mask.allow == allow_ && mask.deny == deny_ && !allowed_.empty()) return;
  allow_ = mask.allow;
  deny_ = mask.deny;
  allowed_ = AllowedBits(mask, scorer_->n_items(), [](uint32_t i) { return ItemId{i}; });
}

absl::Status DeviceBlock::Run(const RankJob& job, int64_t first, int64_t n) {
  k_ = std::min<int64_t>(options_.k, scorer_->n_items());
  place_.assign(static_cast<size_t>(n), -1);
  users_.clear();
  excluded_.clear();
  excluded_ptr_.assign(1, 0);
  if (k_ < 1 || !options_.ranker->Fits(k_)) return absl::OkStatus();
  for (int64_t i = 0; i < n; ++i) {
    const UserQuery query = job.query(first + i);
    if (query.user == kNone<UserId> || !scorer_->KnowsUser(query.user)) continue;
    const ItemMask mask = job.mask ? job.mask(first + i) : ItemMask{};
    if (users_.empty()) CollectAllowed(mask);
    if (mask.allow != allow_ || mask.deny != deny_) continue;
    place_[i] = static_cast<int64_t>(users_.size());
    users_.push_back(Index(query.user));
    for (const ItemId item : mask.excluded) excluded_.push_back(Index(item));
    excluded_ptr_.push_back(static_cast<int64_t>(excluded_.size()));
  }
  return options_.ranker->Rank({.users = users_,
                                .excluded_ptr = excluded_ptr_,
                                .excluded = excluded_,
                                .allowed = allowed_,
                                .k = k_},
                               &best_);
}

bool DeviceBlock::Take(int64_t i, std::vector<ScoredItem>* out) const {
  if (place_[i] < 0) return false;
  out->clear();
  const propagation::RankedItem* list = best_.data() + place_[i] * k_;
  for (int64_t p = 0; p < k_ && list[p].item != kNoItem; ++p) {
    out->push_back({ItemId{list[p].item}, list[p].score});
  }
  return true;
}

}  // namespace undula::models
