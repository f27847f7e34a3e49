// Ranking on a device against the tile scorer of the CPU: the same lists except among scores closer
// than 1e-5, the same bits for every schedule and block size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/kgcn/kgcn.h"
#include "models/kgcn/scorer.h"
#include "models/score/tile_scorer.h"
#include "propagation/ops/rank.h"
#include "tests/models/kgcn_fixture.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/propagation/device_fixture.h"

namespace undula::models {
namespace {

using propagation::Exec;

constexpr uint32_t kEntities = 400, kRelations = 5, kUsers = 7, kItems = 310;
constexpr double kTolerance = 1e-5;

struct Answer {
  absl::Status status;
  std::vector<ScoredItem> items;
};
using Answers = std::vector<Answer>;

// All users, one that no model knows, and with `history` two queries by history; a mask for each.
struct Job {
  bool history = false;
  const ItemSet* allow = nullptr;
  const ItemSet* deny = nullptr;
  const ItemSet* other_deny = nullptr;  // of the last user only
  std::vector<std::vector<ItemId>> excluded;
  std::vector<ItemId> items = {ItemId{3}, ItemId{8}};

  RankJob Make() {
    for (uint32_t u = 0; u < kUsers + 3; ++u) {
      auto& list = excluded.emplace_back();
      for (uint32_t i = u; i < kItems; i += 5 + u) list.push_back(ItemId{i});
    }
    RankJob job;
    job.n = kUsers + (history ? 3 : 1);
    job.query = [this](int64_t i) {
      if (i > kUsers) return UserQuery{kNone<UserId>, items};
      return UserQuery{UserId{static_cast<uint32_t>(i)}, {}};
    };
    job.mask = [this](int64_t i) {
      return ItemMask{excluded[i], allow, i == kUsers - 1 && other_deny ? other_deny : deny};
    };
    return job;
  }
};

Answers Ranked(const Scorer& scorer, const Job& of, int64_t k, propagation::DeviceRanker* ranker) {
  Job job = of;
  const RankJob rank = job.Make();
  TaskArena workers(1);
  Answers out;
  const absl::Status status =
      RankAll(scorer, rank, {.k = k, .ranker = ranker}, workers, nullptr,
              [&](int64_t, const RankedList& list) {
                out.push_back({list.status, {list.items.begin(), list.items.end()}});
                return absl::OkStatus();
              });
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

// Where items differ, the score that the other side gave at this place is as close as rounding is.
void ExpectSameLists(const Answers& expected, const Answers& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t u = 0; u < expected.size(); ++u) {
    EXPECT_EQ(expected[u].status, actual[u].status);
    ASSERT_EQ(expected[u].items.size(), actual[u].items.size()) << "user " << u;
    for (size_t p = 0; p < expected[u].items.size(); ++p) {
      const ScoredItem e = expected[u].items[p], a = actual[u].items[p];
      const double close = kTolerance * std::max(1.0f, std::fabs(e.score));
      EXPECT_NEAR(e.score, a.score, close) << "user " << u << ", place " << p;
      if (e.item == a.item) continue;
      const auto same = std::find_if(expected[u].items.begin(), expected[u].items.end(),
                                     [&](const ScoredItem& s) { return s.item == a.item; });
      if (same != expected[u].items.end()) {
        EXPECT_NEAR(same->score, e.score, 2 * close) << "user " << u << ", place " << p;
      } else {
        EXPECT_NEAR(expected[u].items.back().score, a.score, 2 * close) << "user " << u;
      }
    }
  }
}

bool SameBits(const Answers& a, const Answers& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Answer& x, const Answer& y) {
    return std::equal(x.items.begin(), x.items.end(), y.items.begin(), y.items.end(),
                      [](const ScoredItem& s, const ScoredItem& t) {
                        return s.item == t.item && s.score == t.score;
                      });
  });
}

void ExpectRankerAgrees(Exec* device, const Scorer& scorer, const Job& job, int64_t k) {
  const Answers expected = Ranked(scorer, job, k, nullptr);
  Answers first;
  for (const propagation::Schedule& schedule : propagation::kSchedules) {
    propagation::SetSchedule(device, schedule);
    auto ranker = scorer.MakeDeviceRanker(device);
    ASSERT_TRUE(ranker.ok()) << ranker.status();
    EXPECT_EQ((*ranker)->Fits(k), k >= 1 && k <= propagation::cuda::kMostRanked);
    const Answers actual = Ranked(scorer, job, k, ranker->get());
    ExpectSameLists(expected, actual);
    if (first.empty()) first = actual;
    EXPECT_TRUE(SameBits(first, actual)) << "depends on the schedule or the block size";
    if (::testing::Test::HasFailure()) return;
  }
}

std::vector<LabeledPair> Rows(const Snapshot& snapshot) {
  // The last user has no positive: no model knows it.
  std::vector<LabeledPair> rows;
  for (const LabeledPair& pair : RandomRows(snapshot, 60, 4)) {
    if (Index(pair.user) < kUsers) rows.push_back(pair);
  }
  return rows;
}

std::unique_ptr<Scorer> RippleScorer(const RippleNetOptions& options) {
  const auto snapshot = RandomSnapshot(kEntities, kRelations, kUsers + 1, kItems, 900, 3);
  RippleNet model(options, DType::kF32);
  TaskArena workers(1);
  const absl::Status built = model.Build(MakeTrainingData(snapshot, Rows(*snapshot), 1), workers);
  EXPECT_TRUE(built.ok()) << built;
  Randomize(&model, 0.5, 11);
  auto scorer = model.MakeScorer(workers);
  EXPECT_TRUE(scorer.ok()) << scorer.status();
  return *std::move(scorer);
}

RippleNetOptions Ripple(int64_t dim, int64_t hops, std::string update, std::string scoring,
                        bool all_hops) {
  RippleNetOptions o;
  o.dim = dim;
  o.hops = hops;
  o.memory = 11;
  o.item_update = std::move(update);
  o.scoring = std::move(scoring);
  o.using_all_hops = all_hops;
  return o;
}

TEST(DeviceRank, RippleNetInEveryMode) {
  UNDULA_OPEN_DEVICE(device);
  for (const RippleNetOptions& o :
       {Ripple(16, 2, "replace", "paper", true), Ripple(16, 2, "plus_transform", "code", true),
        Ripple(5, 3, "plus", "paper", false), Ripple(32, 2, "replace_transform", "paper", true),
        Ripple(20, 1, "plus", "code", false), Ripple(33, 2, "plus_transform", "code", true)}) {
    SCOPED_TRACE(o.item_update + " " + std::to_string(o.dim));
    ExpectRankerAgrees(device.get(), *RippleScorer(o), Job{}, 6);
    if (HasFailure()) return;
  }
}

// large: users and relations are small whole numbers, so that the weights' logits are exact and
// their exponentials would overflow.
std::unique_ptr<Scorer> KgcnScorerOf(const KgcnOptions& options, bool large = false) {
  const auto snapshot = RandomSnapshot(kEntities, kRelations, kUsers + 1, kItems, 900, 3);
  const auto model = BuiltKgcn(kKgcnSpec, options, snapshot, Rows(*snapshot), DType::kF32);
  uint32_t seed = 7;
  for (const auto& p : model->parameters()->all()) {
    const std::vector<float> values = propagation::RandomFloats(p->value.size(), seed++, 0.9);
    std::copy(values.begin(), values.end(), p->value.as<float>());
    if (!large || (p->name != "user" && p->name != "relation")) continue;
    for (int64_t i = 0; i < p->value.size(); ++i) {
      p->value.as<float>()[i] = static_cast<float>(p->name == "user" ? 2 + i % 3 : (i * i) % 5 - 1);
    }
  }
  TaskArena workers(1);
  auto scorer = model->MakeScorer(workers);
  EXPECT_TRUE(scorer.ok()) << scorer.status();
  return *std::move(scorer);
}

KgcnOptions OneHop(int64_t dim, std::string aggregator, bool kg) {
  KgcnOptions o;
  o.dim = dim;
  o.hops = 1;
  o.neighbors = 6;
  o.aggregator = std::move(aggregator);
  o.preset = "paper";
  o.kg = kg;
  return o;
}

TEST(DeviceRank, KgcnInEveryMode) {
  UNDULA_OPEN_DEVICE(device);
  for (const KgcnOptions& o :
       {OneHop(16, "sum", true), OneHop(7, "concat", true), OneHop(32, "neighbor", true),
        OneHop(40, "sum", true), OneHop(16, "sum", false)}) {
    SCOPED_TRACE(o.aggregator + " " + std::to_string(o.dim));
    ExpectRankerAgrees(device.get(), *KgcnScorerOf(o), Job{}, 6);
    if (HasFailure()) return;
  }
}

TEST(DeviceRank, KgcnWithLargeLogits) {
  UNDULA_OPEN_DEVICE(device);
  ExpectRankerAgrees(device.get(), *KgcnScorerOf(OneHop(32, "sum", true), true), Job{}, 6);
}

TEST(DeviceRank, MasksAndSizes) {
  UNDULA_OPEN_DEVICE(device);
  ItemSet allow(kItems), deny(kItems), other(kItems);
  for (uint32_t i = 0; i < kItems; i += 3) allow.Add(ItemId{i});
  for (uint32_t i = 0; i < kItems; i += 4) deny.Add(ItemId{i});
  for (uint32_t i = 1; i < kItems; i += 2) other.Add(ItemId{i});
  const auto ripple = RippleScorer(Ripple(16, 2, "replace", "paper", true));
  const auto kgcn = KgcnScorerOf(OneHop(16, "sum", true));
  Job masked;
  masked.history = true;
  masked.allow = &allow;
  masked.deny = &deny;
  masked.other_deny = &other;
  for (const int64_t k : {int64_t{0}, int64_t{1}, int64_t{40}, int64_t{kItems} + 5}) {
    SCOPED_TRACE(k);
    if (k == 0) {
      auto ranker = ripple->MakeDeviceRanker(device.get());
      ASSERT_TRUE(ranker.ok()) << ranker.status();
      EXPECT_FALSE((*ranker)->Fits(0));
      ExpectSameLists(Ranked(*ripple, masked, 0, nullptr),
                      Ranked(*ripple, masked, 0, ranker->get()));
      continue;
    }
    ExpectRankerAgrees(device.get(), *ripple, k < kItems ? masked : Job{}, k);
    Job known = masked;
    known.history = false;  // which KGCN cannot score
    ExpectRankerAgrees(device.get(), *kgcn, k < kItems ? known : Job{}, k);
    if (HasFailure()) return;
  }
}

TEST(DeviceRank, SaysWhatItCannotDo) {
  UNDULA_OPEN_DEVICE(device);
  Exec cpu(nullptr);
  const auto scorer = RippleScorer(Ripple(16, 2, "replace", "paper", true));
  EXPECT_EQ(scorer->MakeDeviceRanker(&cpu).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(RippleScorer(Ripple(65, 1, "replace", "paper", true))
                ->MakeDeviceRanker(device.get())
                .status()
                .code(),
            absl::StatusCode::kUnimplemented);
  KgcnOptions two = OneHop(16, "sum", true);
  two.hops = 2;
  EXPECT_EQ(KgcnScorerOf(two)->MakeDeviceRanker(device.get()).status().code(),
            absl::StatusCode::kUnimplemented);
  propagation::SetSharedMemory(device.get(), 1024);
  EXPECT_EQ(scorer->MakeDeviceRanker(device.get()).status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace undula::models
