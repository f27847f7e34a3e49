// The folded scorer: agreement with the training pass, bits, explanations, errors; and its kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/status.h"
#include "propagation/ops/relation_mix_simd.h"
#include "propagation/ops/relation_mix_train_simd.h"
#include "tests/models/kgcn_fixture.h"

namespace undula::models {
namespace {

struct Setting {
  int64_t dim, hops, neighbors;
  const char* aggregator;
  bool kg;
};
const Setting kSettings[] = {
    {16, 1, 6, "sum", true},     {5, 1, 0, "concat", true}, {40, 1, 6, "neighbor", true},
    {64, 2, 4, "sum", true},     {7, 2, 4, "concat", true}, {32, 3, 3, "sum", true},
    {5, 3, 3, "neighbor", true}, {16, 2, 4, "sum", false},  {16, 1, 4, "concat", false},
};

std::shared_ptr<Snapshot> World() {
  auto s = RandomSnapshot(60, 20, 9, 25, 150, 4);
  // One item without edges, two without a link.
  s->links.ptr.push_back(s->links.ptr.back());
  s->links.ptr.push_back(s->links.ptr.back());
  s->n_items += 2;
  s->by_item.ptr.resize(s->n_items + size_t{1}, 0);
  return s;
}

std::unique_ptr<Kgcn> Made(const Setting& t, DType dtype = DType::kF32) {
  KgcnOptions o;
  o.dim = t.dim;
  o.hops = t.hops;
  o.neighbors = t.neighbors;
  o.aggregator = t.aggregator;
  o.kg = t.kg;
  o.preset = "paper";
  const auto snapshot = World();
  auto model = BuiltKgcn(kKgcnSpec, o, snapshot, RandomRows(*snapshot, 6, 1), dtype);
  Randomize(model.get(), 0.5, 8);
  return model;
}

TEST(KgcnScorerTest, FoldedScoresAreThoseOfTraining) {
  for (const Setting& t : kSettings) {
    SCOPED_TRACE(Concat(t.aggregator, " d ", t.dim, " hops ", t.hops, " K ", t.neighbors));
    const auto model = Made(t);
    TaskArena workers(1);
    const auto scorer = *model->MakeScorer(workers);
    std::vector<LabeledPair> rows;
    for (uint32_t u = 0; u < 9; ++u) {
      for (uint32_t i = 0; i < scorer->n_items(); ++i) rows.push_back({UserId{u}, ItemId{i}, 1});
    }
    const TinyBatch batch(rows, 100);
    const std::vector<double> want = RunForward(model.get(), batch.batch).scores;
    std::vector<double> got;
    for (uint32_t u = 0; u < 9; ++u) {
      std::vector<float> scores(scorer->n_items());
      propagation::Arena arena;
      ASSERT_TRUE(scorer->Score({UserId{u}, {}}, {0, scorer->n_items()}, scores, arena).ok());
      got.insert(got.end(), scores.begin(), scores.end());
      // The bits do not depend on what else is scored.
      for (uint32_t i = 0; i < scorer->n_items(); i += 3) {
        const ItemId item{i};
        float one = 0;
        ASSERT_TRUE(
            scorer->ScoreItems({UserId{u}, {}}, std::span(&item, 1), std::span(&one, 1), arena)
                .ok());
        EXPECT_EQ(one, scores[i]);
      }
    }
    EXPECT_LE(MaxDifference(got, want), 2e-6 * std::max(1.0, MaxAbs(want)));
  }
}

TEST(KgcnScorerTest, FarApartScoresStayFinite) {
  const auto model = Made(kSettings[0]);
  std::vector<double> relation = Values(model->parameters()->Find("relation")->value);
  for (double& x : relation) x *= 500;
  SetParameter(model.get(), "relation", relation);
  TaskArena workers(1);
  const auto scorer = *model->MakeScorer(workers);
  std::vector<float> scores(scorer->n_items());
  propagation::Arena arena;
  for (uint32_t u = 0; u < 9; ++u) {
    ASSERT_TRUE(scorer->Score({UserId{u}, {}}, {0, scorer->n_items()}, scores, arena).ok());
    for (const float s : scores) EXPECT_TRUE(std::isfinite(s));
  }
}

TEST(KgcnScorerTest, ExplanationsFollowTheSample) {
  for (const Setting& t : {kSettings[0], kSettings[3]}) {
    const auto model = Made(t);
    TaskArena workers(1);
    const auto scorer = *model->MakeScorer(workers);
    const auto snapshot = World();
    const auto why = scorer->Explain({UserId{2}, {}}, ItemId{3});
    ASSERT_TRUE(why.ok()) << why.status();
    ASSERT_EQ(why->hops.size(), static_cast<size_t>(t.hops));
    for (const auto& hop : why->hops) {
      double sum = 0;
      for (const AttentionSlot& slot : hop) {
        sum += static_cast<double>(slot.weight);
        bool in_graph = false;  // the triple is as the graph has it
        for (int64_t e = snapshot->out.ptr[Index(slot.head)];
             e < snapshot->out.ptr[Index(slot.head) + 1]; ++e) {
          in_graph = in_graph || (snapshot->out.relation[e] == slot.relation &&
                                  snapshot->out.entity[e] == slot.tail);
        }
        EXPECT_TRUE(in_graph);
      }
      EXPECT_NEAR(sum, 1, 1e-5);
    }
    for (const AttentionSlot& slot : why->hops[0]) EXPECT_EQ(slot.from(), EntityId{3});
    // An item without a link has no neighborhood to show.
    const auto none = scorer->Explain({UserId{2}, {}}, ItemId{26});
    ASSERT_TRUE(none.ok()) << none.status();
    EXPECT_TRUE(none->hops.empty());
  }
}

TEST(KgcnScorerTest, ScoresWithoutSomeTriples) {
  for (const Setting& t : kSettings) {
    const auto model = Made(t);
    TaskArena workers(1);
    const auto scorer = *model->MakeScorer(workers);
    for (uint32_t i = 0; i < scorer->n_items(); ++i) {
      const UserQuery query{UserId{2}, {}};
      const auto why = scorer->Explain(query, ItemId{i});
      ASSERT_TRUE(why.ok()) << why.status();
      const double score = static_cast<double>(why->score);
      const auto without = [&](int hop, std::span<const AttentionSlot> removed) {
        const auto changed = scorer->ScoreWithout(query, ItemId{i}, hop, removed);
        EXPECT_TRUE(changed.ok()) << changed.status();
        return static_cast<double>(changed.value_or(0));
      };
      // Nothing removed, or what the model does not look at.
      const AttentionSlot foreign{EntityId{9999}, RelationId{0}, EntityId{9998}, 0};
      EXPECT_NEAR(without(0, {}), score, 1e-5);
      EXPECT_NEAR(without(0, std::span(&foreign, 1)), score, 1e-5);
      if (why->hops.empty()) continue;
      const auto& first = why->hops[0];
      const std::span slot(first.data(), 1);
      if (t.hops == 1) {
        EXPECT_EQ(without(0, slot), without(1, slot));
      }
      // All edges of the item: its message is zero, whatever their weights were; and what it is
      // when they are removed one after the other in any order.
      const double alone = without(1, first);
      std::vector<AttentionSlot> reversed(first.rbegin(), first.rend());
      EXPECT_EQ(without(1, reversed), alone);
    }
    EXPECT_EQ(scorer->ScoreWithout({UserId{2}, {}}, ItemId{3}, 9, {}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(KgcnScorerTest, Errors) {
  const auto model = Made(kSettings[0]);
  TaskArena workers(1);
  const auto scorer = *model->MakeScorer(workers);
  std::vector<float> scores(3);
  propagation::Arena arena;
  const ItemId history[] = {ItemId{1}};
  EXPECT_EQ(scorer->Score({kNone<UserId>, history}, {0, 3}, scores, arena).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(scorer->Score({UserId{77}, {}}, {0, 3}, scores, arena).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(scorer->Score({UserId{0}, {}}, {25, 28}, scores, arena).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(scorer->Explain({UserId{0}, {}}, ItemId{99}).status().code(),
            absl::StatusCode::kNotFound);
}

std::vector<float> Floats(size_t n, uint32_t seed, float scale = 1) {
  const Rng rng(9, RngStream::kTest, seed);
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = scale * (2 * rng.Uniform(i) - 1);
  return out;
}

// All kernels on random input, their outputs one after the other.
std::vector<float> RunKernels(propagation::simd::Target target, int64_t pad) {
  const auto& kernels = propagation::GetMixKernels(target);
  constexpr int64_t kRelations = 21, kRelationPad = 32, kCells = 39;  // a block of 32, 4 and 3
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> relation, value_row, position, list;
  std::vector<float> count;
  const Rng rng(4, RngStream::kTest);
  for (uint32_t c = 0; c < kCells; ++c) {
    for (uint32_t s = 0; s < c % 7; ++s) {
      relation.push_back(rng.Below(3 * relation.size(), kRelations));
      value_row.push_back(rng.Below(3 * relation.size() + 1, kCells));
      count.push_back(static_cast<float>(1 + s));
    }
    ptr.push_back(static_cast<int64_t>(relation.size()));
    position.push_back((c * 7 + 3) % kCells);
    list.push_back((c * 3) % kCells);
  }
  const auto n = static_cast<size_t>(pad);
  const std::vector<float> user = Floats(n, 1), relations = Floats(n * kRelationPad, 2, 3);
  const std::vector<float> base = Floats(n * kCells, 3, 2), value = Floats(n * relation.size(), 4);
  std::vector<float> x(kRelationPad), out;
  kernels.exponentials(user.data(), pad, relations.data(), kRelations, kRelationPad, 0.7f,
                       x.data());
  out.insert(out.end(), x.begin(), x.begin() + kRelations);
  propagation::MixCells cells;
  cells.pad = pad;
  cells.slot_ptr = ptr.data();
  cells.relation = relation.data();
  cells.count = count.data();
  cells.base = base.data();
  cells.value = value.data();
  std::vector<float> rows(n * kCells), scores(kCells);
  for (const auto activation : {propagation::Activation::kNone, propagation::Activation::kTanh,
                                propagation::Activation::kRelu}) {
    kernels.mix(cells, list.data(), kCells, x.data(), 1.5f, activation, nullptr, rows.data());
    out.insert(out.end(), rows.begin(), rows.end());
    kernels.mix(cells, list.data(), kCells, x.data(), 1.5f, activation, user.data(), scores.data());
    out.insert(out.end(), scores.begin(), scores.end());
    kernels.finish(rows.data(), kCells, pad, user.data(), activation);
    out.insert(out.end(), rows.begin(), rows.end());
  }
  cells.base_row = position.data();
  cells.value_row = value_row.data();
  cells.position = position.data();
  kernels.mix(cells, list.data(), kCells, x.data(), 1, propagation::Activation::kNone, nullptr,
              rows.data());
  out.insert(out.end(), rows.begin(), rows.end());
  return out;
}

TEST(MixKernelsTest, SameBitsOnEveryTarget) {
  using propagation::simd::Target;
  for (const int64_t pad : {16, 32, 48, 64}) {
    const std::vector<float> scalar = RunKernels(Target::kScalar, pad);
    for (const Target target : {Target::kAvx2, Target::kAvx512}) {
      const std::vector<float> other = RunKernels(target, pad);
      ASSERT_EQ(other.size(), scalar.size());
      EXPECT_EQ(std::memcmp(scalar.data(), other.data(), scalar.size() * sizeof(float)), 0)
          << propagation::simd::TargetName(target) << " " << pad;
    }
  }
}

std::vector<float> RunTrainKernels(propagation::simd::Target target, int64_t d, int64_t m,
                                   bool by_table) {
  const auto& kernels = propagation::GetMixTrainKernels(target);
  const std::vector<int64_t> row_ptr = {0, 3, 3, 4, 9, 10}, slot_ptr = {0, 4, 6, 7, 7, 30};
  std::vector<int64_t> weight_ptr = {0};
  for (size_t g = 0; g + 1 < row_ptr.size(); ++g) {
    weight_ptr.push_back(weight_ptr.back() +
                         (row_ptr[g + 1] - row_ptr[g]) * (slot_ptr[g + 1] - slot_ptr[g]));
  }
  std::vector<uint32_t> relation, value_row;
  std::vector<float> count;
  for (uint32_t s = 0; s < 30; ++s) {
    relation.push_back(s / 2 % 5);
    value_row.push_back(s * 7 % 11);
    count.push_back(static_cast<float>(1 + s % 3));
  }
  const auto width = static_cast<size_t>(d), columns = static_cast<size_t>(m);
  const std::vector<float> q = Floats(10 * width, 1), relations = Floats(5 * width, 2);
  const std::vector<float> values = Floats(11 * columns, 3), base = Floats(5 * columns, 4);
  const std::vector<float> g_out = Floats(10 * columns, 5);
  const std::vector<uint32_t> query_row = {1, 0, 2, 2, 1, 0, 0, 2, 1, 1};
  std::vector<float> table = Floats(3 * 16, 7);
  for (float& x : table) x = std::fabs(x) + 0.1f;
  std::vector<float> all;
  std::vector<float> scratch(static_cast<size_t>(propagation::MixTrainScratch(23, d, m)));
  for (const auto activation : {propagation::Activation::kNone, propagation::Activation::kTanh,
                                propagation::Activation::kRelu}) {
    std::vector<float> weights(static_cast<size_t>(weight_ptr.back())), out(10 * columns);
    std::vector<float> dq(10 * width), dbase(5 * columns), dslot(30 * columns),
        drelation(5 * width);
    const std::vector<float> dweights = Floats(weight_ptr.back(), 6);
    propagation::MixTrainArgs a;
    a.row_ptr = row_ptr.data();
    a.slot_ptr = slot_ptr.data();
    a.weight_ptr = weight_ptr.data();
    a.relation = relation.data();
    a.value_row = value_row.data();
    a.count = count.data();
    a.d = d;
    a.m = m;
    a.q = q.data();
    a.relations = relations.data();
    a.values = values.data();
    a.base = base.data();
    a.scale = 0.9f;
    a.gain = 1.5f;
    a.activation = activation;
    a.weights = weights.data();
    a.out = out.data();
    a.g_out = g_out.data();
    a.dweights = dweights.data();
    a.dq = dq.data();
    a.dbase = dbase.data();
    a.dslot = dslot.data();
    a.drelation = drelation.data();
    std::vector<float> dscore(static_cast<size_t>(weight_ptr.back()));
    if (by_table) {
      a.table = table.data();
      a.table_width = 16;
      a.query_row = query_row.data();
      a.dscore = dscore.data();
    }
    kernels.forward(a, 0, 5, scratch.data());
    kernels.backward(a, 0, 5, scratch.data());
    for (const auto* part : {&weights, &out, &dq, &dbase, &dslot, &drelation, &dscore}) {
      all.insert(all.end(), part->begin(), part->end());
    }
  }
  return all;
}

TEST(MixKernelsTest, TrainingHasTheSameBitsOnEveryTarget) {
  using propagation::simd::Target;
  for (const int64_t d : {16, 32, 48}) {
    for (const int64_t m : {int64_t{16}, d}) {
      for (const bool by_table : {false, true}) {
        const std::vector<float> scalar = RunTrainKernels(Target::kScalar, d, m, by_table);
        for (const Target target : {Target::kAvx2, Target::kAvx512}) {
          const std::vector<float> other = RunTrainKernels(target, d, m, by_table);
          ASSERT_EQ(other.size(), scalar.size());
          EXPECT_EQ(std::memcmp(scalar.data(), other.data(), scalar.size() * sizeof(float)), 0)
              << propagation::simd::TargetName(target) << " " << d << " " << m << " " << by_table;
        }
      }
    }
  }
}

TEST(MixKernelsTest, TanhIsAccurate) {
  const auto& kernels = propagation::GetMixKernels();
  for (double start = -12; start < 12; start += 0.01) {
    float z[16], zero[16] = {};
    for (int i = 0; i < 16; ++i) z[i] = static_cast<float>(start + 0.01 * i / 16);
    float y[16];
    std::memcpy(y, z, sizeof(z));
    kernels.finish(y, 1, 16, zero, propagation::Activation::kTanh);
    for (int i = 0; i < 16; ++i) {
      const double want = std::tanh(static_cast<double>(z[i]));
      EXPECT_NEAR(static_cast<double>(y[i]), want, 4e-7 * std::fabs(want)) << z[i];
    }
  }
}

}  // namespace
}  // namespace undula::models
