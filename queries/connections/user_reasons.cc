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
  if (Index(item) >= log.rows()) return fans;
  for (int64_t i = log.ptr[Index(item)]; i < log.ptr[Index(item) + 1]; ++i) {
    if (log.weight[i] >= context.positive_threshold && log.other[i] != self) {
      fans.push_back(log.other[i]);
    }
  }
  std::sort(fans.begin(), fans.end());
  fans.erase(std::unique(fans.begin(), fans.end()), fans.end());
  return fans;
}

struct HistoryItem {
  int64_t likes;
  uint32_t rank;
  ItemId item;

  friend auto operator<=>(const HistoryItem&, const HistoryItem&) = default;
};

int64_t Likes(const Context& context, ItemId item) {
  const InteractionCsr<UserId>& log = context.snapshot->by_item;
  return Index(item) < log.rows() ? log.ptr[Index(item) + 1] - log.ptr[Index(item)] : 0;
}

// The latest positives of the history without `item`, the rarest first.
std::vector<HistoryItem> RarestFirst(const Context& context, const models::UserQuery& query,
                                     ItemId item) {
  std::vector<HistoryItem> history;
  std::set<ItemId> taken = {item};
  for (const ItemId i : LatestPositives(context, query)) {
    if (history.size() == kHistory) break;
    if (!taken.insert(i).second) continue;
    history.push_back({Likes(context, i), static_cast<uint32_t>(history.size()), i});
  }
  std::sort(history.begin(), history.end());
  return history;
}

// Of the step from an item of the history that `fans` users liked to one that `both` of them liked.
uint32_t Cost(uint32_t rank, size_t fans, int64_t both) {
  const double bits =
      std::log2((static_cast<double>(fans) + kMoreUsers) / static_cast<double>(both));
  return 2 * kStepCost + (rank * kEighths + 5) / 10 +
         static_cast<uint32_t>(std::lround(kEighths * bits));
}

// The cheapest first.
void SortPairs(std::vector<LikedToo>* pairs) {
  std::sort(pairs->begin(), pairs->end(), [](const LikedToo& a, const LikedToo& b) {
    return std::tuple(a.cost, a.rank, a.item) < std::tuple(b.cost, b.rank, b.item);
  });
}

}  // namespace

std::vector<ConnectionReason> UserReasons(const Context& context, const models::UserQuery& query,
                                          ItemId item, int count) {
  std::vector<ConnectionReason> reasons;
  if (Likes(context, item) < kFewest || Likes(context, item) > kLikes) return reasons;
  const std::vector<UserId> fans = Fans(context, item, query.user);
  std::vector<LikedToo> pairs;
  int64_t looked_at = 0;
  for (const auto& [n, rank, other] : RarestFirst(context, query, item)) {
    looked_at += n;
    if (looked_at > kLikes) break;
    const std::vector<UserId> of_other = Fans(context, other, query.user);
    const int64_t both = std::count_if(of_other.begin(), of_other.end(), [&](UserId user) {
      return std::binary_search(fans.begin(), fans.end(), user);
    });
    if (both < kFewest) continue;
    pairs.push_back({Cost(rank, of_other.size(), both), rank, other, item, both});
  }
  SortPairs(&pairs);
  for (const LikedToo& pair : pairs) {
    if (reasons.size() >= static_cast<size_t>(count)) break;
    Reason reason;
    reason.kind = Reason::Kind::kUsers;
    reason.seed_item = std::string(context.catalog->items[Index(pair.from)]);
    reason.seed_title = std::string(context.catalog->ItemTitle(pair.from));
    reason.supports = {reason.seed_item};
    reason.hop = 2;
    reason.bits = static_cast<double>(pair.cost) / kEighths;
    reason.sentence = Concat(pair.users, " users who liked ", reason.seed_title, " liked ",
                             context.catalog->ItemTitle(item), " too");
    reasons.push_back({std::move(reason), {}});
  }
  return reasons;
}

std::vector<LikedToo> ItemsLikedToo(const Context& context, const models::UserQuery& query,
                                    ItemId item, size_t most) {
  const std::vector<HistoryItem> history = RarestFirst(context, query, item);
  std::set<ItemId> left_out = {item};
  for (const ItemId i : LatestPositives(context, query)) left_out.insert(i);
  const InteractionCsr<ItemId>& log = context.snapshot->by_user;
  std::vector<LikedToo> found;
  int64_t looked_at = 0;
  std::vector<ItemId> liked;
  for (const auto& [n, rank, from] : history) {
    looked_at += n;
    if (looked_at > kLikes) break;
    std::vector<UserId> fans = Fans(context, from, query.user);
    std::erase_if(fans, [&](UserId fan) { return Index(fan) >= log.rows(); });
    for (const UserId fan : fans) looked_at += log.ptr[Index(fan) + 1] - log.ptr[Index(fan)];
    if (looked_at > kLikes) break;
    liked.clear();
    for (const UserId fan : fans) {
      const size_t own = liked.size();
      for (int64_t i = log.ptr[Index(fan)]; i < log.ptr[Index(fan) + 1]; ++i) {
        if (log.weight[i] >= context.positive_threshold) liked.push_back(log.other[i]);
      }
      std::sort(liked.begin() + static_cast<ptrdiff_t>(own), liked.end());
      liked.erase(std::unique(liked.begin() + static_cast<ptrdiff_t>(own), liked.end()),
                  liked.end());
    }
    std::sort(liked.begin(), liked.end());
    for (size_t begin = 0, end = 0; begin < liked.size(); begin = end) {
      while (end < liked.size() && liked[end] == liked[begin]) ++end;
      const auto both = static_cast<int64_t>(end - begin);
      if (both < kFewest || left_out.contains(liked[begin])) continue;
      if (context.catalog->item_entity[Index(liked[begin])] == kNone<EntityId>) continue;
      found.push_back({Cost(rank, fans.size(), both), rank, from, liked[begin], both});
    }
  }
  SortPairs(&found);
  std::set<ItemId> taken;
  std::erase_if(found, [&](const LikedToo& pair) { return !taken.insert(pair.item).second; });
  if (found.size() > most) found.resize(most);
  return found;
}

}  // namespace undula::queries
