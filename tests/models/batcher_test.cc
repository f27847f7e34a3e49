#include "models/data/batcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "base/rng.h"
#include "models/data/shuffle.h"
#include "models/train/step.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using Row = std::tuple<uint32_t, uint32_t, float, uint32_t>;

std::vector<Row> Rows(const Batch& batch) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < batch.rows(); ++i) {
    rows.emplace_back(batch.users[i], batch.items[i], batch.labels.empty() ? 1 : batch.labels[i],
                      batch.negatives.empty() ? 0 : batch.negatives[i]);
  }
  return rows;
}

std::vector<std::vector<Row>> Epoch(Batcher* batcher, int64_t epoch) {
  std::vector<std::vector<Row>> batches(static_cast<size_t>(batcher->StartEpoch(epoch)));
  for (size_t s = 0; s < batches.size(); ++s) batches[s] = Rows(batcher->Get(s));
  return batches;
}

std::vector<Row> Flat(const std::vector<std::vector<Row>>& batches) {
  std::vector<Row> rows;
  for (const auto& b : batches) rows.insert(rows.end(), b.begin(), b.end());
  return rows;
}

struct Data {
  Data() {
    const auto snapshot = RandomLog(80, 50, 25, 3);
    split = *MakeSplit(*snapshot, SplitOptions{.protocol = "ctr"});
    data = MakeTrainingData(snapshot, split.train, 1);
  }
  Split split;
  TrainingData data;
};

TEST(Batcher, ChunkOneIsAPlainShuffle) {
  const Data d;
  Batcher batcher = *Batcher::Create(BatchKind::kPointwise, d.data, {.batch_size = 64, .seed = 9});
  const auto batches = Epoch(&batcher, 2);
  // Plain batching written out: rows in user order, one Fisher-Yates, cut every 64.
  std::vector<LabeledPair> rows = d.data.train;
  std::stable_sort(rows.begin(), rows.end(),
                   [](const LabeledPair& a, const LabeledPair& b) { return a.user < b.user; });
  Shuffle(std::span(rows), Rng(9, RngStream::kShuffle, 2 * 2 + 1));
  const auto flat = Flat(batches);
  ASSERT_EQ(flat.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(flat[i], Row(Index(rows[i].user), Index(rows[i].item), rows[i].label, 0u));
  }
  for (size_t s = 0; s + 1 < batches.size(); ++s) EXPECT_EQ(batches[s].size(), 64u);
  EXPECT_EQ(batches.size(), (rows.size() + 63) / 64);
}

TEST(Batcher, ReplayDrawsAShareOfTheRowsSeenBefore) {
  const Data d;
  std::vector<LabeledPair> seen;
  std::set<Row> old, fresh;
  for (const LabeledPair& row : d.data.train) {
    const bool before = Index(row.user) % 3 != 0;
    if (before) seen.push_back(row);
    (before ? old : fresh).emplace(Index(row.user), Index(row.item), row.label, 0u);
  }
  ASSERT_GT(old.size(), 200u);
  for (const int64_t chunk : {1, 7}) {
    const BatcherOptions options{.batch_size = 64, .chunk = chunk, .seen = seen, .replay = 0.25};
    Batcher batcher = *Batcher::Create(BatchKind::kPointwise, d.data, options);
    std::set<Row> first;
    for (const int64_t epoch : {1, 2}) {
      const std::vector<Row> rows = Flat(Epoch(&batcher, epoch));
      const std::set<Row> distinct(rows.begin(), rows.end());
      EXPECT_EQ(distinct.size(), rows.size());
      for (const Row& row : fresh) EXPECT_TRUE(distinct.contains(row));
      const double share = static_cast<double>(rows.size() - fresh.size()) / old.size();
      EXPECT_NEAR(share, 0.25, 0.1);
      if (epoch == 1) first = distinct;
      if (epoch == 2) {
        EXPECT_NE(distinct, first);
      }
    }
  }
  // Pairwise: rows are positives; all of them seen and none replayed is no empty epoch.
  Batcher all = *Batcher::Create(BatchKind::kPairwise, d.data,
                                 {.batch_size = 64, .seen = d.data.train, .replay = 0});
  EXPECT_EQ(static_cast<int64_t>(Flat(Epoch(&all, 1)).size()), all.rows());
}

TEST(Batcher, ChunksAreOfOneUserAndCoverEveryRowOnce) {
  const Data d;
  for (const int64_t chunk : {2, 7, 64}) {
    Batcher batcher =
        *Batcher::Create(BatchKind::kPointwise, d.data, {.batch_size = 64, .chunk = chunk});
    for (const int64_t epoch : {1, 2}) {
      std::multiset<Row> seen;
      const int64_t steps = batcher.StartEpoch(epoch);
      for (int64_t s = 0; s < steps; ++s) {
        const Batch batch = batcher.Get(s);
        EXPECT_LE(batch.rows(), 64);
        EXPECT_GT(batch.rows(), 0);
        EXPECT_EQ(batch.chunk_ptr.front(), 0);
        EXPECT_EQ(batch.chunk_ptr.back(), batch.rows());
        for (int64_t c = 0; c < batch.chunks(); ++c) {
          const int64_t begin = batch.chunk_ptr[c], end = batch.chunk_ptr[c + 1];
          EXPECT_GT(end, begin);
          EXPECT_LE(end - begin, chunk);
          for (int64_t i = begin; i < end; ++i) EXPECT_EQ(batch.users[i], batch.users[begin]);
        }
        for (const Row& row : Rows(batch)) seen.insert(row);
      }
      std::multiset<Row> expected;
      for (const LabeledPair& row : d.data.train) {
        expected.emplace(Index(row.user), Index(row.item), row.label, 0u);
      }
      EXPECT_EQ(seen, expected);
    }
  }
}

TEST(Batcher, IsAFunctionOfSeedEpochAndStep) {
  const Data d;
  for (const BatchKind kind : {BatchKind::kPointwise, BatchKind::kPairwise}) {
    const BatcherOptions options{.batch_size = 50, .chunk = 4, .seed = 5};
    Batcher a = *Batcher::Create(kind, d.data, options);
    Batcher b = *Batcher::Create(kind, d.data, options);
    const auto first = Epoch(&a, 1);
    const auto second = Epoch(&a, 2);
    EXPECT_NE(Flat(first), Flat(second));
    // A resume starts in the middle of epoch 2.
    b.StartEpoch(2);
    for (int64_t s = b.steps() - 1; s >= b.steps() / 2; --s) EXPECT_EQ(Rows(b.Get(s)), second[s]);
    Batcher c = *Batcher::Create(kind, d.data, {.batch_size = 50, .chunk = 4, .seed = 6});
    EXPECT_NE(Flat(Epoch(&c, 1)), Flat(first));
  }
}

TEST(Batcher, PairwiseNegativesAreNeverPositives) {
  const Data d;
  const UserItems positives = PositivesByUser(d.data.n_users(), {d.data.train});
  for (const char* negatives : {"uniform", "popularity"}) {
    Batcher batcher =
        *Batcher::Create(BatchKind::kPairwise, d.data, {.batch_size = 128, .negatives = negatives});
    EXPECT_EQ(batcher.rows(), static_cast<int64_t>(positives.items.size()));
    for (const auto& [user, item, label, negative] : Flat(Epoch(&batcher, 1))) {
      EXPECT_TRUE(positives.contains(UserId{user}, ItemId{item}));
      EXPECT_FALSE(positives.contains(UserId{user}, ItemId{negative}));
      EXPECT_LT(negative, d.data.n_items());
    }
  }
}

TEST(Batcher, FreshNegativesAreDrawnAnewInEveryEpoch) {
  const Data d;
  const UserItems positives = PositivesByUser(d.data.n_users(), {d.data.train});
  std::multiset<Row> liked;
  for (const LabeledPair& row : d.data.train) {
    if (row.label > 0) liked.emplace(Index(row.user), Index(row.item), 1.0f, 0u);
  }
  for (const char* negatives : {"uniform", "popularity"}) {
    const BatcherOptions options{
        .batch_size = 60, .chunk = 6, .negatives = negatives, .fresh_negatives = 2, .seed = 3};
    Batcher batcher = *Batcher::Create(BatchKind::kPointwise, d.data, options);
    EXPECT_EQ(batcher.rows(), 3 * static_cast<int64_t>(liked.size()));
    std::vector<std::multiset<Row>> drawn;
    for (const int64_t epoch : {1, 2, 1}) {
      std::multiset<Row> positive, negative;
      for (const Row& row : Flat(Epoch(&batcher, epoch))) {
        (std::get<2>(row) > 0 ? positive : negative).insert(row);
      }
      EXPECT_EQ(positive, liked);
      EXPECT_EQ(negative.size(), 2 * liked.size());
      for (const auto& [user, item, label, unused] : negative) {
        EXPECT_EQ(label, 0.0f);
        EXPECT_LT(item, d.data.n_items());
        EXPECT_FALSE(positives.contains(UserId{user}, ItemId{item}));
      }
      drawn.push_back(negative);
    }
    EXPECT_NE(drawn[0], drawn[1]);
    EXPECT_EQ(drawn[0], drawn[2]);
  }
  // Replayed or not with their positive.
  Batcher replay = *Batcher::Create(
      BatchKind::kPointwise, d.data,
      {.batch_size = 64, .fresh_negatives = 1, .seen = d.data.train, .replay = 0.3});
  const std::vector<Row> rows = Flat(Epoch(&replay, 1));
  EXPECT_NEAR(static_cast<double>(rows.size()) / static_cast<double>(replay.rows()), 0.3, 0.1);
  EXPECT_EQ(Batcher::Create(BatchKind::kPointwise, d.data, {.fresh_negatives = -1}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Batcher, UsersWithEveryItemAndEmptyData) {
  // User 0 has all three items, user 1 all but item 2.
  const auto snapshot = MakeLog(2, 3, {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}});
  const Split split = *MakeSplit(*snapshot, SplitOptions{.protocol = "all", .negatives = "none"});
  const TrainingData data = MakeTrainingData(snapshot, split.train, 1);
  Batcher batcher = *Batcher::Create(BatchKind::kPairwise, data, {});
  EXPECT_EQ(batcher.dropped_rows(), 3);
  for (const auto& [user, item, label, negative] : Flat(Epoch(&batcher, 1))) {
    EXPECT_EQ(user, 1u);
    EXPECT_EQ(negative, 2u);
  }
  Batcher fresh = *Batcher::Create(BatchKind::kPointwise, data, {.fresh_negatives = 1});
  const std::vector<Row> rows = Flat(Epoch(&fresh, 1));
  EXPECT_EQ(
      std::set<Row>(rows.begin(), rows.end()),
      (std::set<Row>{
          {0, 0, 1, 0}, {0, 1, 1, 0}, {0, 2, 1, 0}, {1, 0, 1, 0}, {1, 1, 1, 0}, {1, 2, 0, 0}}));
  const TrainingData empty = MakeTrainingData(snapshot, {}, 1);
  EXPECT_EQ(Batcher::Create(BatchKind::kPointwise, empty, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      Batcher::Create(BatchKind::kPairwise, data, {.batch_size = 4, .chunk = 5}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(ItemSampler, CrowdedUserGetsWhatIsLeft) {
  std::vector<ItemId> all, excluded;
  for (uint32_t i = 0; i < 100; ++i) {
    all.push_back(ItemId{i});
    if (i != 17 && i != 93) excluded.push_back(ItemId{i});
  }
  const ItemSampler sampler(all);
  std::map<uint32_t, int> drawn;
  const Rng rng(1, RngStream::kTest);
  for (uint64_t k = 0; k < 2000; ++k) {
    ++drawn[Index(sampler.Draw(excluded, rng, k * ItemSampler::kDraws))];
  }
  ASSERT_EQ(drawn.size(), 2u);
  EXPECT_NEAR(drawn[17], 1000, 112);  // 5 standard errors
  EXPECT_EQ(sampler.Draw(all, rng, 0), kNone<ItemId>);
  std::vector<ItemId> distinct;
  sampler.DrawDistinct(5, excluded, rng, &distinct);
  std::sort(distinct.begin(), distinct.end());
  EXPECT_EQ(distinct, (std::vector<ItemId>{ItemId{17}, ItemId{93}}));
}

TEST(CutSlices, CoversTheBatchInOrder) {
  const std::vector<int64_t> ptr = {0, 5, 6, 7, 20, 21, 22, 30};
  std::vector<uint32_t> users(30, 0);
  Batch batch;
  batch.users = users;
  batch.chunk_ptr = ptr;
  for (const int64_t n : {1, 2, 3, 8, 40}) {
    std::vector<Slice> slices(static_cast<size_t>(n));
    CutSlices(batch, slices);
    ASSERT_EQ(static_cast<int64_t>(slices.size()), n);
    int64_t chunk = 0, row = 0;
    for (const Slice& s : slices) {
      EXPECT_EQ(s.chunk_begin, chunk);
      EXPECT_EQ(s.row_begin, row);
      EXPECT_EQ(s.row_begin, ptr[s.chunk_begin]);
      chunk = s.chunk_end;
      row = s.row_end;
    }
    EXPECT_EQ(chunk, 7);
    EXPECT_EQ(row, 30);
  }
}

}  // namespace
}  // namespace undula::models
