// The forms of RippleNet's scorer: equal to each other, chosen by the multiply-adds they need.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "models/ripplenet/score_form.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {
namespace {

constexpr const char* kUpdates[] = {"replace", "plus", "replace_transform", "plus_transform"};

// All combinations that can work, for one shape.
std::vector<RippleNetOptions> Modes(int dim, int memory, int hops) {
  std::vector<RippleNetOptions> modes;
  for (const char* update : kUpdates) {
    for (const char* scoring : {"paper", "code"}) {
      for (const bool all_hops : {true, false}) {
        RippleNetOptions o;
        o.dim = dim;
        o.memory = memory;
        o.hops = hops;
        o.item_update = update;
        o.scoring = scoring;
        o.using_all_hops = all_hops;
        if (CheckRippleNetOptions(o).ok()) modes.push_back(o);
      }
    }
  }
  return modes;
}

std::string Name(const RippleNetOptions& o) {
  return o.item_update + " " + o.scoring + (o.using_all_hops ? " all" : " last") + " d " +
         std::to_string(o.dim) + " M " + std::to_string(o.memory) + " H " + std::to_string(o.hops);
}

struct World {
  std::shared_ptr<Snapshot> snapshot = RandomSnapshot(120, 4, 12, 70, 500, 3);
  TaskArena workers{1};
  RippleNet model;

  explicit World(const RippleNetOptions& o) : model(o, DType::kF32) {
    const auto rows = RandomRows(*snapshot, 8, 4);
    EXPECT_TRUE(model.Build(MakeTrainingData(snapshot, rows, 1), workers).ok());
    // Logits of a few units whatever the dimension: neither uniform weights nor a single one.
    Randomize(&model, 1.2 / std::sqrt(std::sqrt(static_cast<double>(o.dim))), 5);
    if (auto* w = model.parameters()->Find("transform")) {
      std::vector<double> values = Values(w->value);
      for (double& x : values) x *= 1.5 / std::sqrt(static_cast<double>(o.dim));
      SetValues(values, w);
    }
  }
};

std::vector<float> Scores(const Scorer& scorer, const UserQuery& query, ItemRange range) {
  std::vector<float> out(range.size());
  propagation::Arena arena;
  const absl::Status status = scorer.Score(query, range, out, arena);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

// Relative to the largest score. (o_H W) . o_H, the one score that holds no v_0, is a difference of
// terms far larger than itself.
TEST(RippleNetForms, BlockEqualsDirect) {
  for (const auto& [dim, memory, hops] : std::vector<std::tuple<int, int, int>>{
           {16, 32, 2}, {64, 16, 2}, {64, 33, 2}, {5, 7, 1}, {20, 4, 3}}) {
    for (const RippleNetOptions& o : Modes(dim, memory, hops)) {
      const bool cancels = !AddsAddress(o) && !PaperScoring(o) && !o.using_all_hops;
      World w(o);
      const auto direct = *w.model.MakeScorerOf(ScoreForm::kDirect);
      const auto block = *w.model.MakeScorerOf(ScoreForm::kBlock);
      const ItemId history[] = {ItemId{4}, ItemId{9}};
      for (const UserQuery& query : {UserQuery{UserId{0}, {}}, UserQuery{UserId{5}, {}},
                                     UserQuery{kNone<UserId>, history}}) {
        const std::vector<float> a = Scores(*direct, query, {0, 70});
        const std::vector<float> b = Scores(*block, query, {0, 70});
        const std::vector<double> want(a.begin(), a.end());
        EXPECT_LE(MaxDifference({b.begin(), b.end()}, want), (cancels ? 5e-6 : 1e-6) * MaxAbs(want))
            << Name(o);
      }
    }
  }
}

TEST(RippleNetForms, BlockExplainsAndForgetsAsDirect) {
  for (const RippleNetOptions& o : Modes(20, 12, 2)) {
    World w(o);
    const auto direct = *w.model.MakeScorerOf(ScoreForm::kDirect);
    const auto block = *w.model.MakeScorerOf(ScoreForm::kBlock);
    const UserQuery query{UserId{1}, {}};
    const auto a = direct->Explain(query, ItemId{7});
    const auto b = block->Explain(query, ItemId{7});
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(b->score, Scores(*block, query, {7, 8})[0]) << Name(o);
    ASSERT_EQ(a->hops.size(), b->hops.size());
    for (size_t hop = 0; hop < a->hops.size(); ++hop) {
      std::map<std::tuple<uint32_t, uint32_t, uint32_t>, float> weights;
      for (const AttentionSlot& s : a->hops[hop]) {
        weights[{Index(s.head), Index(s.relation), Index(s.tail)}] = s.weight;
      }
      ASSERT_EQ(b->hops[hop].size(), weights.size());
      for (const AttentionSlot& s : b->hops[hop]) {
        EXPECT_NEAR(s.weight, (weights[{Index(s.head), Index(s.relation), Index(s.tail)}]), 2e-6);
      }
      // One slot gone, and the whole hop.
      for (const size_t removed : {size_t{1}, a->hops[hop].size()}) {
        const auto slots = std::span(a->hops[hop]).first(removed);
        const float x = *direct->ScoreWithout(query, ItemId{7}, static_cast<int>(hop) + 1, slots);
        const float y = *block->ScoreWithout(query, ItemId{7}, static_cast<int>(hop) + 1, slots);
        EXPECT_NEAR(x, y, 5e-6 * std::max(1.0f, std::fabs(x))) << Name(o) << " " << removed;
      }
    }
  }
}

TEST(RippleNetForms, BitsOfTheBlockFormDoNotDependOnTheRange) {
  for (const RippleNetOptions& o : Modes(64, 16, 2)) {
    World w(o);
    const auto block = *w.model.MakeScorerOf(ScoreForm::kBlock);
    const std::vector<float> all = Scores(*block, {UserId{2}, {}}, {0, 70});
    for (const auto& [begin, end] :
         std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}, {3, 68}, {69, 70}, {9, 9}}) {
      EXPECT_EQ(Scores(*block, {UserId{2}, {}}, {begin, end}),
                std::vector<float>(all.begin() + begin, all.begin() + end));
    }
    // A scorer that chooses gives the bits of the form it names.
    const int64_t slots[] = {16, 16};
    const auto chosen = *w.model.MakeScorerOf(ChooseForm(o, 64, slots));
    EXPECT_EQ(Scores(**w.model.MakeScorer(w.workers), {UserId{2}, {}}, {0, 70}),
              Scores(*chosen, {UserId{2}, {}}, {0, 70}))
        << Name(o);
  }
}

// The counts of docs/models/ripplenet.md.
TEST(RippleNetForms, MultiplyAddsOfAPair) {
  const auto cost = [](ScoreForm form, const char* update, const char* scoring, int dim, int m) {
    RippleNetOptions o;
    o.item_update = update;
    o.scoring = scoring;
    const int64_t slots[] = {m, m};
    return PairCost(form, o, dim, slots);
  };
  EXPECT_EQ(cost(ScoreForm::kDirect, "plus_transform", "code", 64, 16), 12288);
  EXPECT_EQ(cost(ScoreForm::kUnrolled, "plus_transform", "code", 64, 16), 7168);
  EXPECT_EQ(cost(ScoreForm::kBlock, "plus_transform", "code", 64, 16), 5120);
  EXPECT_EQ(cost(ScoreForm::kDirect, "replace", "paper", 64, 32), 8192);
  EXPECT_EQ(cost(ScoreForm::kBlock, "replace", "paper", 64, 32), 7168);
  EXPECT_EQ(cost(ScoreForm::kDirect, "replace", "paper", 16, 32), 2048);
  EXPECT_EQ(cost(ScoreForm::kBlock, "replace", "paper", 16, 32), 2560);
  EXPECT_EQ(cost(ScoreForm::kDirect, "replace_transform", "code", 64, 64), 24576);
  EXPECT_EQ(cost(ScoreForm::kBlock, "replace_transform", "code", 64, 64), 16384);
}

// Why unrolled was not built: it needs the fewest only with a transform and the last hop alone in
// the user vector, and saves less than a sixth then.
TEST(RippleNetForms, UnrolledIsNeverWorthIt) {
  int64_t ahead = 0;
  for (int dim = 16; dim <= 128; dim += 16) {
    for (int memory = 16; memory <= 128; memory += 16) {
      for (int hops = 1; hops <= 4; ++hops) {
        for (const RippleNetOptions& o : Modes(dim, memory, hops)) {
          const std::vector<int64_t> slots(static_cast<size_t>(hops), memory);
          const int64_t unrolled = PairCost(ScoreForm::kUnrolled, o, dim, slots);
          const int64_t other = std::min(PairCost(ScoreForm::kDirect, o, dim, slots),
                                         PairCost(ScoreForm::kBlock, o, dim, slots));
          if (unrolled >= other) continue;
          ++ahead;
          EXPECT_TRUE(HasTransform(o) && !o.using_all_hops) << Name(o);
          EXPECT_LT(6 * (other - unrolled), other) << Name(o);
        }
      }
    }
  }
  EXPECT_GT(ahead, 0);
}

}  // namespace
}  // namespace undula::models
