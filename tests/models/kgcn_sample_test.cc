// Neighbor samples, and the pairs of a batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "models/kgcn/batch_index.h"
#include "propagation/sample/neighbors.h"
#include "tests/models/kgcn_fixture.h"

namespace undula::models {
namespace {

using propagation::NeighborSlots;
using propagation::SampleNeighbors;

float Drawn(const NeighborSlots& s, uint32_t e) {
  float sum = 0;
  for (int64_t i = s.ptr[e]; i < s.ptr[e + 1]; ++i) sum += s.count[i];
  return sum;
}

TEST(NeighborSample, IsUndirectedAndKeepsTheRelation) {
  // 0 -r1-> 1, 2 -r0-> 0, 3 -r0-> 3 (a loop counts from both ends), 4 alone.
  const auto snapshot = TinySnapshot(5, 2, 1, {{0, 1, 1}, {2, 0, 0}, {3, 0, 3}}, {0, 1});
  const NeighborSlots s = SampleNeighbors(*snapshot, 6, 0, 1, 0);
  ASSERT_EQ(s.ptr, (std::vector<int64_t>{0, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(s.relation, (std::vector<uint32_t>{0, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(s.entity, (std::vector<uint32_t>{2, 1, 0, 0, 3, 4, 5}));
  EXPECT_EQ(s.count, (std::vector<float>{1, 1, 1, 1, 2, 1, 1}));
  EXPECT_EQ(s.inverse, (std::vector<uint8_t>{1, 0, 1, 0, 0, 0, 0}));
}

TEST(NeighborSample, WithoutReplacementWhereThereAreEnough) {
  const auto snapshot = RandomSnapshot(40, 3, 2, 10, 300, 5);
  const NeighborSlots all = SampleNeighbors(*snapshot, 40, 0, 1, 0);
  const NeighborSlots s = SampleNeighbors(*snapshot, 40, 6, 1, 0);
  ASSERT_EQ(s.rows(), 40u);
  for (uint32_t e = 0; e < 40; ++e) {
    const float degree = Drawn(all, e);
    EXPECT_EQ(Drawn(s, e), 6) << e;
    std::map<std::pair<uint32_t, uint32_t>, float> edges;
    for (int64_t i = all.ptr[e]; i < all.ptr[e + 1]; ++i) {
      edges[{all.relation[i], all.entity[i]}] = all.count[i];
    }
    for (int64_t i = s.ptr[e]; i < s.ptr[e + 1]; ++i) {
      const auto it = edges.find({s.relation[i], s.entity[i]});
      ASSERT_NE(it, edges.end());
      if (degree >= 6) {
        EXPECT_LE(s.count[i], it->second) << "drawn twice";
      }
    }
  }
}

TEST(NeighborSample, IsAFunctionOfSeedAndEpochAndUniform) {
  // A star: 0 has the neighbors 1 .. 8.
  std::vector<TinyTriple> triples;
  for (uint32_t t = 1; t <= 8; ++t) triples.push_back({0, 0, t});
  const auto snapshot = TinySnapshot(9, 1, 1, triples, {0});
  const auto row = [](const NeighborSlots& s) {
    return std::vector<uint32_t>(s.entity.begin(), s.entity.begin() + s.ptr[1]);
  };
  EXPECT_EQ(row(SampleNeighbors(*snapshot, 9, 3, 7, 4)),
            row(SampleNeighbors(*snapshot, 9, 3, 7, 4)));
  std::map<uint32_t, int> drawn;
  std::map<std::vector<uint32_t>, int> sets;
  constexpr int kEpochs = 5600;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const auto entities = row(SampleNeighbors(*snapshot, 1, 3, 7, epoch));
    ASSERT_EQ(entities.size(), 3u);
    for (const uint32_t e : entities) ++drawn[e];
    ++sets[entities];
  }
  // 3 of 8: expectation 2,100, standard deviation 36; 56 sets with 100 each.
  EXPECT_EQ(sets.size(), 56u);
  for (uint32_t e = 1; e <= 8; ++e) EXPECT_NEAR(drawn[e], 2100, 5 * 36) << e;
}

TEST(KgcnBatchIndex, LargeNumbersDoNotCollide) {
  // Spec 10.11: in 32 bits user * 10^digits + entity would repeat for such numbers.
  constexpr uint32_t kEntities = 1'000'001;
  NeighborSlots s;
  std::vector<propagation::Neighbor> one;
  for (uint32_t e = 0; e < kEntities; ++e) {
    one.assign(1, {0, kEntities - 1 - e});
    propagation::AppendNeighbors(&one, &s);
  }
  std::vector<uint32_t> item_row(kEntities);
  std::iota(item_row.begin(), item_row.end(), 0);
  std::vector<LabeledPair> rows;
  std::map<std::pair<uint32_t, uint32_t>, int> pairs;
  for (const uint32_t user : {0u, 1u, 2'999'999u, 3'000'000u, 4'294'967'294u}) {
    for (const uint32_t item : {0u, 1u, 999'999u, 1'000'000u}) {
      rows.push_back({UserId{user}, ItemId{item}, 1});
      pairs[{user, item}] = pairs[{user, kEntities - 1 - item}] = 1;
    }
  }
  for (uint32_t u = 2'999'000; u < 2'999'999; ++u) {
    rows.push_back({UserId{u}, ItemId{u % 1'000'000}, 1});
    pairs[{u, u % 1'000'000}] = pairs[{u, kEntities - 1 - u % 1'000'000}] = 1;
  }
  const TinyBatch batch(rows, 1);
  KgcnBatchIndex index;
  index.Reset(&s, 2, true);
  index.Collect(batch.batch, item_row);
  const auto& first = index.layer(1);
  EXPECT_EQ(first.nodes(), static_cast<int64_t>(pairs.size()));
  for (int64_t i = 0; i < first.nodes(); ++i) {
    const auto found = pairs.find({index.users[first.row[i]], first.entity[i]});
    ASSERT_NE(found, pairs.end());
    EXPECT_EQ(found->second--, 1);
  }
}

TEST(KgcnBatchIndex, TwoHopsHoldEachPairOnce) {
  const auto snapshot = RandomSnapshot(20, 3, 4, 8, 60, 2);
  const NeighborSlots s = SampleNeighbors(*snapshot, 20, 4, 1, 0);
  std::vector<uint32_t> item_row(8);
  std::iota(item_row.begin(), item_row.end(), 0);
  const TinyBatch batch(RandomRows(*snapshot, 5, 3), 1);
  KgcnBatchIndex index;
  index.Reset(&s, 2, true);
  for (int again = 0; again < 2; ++again) {  // nothing stays from the batch before
    index.Collect(batch.batch, item_row);
    const auto& top = index.layer(2);
    const auto& first = index.layer(1);
    ASSERT_EQ(top.nodes(), batch.batch.rows());
    std::map<std::pair<uint32_t, uint32_t>, int64_t> pairs;
    for (int64_t i = 0; i < first.nodes(); ++i) {
      EXPECT_TRUE(pairs.emplace(std::pair(index.users[first.row[i]], first.entity[i]), i).second);
    }
    EXPECT_TRUE(std::is_sorted(first.entity.begin(), first.entity.end()));
    for (int64_t i = 0; i < top.nodes(); ++i) {
      const uint32_t user = index.users[i], e = top.entity[i];
      EXPECT_EQ(user, batch.users[index.order[i]]);
      EXPECT_EQ(e, batch.items[index.order[i]]);
      EXPECT_EQ(top.self[i], pairs.at({user, e}));
      ASSERT_EQ(top.slot_ptr[i + 1] - top.slot_ptr[i], s.ptr[e + 1] - s.ptr[e]);
      for (int64_t k = 0; k < s.ptr[e + 1] - s.ptr[e]; ++k) {
        const int64_t slot = top.slot_ptr[i] + k;
        EXPECT_EQ(top.value_row[slot], pairs.at({user, s.entity[s.ptr[e] + k]}));
        EXPECT_EQ(top.relation[slot], s.relation[s.ptr[e] + k]);
      }
    }
    // Groups of the first layer: one per entity, a slot per relation, all draws as members.
    ASSERT_EQ(first.row_ptr.size(), index.group.size() + 1);
    for (size_t g = 0; g < index.group.size(); ++g) {
      const uint32_t e = index.entity[index.group[g]];
      for (int64_t i = first.row_ptr[g]; i < first.row_ptr[g + 1]; ++i) {
        EXPECT_EQ(first.entity[i], e);
      }
      float drawn = 0;
      for (int64_t slot = first.slot_ptr[g]; slot < first.slot_ptr[g + 1]; ++slot) {
        const int64_t members = index.member_ptr[slot + 1] - index.member_ptr[slot];
        EXPECT_GE(first.count[slot], static_cast<float>(members));
        EXPECT_EQ(std::fmod(first.count[slot], static_cast<float>(members)), 0);
        drawn += first.count[slot];
      }
      EXPECT_EQ(drawn, 4);
    }
  }
}

}  // namespace
}  // namespace undula::models
