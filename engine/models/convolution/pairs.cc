#include "models/convolution/pairs.h"

#include <algorithm>

#include "base/ids.h"
#include "base/rng.h"

namespace undula::models {
namespace {

// Draws of one row: those of (epoch, item) of the user's stream.
uint64_t FirstDraw(int64_t epoch, uint32_t item) {
  return (static_cast<uint64_t>(epoch) << 48) ^ (uint64_t{item} << 14);
}

}  // namespace

void PairMaker::AddQuery(uint32_t user, uint32_t item, std::span<const ItemId> known,
                         int64_t epoch) {
  const size_t first = out_.query_item.size();
  const auto at = std::lower_bound(known.begin(), known.end(), ItemId{item});
  const bool has = at != known.end() && Index(*at) == item;
  const auto others = static_cast<int64_t>(known.size()) - (has ? 1 : 0);
  const int64_t place = has ? at - known.begin() : others;  // is left out
  const auto add = [&](int64_t i) {
    out_.query_item.push_back(Index(known[i < place ? i : i + 1]));
  };
  const int64_t most = options_.query == "item" ? 1 : options_.profile;
  if (most == 0 || others <= most) {
    for (int64_t i = 0; i < others; ++i) add(i);
  } else {
    const Rng rng(seed_, RngStream::kWalkQuery, user);
    const uint64_t draw = FirstDraw(epoch, item);
    chosen_.clear();
    for (int64_t i = 0; i < most; ++i) {  // R. Floyd's algorithm
      const auto last = static_cast<uint32_t>(others - most + i);
      const uint32_t p = rng.Below(draw + static_cast<uint64_t>(i), last + 1);
      const bool taken = std::find(chosen_.begin(), chosen_.end(), p) != chosen_.end();
      chosen_.push_back(taken ? last : p);
    }
    std::sort(chosen_.begin(), chosen_.end());
    for (const uint32_t p : chosen_) add(p);
  }
  const size_t n = out_.query_item.size() - first;
  out_.query_weight.insert(out_.query_weight.end(), n, n == 0 ? 0 : 1.0f / static_cast<float>(n));
  out_.query_ptr.push_back(static_cast<int64_t>(out_.query_item.size()));
}

void PairMaker::AddHard(uint32_t row, uint32_t user, uint32_t item, std::span<const ItemId> known,
                        int64_t epoch, const propagation::HardPools& pools) {
  const int64_t begin = out_.query_ptr[row], n = out_.query_ptr[row + 1] - begin;
  if (n == 0) return;
  // The curriculum: none in epoch 1, one more in each epoch after it.
  const int64_t count = std::min(epoch - 1, options_.hard_negatives);
  const Rng rng(seed_, RngStream::kHardNegative, user);
  uint64_t draw = FirstDraw(epoch, item);
  for (int64_t k = 0; k < count; ++k) {
    // A few tries for one that the user does not know.
    for (int attempt = 0; attempt < 4; ++attempt, draw += 2) {
      const uint32_t q = out_.query_item[begin + rng.Below(draw, static_cast<uint32_t>(n))];
      const uint32_t hard =
          pools.item[q * pools.pool + rng.Below(draw + 1, static_cast<uint32_t>(pools.pool))];
      if (hard == kNoIndex || hard == item ||
          std::binary_search(known.begin(), known.end(), ItemId{hard})) {
        continue;
      }
      out_.hard_row.push_back(row);
      out_.hard_item.push_back(hard);
      draw += 2;
      break;
    }
  }
}

void PairMaker::AddRemoved(uint32_t row, uint32_t user, uint32_t item) {
  if (bipartite_) {
    out_.removed.push_back({0, item, user});
    out_.removed.push_back({1, user, item});
    return;
  }
  for (int64_t e = out_.query_ptr[row]; e < out_.query_ptr[row + 1]; ++e) {
    out_.removed.push_back({0, out_.query_item[e], item});
    out_.removed.push_back({0, item, out_.query_item[e]});
  }
}

const ConvPairs& PairMaker::Make(const Batch& batch, int64_t epoch, const UserItems& known,
                                 const propagation::HardPools* pools) {
  const int64_t n = batch.rows();
  out_.query_ptr.assign(1, 0);
  out_.query_item.clear();
  out_.query_weight.clear();
  out_.hard_row.clear();
  out_.hard_item.clear();
  out_.removed.clear();
  // The trainer drew a negative for each row; evenly spaced ones serve all rows.
  const int64_t shared = std::min(n, options_.shared_negatives);
  out_.negatives.clear();
  for (int64_t k = 0; k < shared; ++k) out_.negatives.push_back(batch.negatives[k * n / shared]);
  std::sort(out_.negatives.begin(), out_.negatives.end());
  out_.negatives.erase(std::unique(out_.negatives.begin(), out_.negatives.end()),
                       out_.negatives.end());
  out_.excluded_ptr.assign(1, 0);
  out_.excluded.clear();
  // Not with profiles: the pairs of a large batch are most edges of a small catalogue.
  const bool removes = options_.remove_edges && (bipartite_ || options_.query == "item");
  for (int64_t b = 0; b < n; ++b) {
    const uint32_t user = batch.users[b], item = batch.items[b];
    const std::span<const ItemId> items = known.of(UserId{user});
    if (!bipartite_) {
      AddQuery(user, item, items, epoch);
      if (pools != nullptr) AddHard(static_cast<uint32_t>(b), user, item, items, epoch, *pools);
    }
    if (removes) AddRemoved(static_cast<uint32_t>(b), user, item);
    if (!options_.exclude_known) continue;
    size_t at = 0;
    for (const ItemId i : items) {
      at = static_cast<size_t>(std::lower_bound(out_.negatives.begin() + static_cast<int64_t>(at),
                                                out_.negatives.end(), Index(i)) -
                               out_.negatives.begin());
      if (at == out_.negatives.size()) break;
      if (out_.negatives[at] == Index(i)) out_.excluded.push_back(static_cast<uint32_t>(at));
    }
    out_.excluded_ptr.push_back(static_cast<int64_t>(out_.excluded.size()));
  }
  return out_;
}

}  // namespace undula::models
