#include "models/data/negatives.h"

#include <algorithm>

#include "models/data/shuffle.h"

namespace undula::models {
namespace {

bool Contains(std::span<const ItemId> sorted, ItemId item) {
  return std::binary_search(sorted.begin(), sorted.end(), item);
}

}  // namespace

ItemSampler::ItemSampler(std::vector<ItemId> candidates) : candidates_(std::move(candidates)) {
  std::sort(candidates_.begin(), candidates_.end());
}

ItemSampler::ItemSampler(std::vector<ItemId> candidates, std::span<const uint32_t> weight) {
  std::vector<std::pair<ItemId, uint32_t>> pairs;
  pairs.reserve(candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) pairs.emplace_back(candidates[i], weight[i]);
  std::sort(pairs.begin(), pairs.end());
  uint64_t total = 0;
  for (const auto& [item, w] : pairs) {
    candidates_.push_back(item);
    total += w;
    cumulative_.push_back(total);
  }
  if (total == 0) cumulative_.clear();
}

ItemId ItemSampler::One(const Rng& rng, uint64_t counter) const {
  if (cumulative_.empty()) {
    return candidates_[rng.Below(2 * counter, static_cast<uint32_t>(candidates_.size()))];
  }
  // 64 random bits modulo the total: the bias is below total / 2^64.
  const uint64_t at = rng.Bits64(counter) % cumulative_.back();
  return candidates_[std::upper_bound(cumulative_.begin(), cumulative_.end(), at) -
                     cumulative_.begin()];
}

ItemId ItemSampler::Draw(std::span<const ItemId> excluded, const Rng& rng, uint64_t first) const {
  if (candidates_.empty()) return kNone<ItemId>;
  // One() uses two draws of 32 bits per attempt; the last draw is kept for the fallback.
  for (uint64_t attempt = 0; attempt < kDraws / 2 - 1; ++attempt) {
    const ItemId item = One(rng, first / 2 + attempt);
    if (!Contains(excluded, item)) return item;
  }
  // Nearly everything is excluded: choose uniformly among what is left.
  const auto left = [&](auto&& visit) {
    for (const ItemId item : candidates_) {
      if (!Contains(excluded, item)) visit(item);
    }
  };
  uint32_t count = 0;
  left([&](ItemId) { ++count; });
  if (count == 0) return kNone<ItemId>;
  uint32_t skip = rng.Below(first + kDraws - 1, count);
  ItemId chosen = kNone<ItemId>;
  left([&](ItemId item) {
    if (skip-- == 0) chosen = item;
  });
  return chosen;
}

void ItemSampler::DrawDistinct(int64_t count, std::span<const ItemId> excluded, const Rng& rng,
                               std::vector<ItemId>* out) const {
  out->clear();
  const int64_t n = static_cast<int64_t>(candidates_.size());
  uint64_t counter = 0;
  std::vector<ItemId> drawn;  // ascending
  const bool crowded = 2 * (static_cast<int64_t>(excluded.size()) + count) > n;
  // By weight the heaviest items may all be taken: after many misses the rest is drawn uniformly.
  const int64_t attempts = crowded && cumulative_.empty() ? 0 : 64 * count;
  for (int64_t i = 0; i < attempts && static_cast<int64_t>(out->size()) < count; ++i) {
    const ItemId item = One(rng, counter++);
    if (Contains(excluded, item)) continue;
    const auto at = std::lower_bound(drawn.begin(), drawn.end(), item);
    if (at != drawn.end() && *at == item) continue;
    drawn.insert(at, item);
    out->push_back(item);
  }
  if (static_cast<int64_t>(out->size()) == count) return;
  std::vector<ItemId> left;
  for (const ItemId item : candidates_) {
    if (!Contains(excluded, item) && !Contains(drawn, item)) left.push_back(item);
  }
  Shuffle(std::span(left), rng, 2 * counter);
  left.resize(std::min<size_t>(left.size(), static_cast<size_t>(count) - out->size()));
  out->insert(out->end(), left.begin(), left.end());
}

}  // namespace undula::models
