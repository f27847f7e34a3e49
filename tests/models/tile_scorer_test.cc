#include "models/score/tile_scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/status.h"
#include "models/score/item_panels.h"

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

// A query's vector is (user + 1, -user), an item's (item % 5, item % 3). Users from n_users on are
// unknown, 77 is broken.
class VectorScorer final : public HashScorer {
 public:
  VectorScorer(uint32_t n_users, uint32_t n_items) : HashScorer(n_users, n_items) {
    std::vector<float> items;
    for (uint32_t i = 0; i < n_items; ++i) {
      items.push_back(static_cast<float>(i % 5));
      items.push_back(static_cast<float>(i % 3));
    }
    panels_ = ItemPanels(items, 2);
  }
  static float Value(uint32_t user, uint32_t item) {
    return static_cast<float>(user + 1) * static_cast<float>(item % 5) -
           static_cast<float>(user) * static_cast<float>(item % 3);
  }
  const ItemPanels* item_panels() const override { return &panels_; }
  absl::Status QueryVectors(std::span<const UserQuery> queries, std::span<float> vectors,
                            std::span<absl::Status> status, propagation::Arena&) const override {
    for (size_t i = 0; i < queries.size(); ++i) {
      const auto user = static_cast<float>(Index(queries[i].user));
      if (user == 77) return InternalError("broken");
      if (!KnowsUser(queries[i].user)) {
        status[i] = NotFoundError("unknown user");
        continue;
      }
      vectors[2 * i] = user + 1;
      vectors[2 * i + 1] = -user;
    }
    return absl::OkStatus();
  }

 private:
  ItemPanels panels_;
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

TEST(TileScorer, QueriesWithVectorsAreRankedTogether) {
  constexpr uint32_t kUsers = 70;
  for (const uint32_t n_items : {1u, 15u, 17u, 300u}) {
    const VectorScorer scorer(kUsers, n_items);
    std::vector<std::vector<ItemId>> seen(kUsers + 3);
    for (uint32_t i = 0; i < n_items; ++i) {
      for (uint32_t u = 0; u < kUsers; ++u) {
        if (Excluded(u, i)) seen[u].push_back(ItemId{i});
      }
    }
    RankJob job;
    job.n = kUsers + 3;  // the last are unknown
    job.query = [](int64_t i) { return UserQuery{UserId{static_cast<uint32_t>(i)}, {}}; };
    job.mask = [&](int64_t i) { return ItemMask{.excluded = seen[i]}; };
    for (const uint32_t tile : {1u, 20u, 4096u}) {
      TaskArena workers(2);
      const auto check = [&](int64_t i, const RankedList& list) {
        const auto u = static_cast<uint32_t>(i);
        EXPECT_EQ(list.status.code(),
                  u < kUsers ? absl::StatusCode::kOk : absl::StatusCode::kNotFound);
        std::vector<ScoredItem> want;
        for (uint32_t item = 0; u < kUsers && item < n_items; ++item) {
          if (!Excluded(u, item)) want.push_back({ItemId{item}, VectorScorer::Value(u, item)});
        }
        std::stable_sort(want.begin(), want.end(), [](const ScoredItem& a, const ScoredItem& b) {
          return a.score > b.score;
        });
        want.resize(std::min<size_t>(want.size(), 6));
        ExpectSame({list.items.begin(), list.items.end()}, want);
        RankScratch scratch;
        std::vector<ScoredItem> alone;
        EXPECT_EQ(RankOne(scorer, job.query(i), job.mask(i), {.k = 6}, &scratch, &alone).code(),
                  list.status.code());
        ExpectSame(alone, want);
        return absl::OkStatus();
      };
      const TileOptions options{.k = 6, .item_tile = tile};
      ASSERT_TRUE(RankAll(scorer, job, options, workers, nullptr, check).ok());
    }
  }
  const VectorScorer scorer(100, 20);
  RankJob job;
  job.n = 100;
  job.query = [](int64_t i) { return UserQuery{UserId{static_cast<uint32_t>(i)}, {}}; };
  TaskArena workers(1);
  EXPECT_EQ(RankAll(scorer, job, {}, workers, nullptr,
                    [](int64_t, const RankedList&) { return absl::OkStatus(); })
                .code(),
            absl::StatusCode::kInternal);
}

// Sums in the order of the dimensions, whatever the range and the number of queries.
TEST(ItemPanels, HaveTheSameBitsForAnyRange) {
  constexpr uint32_t kItems = 53;
  constexpr int64_t kQueries = 70, kDim = 9;
  const auto values = [](int64_t n, uint32_t seed) {
    std::vector<float> out;
    const Rng rng(seed, RngStream::kTest, 0);
    for (int64_t i = 0; i < n; ++i) out.push_back(rng.Uniform(static_cast<uint64_t>(i)) - 0.5f);
    return out;
  };
  const std::vector<float> items = values(kItems * kDim, 1), queries = values(kQueries * kDim, 2);
  const ItemPanels panels(items, kDim);
  for (const ItemRange range : {ItemRange{0, 53}, {0, 16}, {3, 53}, {17, 18}, {31, 33}, {5, 5}}) {
    std::vector<float> scores(kQueries * range.size());
    std::vector<float*> rows;
    for (int64_t q = 0; q < kQueries; ++q) rows.push_back(scores.data() + q * range.size());
    panels.Scores(queries.data(), kQueries, range, rows.data());
    for (int64_t q = 0; q < kQueries; ++q) {
      for (uint32_t i = range.begin; i < range.end; ++i) {
        float sum = 0;
        for (int64_t c = 0; c < kDim; ++c) {
          sum = std::fma(queries[q * kDim + c], items[i * kDim + c], sum);
        }
        ASSERT_EQ(rows[q][i - range.begin], sum);
        ASSERT_EQ(panels.Score(&queries[q * kDim], ItemId{i}), sum);
      }
    }
  }
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
