#include "models/score/tile_scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/status.h"

namespace undula::models {
namespace {

// Coarse scores: many ties, some NaN and infinities. Users from n_users on are unknown.
class HashScorer : public Scorer {
 public:
  HashScorer(uint32_t n_users, uint32_t n_items) : n_users_(n_users), n_items_(n_items) {}
  static float Value(UserId user, uint32_t item) {
    const uint32_t bits = Rng(11, RngStream::kTest, Index(user)).Bits32(item);
    if (bits % 29 == 0) return std::numeric_limits<float>::quiet_NaN();
    if (bits % 31 == 0) return -std::numeric_limits<float>::infinity();
    if (bits % 37 == 0) return std::numeric_limits<float>::infinity();
    return static_cast<float>(static_cast<int>(bits >> 8) % 13 - 6);
  }
  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena&) const override {
    if (Index(query.user) == 77) return InternalError("broken");
    if (!KnowsUser(query.user)) return NotFoundError("unknown user");
    for (uint32_t i = 0; i < range.size(); ++i) out[i] = Value(query.user, range.begin + i);
    return absl::OkStatus();
  }
  absl::Status ScoreItems(const UserQuery&, std::span<const ItemId>, std::span<float>,
                          propagation::Arena&) const override {
    return UnimplementedError("not used");
  }
  uint32_t n_users() const override { return n_users_; }
  uint32_t n_items() const override { return n_items_; }
  bool KnowsUser(UserId user) const override { return Index(user) < n_users_; }

 private:
  uint32_t n_users_, n_items_;
};

bool Excluded(uint32_t user, uint32_t item) { return (user * 7 + item * 13) % 5 == 0; }

std::vector<ScoredItem> BruteForce(uint32_t user, uint32_t n_items, int64_t k, const ItemSet* allow,
                                   const ItemSet* deny) {
  std::vector<ScoredItem> all;
  for (uint32_t i = 0; i < n_items; ++i) {
    const float score = HashScorer::Value(UserId{user}, i);
    if (std::isnan(score) || Excluded(user, i)) continue;
    if (allow != nullptr && !allow->contains(ItemId{i})) continue;
    if (deny != nullptr && deny->contains(ItemId{i})) continue;
    all.push_back({ItemId{i}, score});
  }
  std::stable_sort(all.begin(), all.end(), [](const ScoredItem& a, const ScoredItem& b) {
    return a.score > b.score;  // stable: equal scores stay in ascending id
  });
  all.resize(std::min<size_t>(all.size(), static_cast<size_t>(k)));
  return all;
}

using Lists = std::vector<std::vector<ScoredItem>>;

void ExpectSame(const std::vector<ScoredItem>& a, const std::vector<ScoredItem>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].item, b[i].item) << "rank " << i;
    EXPECT_EQ(a[i].score, b[i].score);
  }
}

TEST(TileScorer, EqualsBruteForceForAnyTilesMasksAndThreads) {
  constexpr uint32_t kUsers = 60;
  for (const uint32_t n_items : {1u, 7u, 64u, 500u}) {
    const HashScorer scorer(kUsers, n_items);
    std::vector<std::vector<ItemId>> seen(kUsers);
    ItemSet allow(n_items), deny(n_items);
    for (uint32_t i = 0; i < n_items; ++i) {
      for (uint32_t u = 0; u < kUsers; ++u) {
        if (Excluded(u, i)) seen[u].push_back(ItemId{i});
      }
      if (i % 3 != 0) allow.Add(ItemId{i});
      if (i % 4 == 1) deny.Add(ItemId{i});
    }
    for (const int64_t k : {0, 1, 5, 600}) {
      for (int mask = 0; mask < 4; ++mask) {
        const ItemSet* a = (mask & 1) != 0 ? &allow : nullptr;
        const ItemSet* d = (mask & 2) != 0 ? &deny : nullptr;
        RankJob job;
        job.n = kUsers;
        job.query = [](int64_t i) { return UserQuery{UserId{static_cast<uint32_t>(i)}, {}}; };
        job.mask = [&](int64_t i) { return ItemMask{seen[i], a, d}; };
        for (const uint32_t tile : {1u, 3u, 64u, 4096u}) {
          for (const int threads : {1, 4}) {
            if (threads == 4 && tile == 1) continue;
            TaskArena workers(threads);
            Lists lists;
            const auto emit = [&](int64_t i, const RankedList& list) {
              EXPECT_EQ(i, static_cast<int64_t>(lists.size()));  // in order
              lists.emplace_back(list.items.begin(), list.items.end());
              return list.status;
            };
            const TileOptions options{.k = k, .item_tile = tile, .user_tile = tile % 5 + 1};
            ASSERT_TRUE(RankAll(scorer, job, options, workers, nullptr, emit).ok());
            ASSERT_EQ(lists.size(), kUsers);
            for (uint32_t u = 0; u < kUsers; ++u) {
              ExpectSame(lists[u], BruteForce(u, n_items, k, a, d));
            }
          }
        }
      }
    }
  }
}

TEST(TileScorer, ManyBlocksAndUnknownUsers) {
  const HashScorer scorer(900, 20);
  RankJob job;
  job.n = 1000;
  job.query = [](int64_t i) {
    return UserQuery{UserId{i == 77 ? 0u : static_cast<uint32_t>(i)}, {}};
  };
  TaskArena workers(2);
  int64_t unknown = 0, next = 0;
  const auto emit = [&](int64_t i, const RankedList& list) {
    EXPECT_EQ(i, next++);
    if (!list.status.ok()) {
      EXPECT_EQ(list.status.code(), absl::StatusCode::kNotFound);
      EXPECT_TRUE(list.items.empty());
      ++unknown;
    }
    return absl::OkStatus();
  };
  ASSERT_TRUE(RankAll(scorer, job, {.k = 3, .user_tile = 1}, workers, nullptr, emit).ok());
  EXPECT_EQ(next, 1000);
  EXPECT_EQ(unknown, 100);
}

TEST(TileScorer, Failures) {
  const HashScorer scorer(100, 20);
  RankJob job;
  job.n = 100;
  job.query = [](int64_t i) { return UserQuery{UserId{static_cast<uint32_t>(i)}, {}}; };
  TaskArena workers(1);
  int64_t emitted = 0;
  const auto count = [&](int64_t, const RankedList&) {
    ++emitted;
    return absl::OkStatus();
  };
  EXPECT_EQ(RankAll(scorer, job, {.k = 3}, workers, nullptr, count).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(emitted, 77);  // user 77 is broken
  job.n = 10;
  const auto full = [](int64_t i, const RankedList&) {
    return i == 4 ? ResourceExhaustedError("disk full") : absl::OkStatus();
  };
  EXPECT_EQ(RankAll(scorer, job, {.k = 3}, workers, nullptr, full).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RankAll(scorer, job, {.k = -1}, workers, nullptr, count).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RankAll(scorer, job, {.k = 1, .item_tile = 0}, workers, nullptr, count).code(),
            absl::StatusCode::kInvalidArgument);
  Progress progress;
  progress.Cancel();
  EXPECT_EQ(RankAll(scorer, job, {.k = 1}, workers, &progress, count).code(),
            absl::StatusCode::kCancelled);
  job.n = 0;
  EXPECT_TRUE(RankAll(scorer, job, {.k = 1}, workers, nullptr, count).ok());
}

TEST(TileScorer, OneQueryOnReusedScratch) {
  const HashScorer scorer(5, 100);
  RankScratch scratch;
  std::vector<ScoredItem> list;
  for (uint32_t u = 0; u < 5; ++u) {
    std::vector<ItemId> seen;
    for (uint32_t i = 0; i < 100; ++i) {
      if (Excluded(u, i)) seen.push_back(ItemId{i});
    }
    ASSERT_TRUE(RankOne(scorer, UserQuery{UserId{u}, {}}, ItemMask{.excluded = seen},
                        {.k = 7, .item_tile = 30}, &scratch, &list)
                    .ok());
    ExpectSame(list, BruteForce(u, 100, 7, nullptr, nullptr));
  }
  EXPECT_EQ(RankOne(scorer, UserQuery{UserId{9}, {}}, {}, {}, &scratch, &list).code(),
            absl::StatusCode::kNotFound);
}

TEST(ItemSet, IgnoresItemsBeyondTheCatalogue) {
  ItemSet set(70);
  set.Add(ItemId{69});
  set.Add(ItemId{4000});
  EXPECT_TRUE(set.contains(ItemId{69}));
  EXPECT_FALSE(set.contains(ItemId{68}));
  EXPECT_FALSE(set.contains(ItemId{4000}));
}

}  // namespace
}  // namespace undula::models
