// KGCN's equations: items of section 10 of the specification that no oracle file covers, and
// properties.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "base/status.h"
#include "models/registry.h"
#include "tests/models/kgcn_fixture.h"

namespace undula::models {
namespace {

// Item 0 with the neighbors 1 (over relation 0) and 2 (over relation 1); one user.
std::unique_ptr<Kgcn> Hand(const ModelSpec& spec, const char* preset, const char* aggregator,
                           bool ls_prob = false) {
  KgcnOptions o;
  o.dim = 1;
  o.neighbors = 2;
  o.preset = preset;
  o.aggregator = aggregator;
  o.l2_weight = 0;
  o.ls_weight = 1;
  o.ls_prob = ls_prob;
  auto model = BuiltKgcn(spec, o, TinySnapshot(3, 2, 1, {{0, 0, 1}, {0, 1, 2}}, {0, 1, 2}),
                         {{UserId{0}, ItemId{0}, 1}, {UserId{0}, ItemId{1}, 1}});
  const absl::Status status = model->SetNeighbors(2, std::vector<uint32_t>{1, 2, 0, 0, 0, 0},
                                                  std::vector<uint32_t>{0, 1, 0, 0, 1, 1});
  EXPECT_TRUE(status.ok()) << status;
  SetParameter(model.get(), "user", {1});
  SetParameter(model.get(), "relation", {0, std::log(3.0)});
  SetParameter(model.get(), "entity", {1, 4, 8});
  SetParameter(
      model.get(), "weight_0",
      aggregator == std::string("concat") ? std::vector<double>{1, 1} : std::vector<double>{1});
  return model;
}

TEST(KgcnByHand, OneHop) {  // spec 10.1: p = (1/4, 3/4), n = 7 (paper) or 3.5 (code)
  const TinyBatch batch({{UserId{0}, ItemId{0}, 1}}, 1);
  const auto score = [&](const char* preset, const char* aggregator) {
    return RunForward(Hand(kKgcnSpec, preset, aggregator).get(), batch.batch).scores[0];
  };
  EXPECT_NEAR(score("paper", "sum"), std::tanh(8), 1e-15);
  EXPECT_NEAR(score("code", "sum"), std::tanh(4.5), 1e-15);
  EXPECT_NEAR(score("paper", "concat"), std::tanh(8), 1e-15);
  EXPECT_NEAR(score("code", "neighbor"), std::tanh(3.5), 1e-15);
}

TEST(KgcnByHand, LabelSmoothness) {  // spec 10.2: children (1, 1/2)
  const TinyBatch batch({{UserId{0}, ItemId{0}, 1}}, 1);
  const auto paper = Hand(kKgnnLsSpec, "paper", "sum");
  EXPECT_TRUE(paper->label_smoothness());
  KgcnForward f = RunForward(paper.get(), batch.batch);
  EXPECT_NEAR(f.labels[0], 0.625, 1e-15);
  EXPECT_NEAR(f.loss, std::log1p(std::exp(-f.scores[0])) + std::log1p(std::exp(-0.625)), 1e-12);
  f = RunForward(Hand(kKgnnLsSpec, "code", "sum").get(), batch.batch);
  EXPECT_NEAR(f.labels[0], 0.3125, 1e-15);
  // As a probability: a mean of labels, whatever the preset.
  f = RunForward(Hand(kKgnnLsSpec, "code", "sum", true).get(), batch.batch);
  EXPECT_NEAR(f.labels[0], 0.625, 1e-15);
  EXPECT_NEAR(f.loss, std::log1p(std::exp(-f.scores[0])) - std::log(0.625), 1e-12);
}

// A random model with its options changed by `change`.
template <class Change>
std::unique_ptr<Kgcn> Random(Change change, const ModelSpec& spec = kKgcnSpec,
                             DType dtype = DType::kF64) {
  KgcnOptions o;
  o.dim = 5;
  o.neighbors = 4;
  o.preset = "paper";
  o.l2_weight = 0;
  change(&o);
  const auto snapshot = RandomSnapshot(30, 4, 6, 12, 80, 4);
  auto model = BuiltKgcn(spec, o, snapshot, RandomRows(*snapshot, 6, 1), dtype);
  Randomize(model.get(), 0.7, 8);
  return model;
}
TinyBatch RandomBatch() {
  return TinyBatch(RandomRows(*RandomSnapshot(30, 4, 6, 12, 80, 4), 5, 2), 2);
}

TEST(KgcnProperties, EqualRelationsGiveTheMeanOfNeighbors) {  // spec 10.3
  const TinyBatch batch = RandomBatch();
  for (const int64_t hops : {1, 2}) {
    const auto model = Random([&](KgcnOptions* o) { o->hops = hops; });
    const auto uniform = Random([&](KgcnOptions* o) {
      o->hops = hops;
      o->attention = "uniform";
    });
    const std::vector<double> mean = RunForward(uniform.get(), batch.batch).scores;
    EXPECT_GT(MaxDifference(RunForward(model.get(), batch.batch).scores, mean), 1e-3);
    std::vector<double> same(4 * 5);
    for (size_t i = 0; i < same.size(); ++i) same[i] = 0.3 * static_cast<double>(i % 5) - 0.4;
    SetParameter(model.get(), "relation", same);
    EXPECT_LE(MaxDifference(RunForward(model.get(), batch.batch).scores, mean), 1e-14);
  }
}

TEST(KgcnProperties, OrderAndRepeatsOfNeighborsAreCounts) {  // spec 10.3
  const TinyBatch batch = RandomBatch();
  const auto model = Random([](KgcnOptions* o) { o->hops = 2; });
  const auto other = Random([](KgcnOptions* o) { o->hops = 2; });
  std::vector<uint32_t> entity, relation, entity_again, relation_again;
  const Rng rng(3, RngStream::kTest);
  for (uint32_t i = 0; i < 30 * 3; ++i) {
    entity.push_back(rng.Below(2 * i, 30));
    relation.push_back(rng.Below(2 * i + 1, 4));
  }
  for (size_t e = 0; e < 30; ++e) {  // twice each, in another order
    for (const size_t k : {2, 0, 1, 1, 2, 0}) {
      entity_again.push_back(entity[3 * e + k]);
      relation_again.push_back(relation[3 * e + k]);
    }
  }
  ASSERT_TRUE(model->SetNeighbors(3, entity, relation).ok());
  ASSERT_TRUE(other->SetNeighbors(6, entity_again, relation_again).ok());
  EXPECT_LE(MaxDifference(RunForward(model.get(), batch.batch).scores,
                          RunForward(other.get(), batch.batch).scores),
            1e-14);
}

TEST(KgcnProperties, AddingAVectorToEveryRelationChangesNothing) {  // spec 10.4
  const TinyBatch batch = RandomBatch();
  for (const int64_t hops : {1, 3}) {
    const auto model = Random([&](KgcnOptions* o) { o->hops = hops; });
    const std::vector<double> before = RunForward(model.get(), batch.batch).scores;
    const StepResult step = RunStep(model.get(), batch.batch);
    double largest = 0;
    for (int c = 0; c < 5; ++c) {
      double sum = 0;
      for (int r = 0; r < 4; ++r) {
        sum += step.gradients[2][r * 5 + c];
        largest = std::max(largest, std::fabs(step.gradients[2][r * 5 + c]));
      }
      EXPECT_NEAR(sum, 0, 1e-16);
    }
    EXPECT_GT(largest, 1e-5);
    std::vector<double> relation = Values(model->parameters()->Find("relation")->value);
    for (size_t i = 0; i < relation.size(); ++i) relation[i] += 0.5 - static_cast<double>(i % 5);
    SetParameter(model.get(), "relation", relation);
    EXPECT_LE(MaxDifference(RunForward(model.get(), batch.batch).scores, before), 1e-13);
  }
}

// The definition, by recursion over the tree of sampled neighbors.
class Recursion {
 public:
  explicit Recursion(Kgcn* model) : model_(model), o_(*Options(model)) {
    for (const auto& p : model->parameters()->all()) values_[p->name] = Values(p->value);
  }
  static const KgcnOptions* Options(Kgcn* m) {
    return static_cast<const KgcnOptions*>(m->options());
  }

  double Score(uint32_t user, uint32_t item) {
    const auto h = Vector(user, item, static_cast<int>(o_.hops));
    double sum = 0;
    for (size_t c = 0; c < h.size(); ++c) sum += values_["user"][user * h.size() + c] * h[c];
    return sum;
  }

 private:
  std::vector<double> Vector(uint32_t user, uint32_t e, int l) {
    const size_t d = static_cast<size_t>(o_.dim);
    if (l == 0) {
      const auto at = values_["entity"].begin() + static_cast<int64_t>(e * d);
      return {at, at + o_.dim};
    }
    const auto& s = model_->sample();
    std::vector<double> own = Vector(user, e, l - 1), mix(d, 0);
    double total = 0;
    for (int64_t i = s.ptr[e]; o_.kg && i < s.ptr[e + 1]; ++i) {
      double score = 0;
      for (size_t c = 0; c < d; ++c) {
        score += values_["user"][user * d + c] * values_["relation"][s.relation[i] * d + c];
      }
      const double w = static_cast<double>(s.count[i]) * std::exp(ScoreScale(o_) * score);
      const auto h = Vector(user, s.entity[i], l - 1);
      for (size_t c = 0; c < d; ++c) mix[c] += w * h[c];
      total += w;
    }
    for (double& x : mix) x *= total > 0 ? MessageScale(o_) / total : 0;
    std::vector<double> in = own;
    if (o_.aggregator == "sum") {
      for (size_t c = 0; c < d; ++c) in[c] += mix[c];
    } else if (o_.aggregator == "concat") {
      in.insert(in.end(), mix.begin(), mix.end());
    } else {
      in = mix;
    }
    const std::string layer = std::to_string(l - 1);
    std::vector<double> out = values_["bias_" + layer];
    for (size_t i = 0; i < in.size(); ++i) {
      for (size_t c = 0; c < d; ++c) out[c] += in[i] * values_["weight_" + layer][i * d + c];
    }
    for (double& x : out) x = l == o_.hops ? std::tanh(x) : std::max(0.0, x);
    return out;
  }

  Kgcn* model_;
  const KgcnOptions& o_;
  std::map<std::string, std::vector<double>> values_;
};

TEST(KgcnProperties, LayersAgreeWithTheRecursion) {  // spec 10.5, 10.6
  const TinyBatch batch = RandomBatch();
  for (const char* aggregator : {"sum", "concat", "neighbor"}) {
    for (const int64_t hops : {1, 2, 3}) {
      for (const int64_t neighbors : {0, 3}) {
        if (neighbors == 0 && hops > 1) continue;
        for (const bool kg : {true, false}) {
          if (!kg && aggregator == std::string("neighbor")) continue;
          SCOPED_TRACE(Concat(aggregator, " hops ", hops, " K ", neighbors, " kg ", kg));
          const auto change = [&](KgcnOptions* o) {
            o->aggregator = aggregator;
            o->hops = hops;
            o->neighbors = neighbors;
            o->kg = kg;
          };
          const auto model = Random(change);
          Recursion recursion(model.get());
          std::vector<double> want;
          for (size_t i = 0; i < batch.users.size(); ++i) {
            want.push_back(recursion.Score(batch.users[i], batch.items[i]));
          }
          EXPECT_LE(MaxDifference(RunForward(model.get(), batch.batch).scores, want), 1e-12);
          const auto rounded = Random(change, kKgcnSpec, DType::kF32);
          EXPECT_LE(MaxDifference(RunForward(rounded.get(), batch.batch).scores, want),
                    1e-5 * std::max(1.0, MaxAbs(want)));
        }
      }
    }
  }
}

TEST(KgcnProperties, WholeNeighborhoodIsTheLimitOfLargeSamples) {  // spec 10.5
  const TinyBatch batch = RandomBatch();
  const auto whole = Random([](KgcnOptions* o) { o->neighbors = 0; });
  const auto many = Random([](KgcnOptions* o) { o->neighbors = 4096; });
  const std::vector<double> a = RunForward(whole.get(), batch.batch).scores;
  const double error = MaxDifference(RunForward(many.get(), batch.batch).scores, a);
  EXPECT_LE(error, 0.05 * MaxAbs(a));
  const auto few = Random([](KgcnOptions* o) { o->neighbors = 2; });
  EXPECT_LT(4 * error, MaxDifference(RunForward(few.get(), batch.batch).scores, a));
}

TEST(KgcnProperties, ResamplingChangesTrainingOnly) {
  const TinyBatch batch = RandomBatch();
  const auto model = Random([](KgcnOptions* o) { o->resample = true; });
  TaskArena workers(1);
  TensorMap before, after;
  model->Save(&before);
  const std::vector<double> first = RunForward(model.get(), batch.batch).scores;
  ASSERT_TRUE(model->BeginEpoch(1).ok());
  const std::vector<double> second = RunForward(model.get(), batch.batch).scores;
  ASSERT_TRUE(model->BeginEpoch(2).ok());
  EXPECT_GT(MaxDifference(first, second), 1e-3);
  EXPECT_GT(MaxDifference(second, RunForward(model.get(), batch.batch).scores), 1e-3);
  ASSERT_TRUE(model->BeginEpoch(1).ok());
  EXPECT_EQ(MaxDifference(second, RunForward(model.get(), batch.batch).scores), 0);
  model->Save(&after);
  EXPECT_EQ(before.Find("state/neighbor_entity")->bytes,
            after.Find("state/neighbor_entity")->bytes);
}

TEST(KgcnProperties, RowsL2IsTheTablesInExpectation) {
  // Over one epoch of single-row batches every user row gets exactly its share.
  const auto snapshot = RandomSnapshot(30, 4, 6, 12, 80, 4);
  const std::vector<LabeledPair> rows = RandomRows(*snapshot, 6, 1);
  KgcnOptions o;
  o.dim = 3;
  o.l2_weight = 0.5;
  const auto model = BuiltKgcn(kKgcnSpec, o, snapshot, rows);
  Randomize(model.get(), 0.7, 8);
  o.l2_weight = 0;
  const auto plain = BuiltKgcn(kKgcnSpec, o, snapshot, rows);
  Randomize(plain.get(), 0.7, 8);
  std::vector<double> sum(6 * 3, 0);
  for (const LabeledPair& row : rows) {
    const TinyBatch batch({row}, 1);
    const StepResult with = RunStep(model.get(), batch.batch);
    const StepResult without = RunStep(plain.get(), batch.batch);
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += with.gradients[0][i] - without.gradients[0][i];
  }
  const std::vector<double> user = Values(model->parameters()->Find("user")->value);
  for (size_t i = 0; i < sum.size(); ++i) {
    EXPECT_NEAR(sum[i], 0.5 * user[i] * static_cast<double>(rows.size()), 1e-6) << i;
  }
}

TEST(KgcnOptionsTest, ImpossibleCombinationsAreRefused) {
  EXPECT_FALSE(MakeModel("kgcn", {{"neighbors", "0"}, {"hops", "2"}}).ok());
  EXPECT_FALSE(MakeModel("kgcn", {{"kg", "off"}, {"aggregator", "neighbor"}}).ok());
  EXPECT_FALSE(MakeModel("kgcn", {{"ls_weight", "1"}}).ok());
  EXPECT_TRUE(MakeModel("kgnn_ls", {{"ls_weight", "1"}, {"kg", "off"}}).ok());
}

}  // namespace
}  // namespace undula::models
