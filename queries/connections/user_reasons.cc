#include "queries/connections/user_reasons.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>

#include "base/status.h"

namespace undula::queries {
namespace {

constexpr size_t kHistory = 50;
constexpr int64_t kLikes = 20000;  // that are looked at
constexpr int64_t kFewest = 2;     // users who liked both
constexpr double kMoreUsers = 10;

// Those who liked the item, ascending, without `self`.
std::vector<UserId> Fans(const Context& context, ItemId item, UserId self) {
  const InteractionCsr<UserId>& log = context.snapshot->by_item;
  std::vector<UserId> fans;
  for (int64_t i = log.ptr[Index(item)]; i < log.ptr[Index(item) + 1]; ++i) {
    if (log.weight[i] >= context.positive_threshold && log.other[i] != self) {
      fans.push_back(log.other[i]);
    }
  }
  std::sort(fans.begin(), fans.end());
  fans.erase(std::unique(fans.begin(), fans.end()), fans.end());
  return fans;
}

struct Pair {
  uint32_t cost;  // eighths of a bit
  uint32_t rank;  // of the item in the history
  ItemId item;
  int64_t users;
};

}  // namespace

std::vector<ConnectionReason> UserReasons(const Context& context, const models::UserQuery& query,
                                          ItemId item, int count) {
  const InteractionCsr<UserId>& log = context.snapshot->by_item;
  const auto likes = [&](ItemId i) {
    return Index(i) < log.rows() ? log.ptr[Index(i) + 1] - log.ptr[Index(i)] : 0;
  };
  std::vector<ConnectionReason> reasons;
  if (likes(item) < kFewest || likes(item) > kLikes) return reasons;
  std::vector<std::tuple<int64_t, uint32_t, ItemId>> history;  // the rarest first
  std::set<ItemId> taken = {item};
  for (const ItemId i : LatestPositives(context, query)) {
    if (history.size() == kHistory) break;
    if (!taken.insert(i).second) continue;
    history.emplace_back(likes(i), static_cast<uint32_t>(history.size()), i);
  }
  std::sort(history.begin(), history.end());
  const std::vector<UserId> fans = Fans(context, item, query.user);
  std::vector<Pair> pairs;
  int64_t looked_at = 0;
  for (const auto& [n, rank, other] : history) {
    looked_at += n;
    if (looked_at > kLikes) break;
    const std::vector<UserId> of_other = Fans(context, other, query.user);
    const int64_t both = std::count_if(of_other.begin(), of_other.end(), [&](UserId user) {
      return std::binary_search(fans.begin(), fans.end(), user);
    });
    if (both < kFewest) continue;
    const double bits =
        std::log2((static_cast<double>(of_other.size()) + kMoreUsers) / static_cast<double>(both));
    pairs.push_back({2 * kStepCost + (rank * kEighths + 5) / 10 +
                         static_cast<uint32_t>(std::lround(kEighths * bits)),
                     rank, other, both});
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tuple(a.cost, a.rank) < std::tuple(b.cost, b.rank);
  });
  for (const Pair& pair : pairs) {
    if (reasons.size() >= static_cast<size_t>(count)) break;
    Reason reason;
    reason.kind = Reason::Kind::kUsers;
    reason.seed_item = std::string(context.catalog->items[Index(pair.item)]);
    reason.seed_title = std::string(context.catalog->ItemTitle(pair.item));
    reason.supports = {reason.seed_item};
    reason.hop = 2;
    reason.bits = static_cast<double>(pair.cost) / kEighths;
    reason.sentence = Concat(pair.users, " users who liked ", reason.seed_title, " liked ",
                             context.catalog->ItemTitle(item), " too");
    reasons.push_back({std::move(reason), {}});
  }
  return reasons;
}

}  // namespace undula::queries
