// Label smoothness of KGNN-LS: section 10 of the specification.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "tests/models/kgcn_fixture.h"

namespace undula::models {
namespace {

// Users who know some of the items 0 .. 5 of 12 entities.
std::vector<LabeledPair> Table() {
  std::vector<LabeledPair> rows;
  for (uint32_t u = 0; u < 4; ++u) {
    for (uint32_t i = 0; i < 6; ++i) {
      if ((u + i) % 3 != 0) rows.push_back({UserId{u}, ItemId{i}, i % 2 == 0 ? 1.0f : 0.0f});
    }
  }
  return rows;
}

std::unique_ptr<Kgcn> Smooth(int64_t hops, double ls_weight, const char* preset = "paper",
                             bool ls_prob = false, const ModelSpec& spec = kKgnnLsSpec) {
  KgcnOptions o;
  o.dim = 3;
  o.hops = hops;
  o.neighbors = 3;
  o.preset = preset;
  o.l2_weight = 0.01;
  o.ls_weight = ls_weight;
  o.ls_prob = ls_prob;
  const auto snapshot = TinySnapshot(12, 3, 4, {{0, 0, 1}}, {0, 1, 2, 3, 4, 5});
  auto model = BuiltKgcn(spec, o, snapshot, Table());
  // Items among the neighbors, items that come back to themselves at depth 2 and 3, repeats.
  std::vector<uint32_t> entity, relation;
  const Rng rng(5, RngStream::kTest);
  for (uint32_t e = 0; e < 12; ++e) {
    for (uint32_t k = 0; k < 3; ++k) {
      entity.push_back(e < 6 && k == 0    ? e + 6
                       : e >= 6 && k == 0 ? e - 6
                                          : rng.Below(3 * e + k, 12));
      relation.push_back(rng.Below(100 + 3 * e + k, 3));
    }
  }
  const absl::Status status = model->SetNeighbors(3, entity, relation);
  EXPECT_TRUE(status.ok()) << status;
  Randomize(model.get(), 0.8, 3);
  return model;
}

// L(e, t) of label_tree.h, written out.
class Recursion {
 public:
  explicit Recursion(Kgcn* model, double gain) : model_(model), gain_(gain) {
    options_ = static_cast<const KgcnOptions*>(model->options());
    user_ = Values(model->parameters()->Find("user")->value);
    relation_ = Values(model->parameters()->Find("relation")->value);
    for (const LabeledPair& p : Table()) table_[{Index(p.user), Index(p.item)}] = p.label;
  }
  double Label(uint32_t u, uint32_t item, uint32_t e, int t) {
    const auto it = table_.find({u, e});
    const double known = e == item || it == table_.end() ? 0.5 : static_cast<double>(it->second);
    if (t > 0 && known != 0.5) return known;
    if (t == options_->hops) return 0.5;
    const auto& s = model_->sample();
    double sum = 0, total = 0;
    for (int64_t i = s.ptr[e]; i < s.ptr[e + 1]; ++i) {
      double score = 0;
      for (int64_t c = 0; c < options_->dim; ++c) {
        score += user_[u * options_->dim + c] * relation_[s.relation[i] * options_->dim + c];
      }
      const double w = static_cast<double>(s.count[i]) * std::exp(ScoreScale(*options_) * score);
      sum += w * Label(u, item, s.entity[i], t + 1);
      total += w;
    }
    return gain_ * sum / total;
  }

 private:
  Kgcn* model_;
  double gain_;
  const KgcnOptions* options_;
  std::vector<double> user_, relation_;
  std::map<std::pair<uint32_t, uint32_t>, float> table_;
};

TEST(LabelSmoothness, IsTheClampedRecursion) {  // spec 10.7: v at depth 2 reads 1/2
  const TinyBatch batch(Table(), 1);
  for (const int64_t hops : {1, 2, 3}) {
    for (const char* preset : {"paper", "code"}) {
      const auto model = Smooth(hops, 1, preset);
      ASSERT_TRUE(model->label_smoothness());
      const KgcnForward f = RunForward(model.get(), batch.batch);
      Recursion recursion(model.get(), preset == std::string("code") ? 1.0 / 3 : 1.0);
      bool differs = false;
      for (size_t i = 0; i < batch.users.size(); ++i) {
        const uint32_t u = batch.users[i], v = batch.items[i];
        EXPECT_NEAR(f.labels[i], recursion.Label(u, v, v, 0), 1e-14) << hops << " " << i;
        // Without holding v out, some predictions would be others.
        differs = differs || std::fabs(recursion.Label(u, 11, v, 0) - f.labels[i]) > 1e-3;
      }
      EXPECT_TRUE(differs);
      EXPECT_GT(model->labels().known(), 0);
      EXPECT_LT(model->labels().known(), model->labels().seen());
    }
  }
}

TEST(LabelSmoothness, GradientsAgreeWithFiniteDifferences) {  // spec 10.7, 10.9
  const TinyBatch batch(Table(), 1);
  for (const int64_t hops : {1, 2, 3}) {
    for (const bool prob : {false, true}) {
      const auto model = Smooth(hops, 5, "paper", prob);
      const StepResult step = RunStep(model.get(), batch.batch);
      const auto& all = model->parameters()->all();
      for (size_t p = 0; p < all.size(); ++p) {
        const std::vector<double> values = Values(all[p]->value);
        for (size_t i = 0; i < values.size(); ++i) {
          std::vector<double> moved = values;
          moved[i] += 1e-5;
          SetValues(moved, all[p].get());
          const double up = RunForward(model.get(), batch.batch).loss;
          moved[i] -= 2e-5;
          SetValues(moved, all[p].get());
          const double down = RunForward(model.get(), batch.batch).loss;
          EXPECT_NEAR(step.gradients[p][i], (up - down) / 2e-5,
                      1e-6 * std::max(MaxAbs(step.gradients[p]), 1e-3))
              << all[p]->name << " " << i << " hops " << hops;
        }
        SetValues(values, all[p].get());
      }
      // It moves users and relations, never entities and matrices.
      const StepResult without = RunStep(Smooth(hops, 0, "paper").get(), batch.batch);
      EXPECT_GT(MaxDifference(step.gradients[0], without.gradients[0]), 1e-4);
      EXPECT_GT(MaxDifference(step.gradients[2], without.gradients[2]), 1e-4);
      EXPECT_LE(MaxDifference(step.gradients[1], without.gradients[1]), 1e-15);
      EXPECT_LE(MaxDifference(step.gradients[3], without.gradients[3]), 1e-15);
    }
  }
}

TEST(LabelSmoothness, HasTheSameBitsForAnyNumberOfThreads) {
  // Float32, d = 16: the tuned kernels, relation scores by table (4 relations, 400 rows).
  KgcnOptions o;
  o.hops = 2;
  o.neighbors = 6;
  o.preset = "paper";
  const auto snapshot = RandomSnapshot(300, 4, 40, 100, 2000, 2);
  const std::vector<LabeledPair> rows = RandomRows(*snapshot, 10, 3);
  const TinyBatch batch(rows, 1);
  std::vector<StepResult> steps;
  for (const int threads : {1, 2, 4}) {
    const auto model = BuiltKgcn(kKgnnLsSpec, o, snapshot, rows, DType::kF32);
    ASSERT_TRUE(model->label_smoothness());
    Randomize(model.get(), 0.5, 3);
    TaskArena workers(threads);
    steps.push_back(RunStep(model.get(), batch.batch, 2, &workers));
    EXPECT_GT(model->labels().known(), 0);
    EXPECT_EQ(steps.back().loss, steps.front().loss) << threads;
    EXPECT_EQ(steps.back().gradients, steps.front().gradients) << threads;
  }
  EXPECT_GT(MaxAbs(steps[0].gradients[0]), 0);
}

TEST(LabelSmoothness, OfUnknownNeighborsIsConstant) {  // spec 10.2
  // Item 5 has neighbors without labels only; item 0 has item 1, which the user likes.
  KgcnOptions o;
  o.dim = 2;
  o.neighbors = 2;
  o.preset = "code";
  o.l2_weight = 0;
  o.ls_weight = 1;
  const std::vector<LabeledPair> rows = {{UserId{0}, ItemId{0}, 1}, {UserId{0}, ItemId{1}, 1}};
  const auto snapshot = TinySnapshot(5, 2, 1, {{0, 0, 1}, {2, 0, 3}, {2, 1, 4}}, {0, 1, 2});
  const auto model = BuiltKgcn(kKgnnLsSpec, o, snapshot, rows);
  ASSERT_TRUE(model->label_smoothness());
  Randomize(model.get(), 0.5, 1);
  SetParameter(model.get(), "entity", std::vector<double>(10, 0));  // no gradient from the scores
  SetParameter(model.get(), "bias_0", {0, 0});
  const TinyBatch batch({{UserId{0}, ItemId{2}, 1}}, 1);
  EXPECT_EQ(RunForward(model.get(), batch.batch).labels, std::vector<double>{0.25});
  const StepResult step = RunStep(model.get(), batch.batch);
  EXPECT_EQ(MaxAbs(step.gradients[0]), 0);
  EXPECT_EQ(MaxAbs(step.gradients[2]), 0);
}

TEST(LabelSmoothness, OnABipartiteGraphIsLeftOut) {  // spec 10.8
  // Items 0 .. 5 point to attributes only.
  std::vector<TinyTriple> triples;
  for (uint32_t i = 0; i < 6; ++i) {
    triples.push_back({i, i % 2, 6 + i % 3});
    triples.push_back({i, 2, 9 + i % 2});
  }
  const auto snapshot = TinySnapshot(12, 3, 4, triples, {0, 1, 2, 3, 4, 5});
  const TinyBatch batch(Table(), 1);
  std::vector<StepResult> steps;
  for (const double weight : {0.0, 0.1, 100.0}) {
    KgcnOptions o;
    o.dim = 3;
    o.ls_weight = weight;
    const auto model = BuiltKgcn(kKgnnLsSpec, o, snapshot, Table());
    EXPECT_FALSE(model->label_smoothness());
    EXPECT_NE(model->Describe().find("label smoothness"), std::string::npos);
    if (weight > 0) {
      EXPECT_NE(model->Describe().find("left out"), std::string::npos);
    }
    steps.push_back(RunStep(model.get(), batch.batch));
    EXPECT_EQ(steps.back().loss, steps.front().loss);
    EXPECT_EQ(steps.back().gradients, steps.front().gradients);
    // With two hops the label of an item is two steps from another item.
    o.hops = 2;
    EXPECT_EQ(BuiltKgcn(kKgnnLsSpec, o, snapshot, Table())->label_smoothness(), weight > 0);
  }
}

TEST(LabelSmoothness, ControlsTurnItOff) {
  EXPECT_FALSE(Smooth(2, 1, "paper", false, kKgcnSpec)->label_smoothness());
  const auto snapshot = TinySnapshot(3, 1, 4, {{0, 0, 1}, {1, 0, 2}}, {0, 1, 2, 0, 1, 2});
  for (const bool kg : {true, false}) {
    KgcnOptions o;
    o.kg = kg;
    o.attention = kg ? "uniform" : "user";
    EXPECT_FALSE(BuiltKgcn(kKgnnLsSpec, o, snapshot, Table())->label_smoothness());
  }
}

TEST(KnownLabelsTest, TwoItemsOfOneEntityAndLargeIds) {
  const std::vector<uint32_t> item_row = {4, 4, 2};
  const std::vector<LabeledPair> rows = {{UserId{2'999'999}, ItemId{0}, 1},
                                         {UserId{2'999'999}, ItemId{1}, 0},
                                         {UserId{1}, ItemId{2}, 0}};
  const KnownLabels labels(rows, item_row, 3'000'000, 1'000'000);
  EXPECT_EQ(labels.of(2'999'999).Find(4), 1);
  EXPECT_EQ(labels.of(1).Find(2), 0);
  EXPECT_EQ(labels.of(1).Find(4), KnownLabels::kUnknown);
  EXPECT_EQ(labels.of(0).Find(4), KnownLabels::kUnknown);
  EXPECT_FALSE(labels.of(0).Maybe(4));
  EXPECT_EQ(labels.of(2'999'999).Find(999'999), KnownLabels::kUnknown);
  EXPECT_TRUE(labels.any(4));
  EXPECT_FALSE(labels.any(3));
}

TEST(KnownLabelsTest, TheFilterMissesNothing) {
  // Users with 0 to 300 labels of 5,000 entities, some of them 1/2.
  const Rng rng(3, RngStream::kTest);
  std::vector<uint32_t> item_row(5000);
  std::iota(item_row.begin(), item_row.end(), 0);
  std::vector<LabeledPair> rows;
  std::map<std::pair<uint32_t, uint32_t>, float> want;
  for (uint32_t u = 0; u < 30; ++u) {
    for (uint32_t i = 0; i < 10 * u; ++i) {
      const uint32_t item = rng.Below(rows.size(), 5000);
      const float label = static_cast<float>(i % 3) / 2;
      rows.push_back({UserId{u}, ItemId{item}, label});
      const auto added = want.emplace(std::pair(u, item), label);
      added.first->second = std::max(added.first->second, label);
    }
  }
  const KnownLabels labels(rows, item_row, 30, 5000);
  int64_t maybe = 0, unknown = 0;
  for (uint32_t u = 0; u < 30; ++u) {
    for (uint32_t e = 0; e < 5000; ++e) {
      const auto found = want.find({u, e});
      const float label = found == want.end() ? KnownLabels::kUnknown : found->second;
      EXPECT_EQ(labels.of(u).Find(e), label) << u << " " << e;
      if (label != KnownLabels::kUnknown) {
        EXPECT_TRUE(labels.of(u).Maybe(e));
      } else {
        ++unknown;
        maybe += labels.of(u).Maybe(e) ? 1 : 0;
      }
    }
  }
  EXPECT_LT(maybe, unknown / 10);
}

}  // namespace
}  // namespace undula::models
