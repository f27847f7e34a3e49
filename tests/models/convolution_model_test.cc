#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "models/convolution/conv_model.h"
#include "models/data/batcher.h"
#include "models/train/step.h"
#include "models/train/trainer.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::Tape;
using propagation::Var;

class ConvModelTest : public testing::Test {
 protected:
  void SetUp() override {
    world_ = MakePlantedWorld(3, 10, 8);
    data_ = MakeTrainingData(world_.snapshot, world_.split.train, 5);
  }

  std::unique_ptr<ConvModel> Built(const ModelSpec& spec, const OptionMap& options,
                                   DType dtype = DType::kF32) {
    auto model = spec.make(options, dtype);
    EXPECT_TRUE(model.ok()) << model.status();
    std::unique_ptr<ConvModel> out(static_cast<ConvModel*>(model->release()));
    EXPECT_TRUE(out->Build(data_, workers_).ok());
    return out;
  }

  // The loss of one batch in an epoch, and that it has gradients of every parameter.
  double LossOf(ConvModel* model, int64_t epoch, int64_t batch_size = 64) {
    Batcher batcher = *Batcher::Create(BatchKind::kPairwise, data_,
                                       {.batch_size = batch_size, .chunk = 2, .seed = 2});
    batcher.StartEpoch(1);
    EXPECT_TRUE(model->BeginEpoch(epoch).ok());
    Exec exec(&workers_);
    TrainingStep step(model, &exec, 3);
    model->parameters()->ZeroGradients();
    const auto loss = step.Run(batcher.Get(0));
    EXPECT_TRUE(loss.ok()) << loss.status();
    return loss.ok() ? *loss : NAN;
  }

  TaskArena workers_{2};
  PlantedWorld world_;
  TrainingData data_;
};

// Layer by layer over everything = the recursion for one node alone.
TEST_F(ConvModelTest, OneNodeAloneIsTheNodeAmongAll) {
  for (const ModelSpec* spec : {&kPinSageSpec, &kGraphSageSpec}) {
    const auto model = Built(*spec, {{"dim", "8"}, {"hidden", "8"}, {"layers", "2"}});
    const ConvState& s = model->state();
    std::vector<std::vector<uint32_t>> all;
    for (const uint32_t n : s.nodes()) {
      all.emplace_back(n);
      std::iota(all.back().begin(), all.back().end(), 0u);
    }
    Exec exec(&workers_);
    Arena arena, other;
    Tape tape(&exec, &arena);
    ConvPlanner plan(s.nodes());
    const std::vector<Var> z = model->Outputs(tape, all, &plan);
    for (size_t type = 0; type < all.size(); ++type) {
      const float* whole = tape.value(z[type]).as<float>();
      const int64_t d = tape.value(z[type]).cols();
      for (const uint32_t node : {0u, 5u, all[type].back()}) {
        std::vector<std::vector<uint32_t>> one(all.size());
        one[type] = {node};
        other.Reset();
        Tape alone(&exec, &other);
        ConvPlanner small(s.nodes());
        const auto out = model->Outputs(alone, one, &small);
        ASSERT_TRUE(alone.status().ok()) << alone.status();
        ASSERT_EQ(alone.value(out[type]).rows(), 1);
        for (int64_t c = 0; c < d; ++c) {
          EXPECT_EQ(alone.value(out[type]).as<float>()[c], whole[node * d + c]);
        }
      }
    }
  }
}

TEST_F(ConvModelTest, EveryOptionTrains) {
  const std::vector<OptionMap> pinsage = {
      {{"pooling", "mean"}},
      {{"pooling", "max"}},
      {{"pooling", "lstm"}},
      {{"neighborhood", "exact"}},
      {{"redraw", "epoch"}},
      {{"redraw", "batch"}},
      {{"query", "item"}},
      {{"loss", "margin"}},
      {{"loss", "softmax"}},
      {{"loss", "softmax"}, {"in_batch", "true"}, {"shared_negatives", "5"}, {"normalize", "true"}},
      {{"loss", "logistic"}},
      {{"head", "true"}, {"residual", "false"}, {"layers", "2"}},
      {{"normalize", "true"}},
      {{"hard_negatives", "3"}, {"hard_high", "0.9"}, {"neighbors", "2"}},
      {{"exclude_known", "false"}, {"remove_edges", "false"}, {"weighted", "true"}},
  };
  for (OptionMap options : pinsage) {
    const std::string name = options.begin()->first + "=" + options.begin()->second;
    SCOPED_TRACE(name);
    options.insert({{"dim", "8"}, {"hidden", "6"}, {"walks", "30"}});
    options.insert({{"neighbors", "4"}, {"layers", "2"}});
    const auto model = Built(kPinSageSpec, options);
    const double first = LossOf(model.get(), 4);
    EXPECT_TRUE(std::isfinite(first));
    EXPECT_EQ(LossOf(model.get(), 4), first);  // a function of the batch and the epoch
  }
  for (const char* aggregator : {"mean", "gcn", "max_pool", "mean_pool", "lstm"}) {
    SCOPED_TRACE(aggregator);
    const auto model = Built(kGraphSageSpec, {{"dim", "8"},
                                              {"hidden", "6"},
                                              {"aggregator", aggregator},
                                              {"fanout", "3"},
                                              {"normalize_every", "true"}});
    EXPECT_TRUE(std::isfinite(LossOf(model.get(), 2)));
  }
}

// Plans made by another thread while a step runs: the same parameters as with plans made in line.
TEST_F(ConvModelTest, PlansMadeAheadGiveTheSameBits) {
  for (const ModelSpec* spec : {&kPinSageSpec, &kGraphSageSpec}) {
    OptionMap options = {{"dim", "8"}, {"hidden", "6"}, {"loss", "softmax"}, {"in_batch", "true"}};
    if (spec == &kPinSageSpec) {
      options.insert({{"walks", "30"}, {"redraw", "batch"}, {"hard_negatives", "2"}});
    }
    TensorMap want;
    for (const int64_t ahead : {0, 1, 3}) {
      auto model = *spec->make(options, DType::kF32);
      TrainContext context{.workers = &workers_};
      ASSERT_TRUE(Train(model.get(), data_, world_.split,
                        {.epochs = 3, .batch_size = 32, .read_ahead = ahead}, context)
                      .ok());
      TensorMap got;
      model->Save(&got);
      if (ahead == 0) want = got;
      for (const auto& [name, tensor] : want.tensors) {
        EXPECT_TRUE(tensor.bytes == got.Find(name)->bytes) << name << ", " << ahead << " ahead";
      }
    }
  }
}

// Candidates of the softmax weigh by how likely the batch has them: minus infinity, or at most 0
// and lower for popular items.
TEST_F(ConvModelTest, CandidatesWeighByTheirChance) {
  Batcher batcher =
      *Batcher::Create(BatchKind::kPairwise, data_, {.batch_size = 40, .chunk = 1, .seed = 2});
  batcher.StartEpoch(1);
  const Batch batch = batcher.Get(0);
  for (const bool in_batch : {false, true}) {
    const auto model = Built(kPinSageSpec, {{"dim", "8"},
                                            {"loss", "softmax"},
                                            {"shared_negatives", "4"},
                                            {"in_batch", in_batch ? "true" : "false"}});
    const auto plan = model->NewPlan();
    model->Fill(batch, plan.get());
    const auto& p = static_cast<const ConvBatchPlan&>(*plan);
    ASSERT_EQ(p.offset.size(), p.candidate_row.size());
    const auto items = p.planner.level(p.planner.layers(), 0);
    for (size_t i = 0; i < p.offset.size(); ++i) {
      const uint32_t item = items[p.candidate_row[i]];
      if (!in_batch) {
        EXPECT_EQ(p.offset[i], i < p.pairs->negatives.size() ? 0.0f : -INFINITY);
        continue;
      }
      // The chance of an item in n draws of 1 / items and 40 of its share.
      const double n = 4, rows = static_cast<double>(std::accumulate(
                              data_.item_popularity.begin(), data_.item_popularity.end(), 0));
      const double none = std::pow(1 - 1.0 / data_.n_items(), n);
      const double missed = std::pow(1 - data_.item_popularity[item] / rows, batch.rows());
      EXPECT_NEAR(p.offset[i], std::log((1 - none) / (1 - none * missed)), 1e-4);
    }
    for (int64_t b = 0; b < batch.rows(); ++b) {
      EXPECT_EQ(items[p.candidate_row[p.target[b]]], batch.items[b]);
    }
  }
}

// The curriculum: epoch n has n - 1 hard negatives a pair, at most hard_negatives.
TEST_F(ConvModelTest, HardNegativesFollowTheCurriculum) {
  ConvOptions options;
  options.hard_negatives = 2;
  options.profile = 3;
  propagation::HardPools pools;
  pools.pool = 4;
  // Items of the next group: nobody of the first group knows them.
  for (uint32_t q = 0; q < data_.n_items(); ++q) {
    for (uint32_t k = 0; k < 4; ++k) pools.item.push_back((q + 8 + k) % data_.n_items());
  }
  const UserItems known = PositivesByUser(data_.n_users(), {data_.train});
  PairMaker maker(options, false, 7);
  Batcher batcher =
      *Batcher::Create(BatchKind::kPairwise, data_, {.batch_size = 50, .chunk = 1, .seed = 2});
  batcher.StartEpoch(1);
  const Batch batch = batcher.Get(0);
  for (const int64_t epoch : {1, 2, 3, 9}) {
    const ConvPairs& pairs = maker.Make(batch, epoch, known, &pools);
    std::vector<int64_t> count(static_cast<size_t>(batch.rows()));
    for (size_t k = 0; k < pairs.hard_row.size(); ++k) {
      ++count[pairs.hard_row[k]];
      EXPECT_FALSE(
          known.contains(UserId{batch.users[pairs.hard_row[k]]}, ItemId{pairs.hard_item[k]}));
    }
    const int64_t most = std::min<int64_t>(epoch - 1, 2);
    for (const int64_t n : count) EXPECT_LE(n, most);
    if (most > 0) {
      EXPECT_GT(pairs.hard_row.size(), static_cast<size_t>(batch.rows() * most / 2));
    }
    // Queries: items of the user, without the positive, at most `profile`.
    for (int64_t b = 0; b < batch.rows(); ++b) {
      EXPECT_LE(pairs.query_ptr[b + 1] - pairs.query_ptr[b], 3);
      for (int64_t e = pairs.query_ptr[b]; e < pairs.query_ptr[b + 1]; ++e) {
        EXPECT_NE(pairs.query_item[e], batch.items[b]);
        EXPECT_TRUE(known.contains(UserId{batch.users[b]}, ItemId{pairs.query_item[e]}));
      }
      for (int64_t e = pairs.excluded_ptr[b]; e < pairs.excluded_ptr[b + 1]; ++e) {
        EXPECT_TRUE(
            known.contains(UserId{batch.users[b]}, ItemId{pairs.negatives[pairs.excluded[e]]}));
      }
    }
  }
}

TEST_F(ConvModelTest, HistoriesOfUnseenUsersScoreAsThoseOfKnownOnes) {
  const auto model = Built(kPinSageSpec, {{"dim", "8"}, {"hidden", "8"}, {"recent", "3"}});
  const auto scorer = *model->MakeScorer(workers_);
  const auto row = data_.positives.row(4);
  const std::vector<ItemId> history(row.begin(), row.end());
  std::vector<float> known(data_.n_items()), folded(data_.n_items());
  Arena arena;
  ASSERT_TRUE(scorer->Score({UserId{4}, {}}, {0, data_.n_items()}, known, arena).ok());
  ASSERT_TRUE(scorer->Score({kNone<UserId>, history}, {0, data_.n_items()}, folded, arena).ok());
  EXPECT_EQ(known, folded);
  const ItemId bad[] = {ItemId{1000}};
  EXPECT_EQ(scorer->Score({kNone<UserId>, bad}, {0, data_.n_items()}, folded, arena).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(scorer->Score({kNone<UserId>, {}}, {0, data_.n_items()}, folded, arena).code(),
            absl::StatusCode::kFailedPrecondition);
}

// With vectors of their entities, items without an interaction of training differ from each other
// by more than their embeddings, and the stored model scores as before.
TEST_F(ConvModelTest, EntityVectorsAreInputs) {
  auto vectors = std::make_shared<GraphVectors>();
  vectors->dim = 3;
  const uint32_t n = world_.snapshot->n_entities;
  for (uint32_t e = 0; e < n; ++e) {
    for (uint32_t c = 0; c < 3; ++c) vectors->entity.push_back(e % 3 == c ? 1.0f : -0.5f);
    vectors->has_entity.push_back(1);
  }
  const OptionMap options = {
      {"dim", "8"}, {"hidden", "6"}, {"walks", "30"}, {"loss", "bpr"}, {"entity_vectors", "v"}};
  auto without = *kPinSageSpec.make(options, DType::kF32);
  EXPECT_EQ(without->Build(data_, workers_).code(), absl::StatusCode::kFailedPrecondition);
  data_.read_vectors = [&](const std::string& name) {
    EXPECT_EQ(name, "v");
    return absl::StatusOr<std::shared_ptr<const GraphVectors>>(vectors);
  };
  const auto model = Built(kPinSageSpec, options);
  EXPECT_TRUE(std::isfinite(LossOf(model.get(), 1)));
  const propagation::Parameter* map = model->parameters()->Find("feature");
  ASSERT_NE(map, nullptr);
  float largest = 0;
  for (int64_t i = 0; i < map->grad.size(); ++i) {
    largest = std::max(largest, std::abs(map->grad.as<float>()[i]));
  }
  EXPECT_GT(largest, 0);
  TensorMap stored;
  model->Save(&stored);
  auto loaded = *kPinSageSpec.make(options, DType::kF32);
  ASSERT_TRUE(loaded->Load(stored, world_.snapshot).ok());
  const auto a = *model->MakeScorer(workers_), b = *loaded->MakeScorer(workers_);
  for (uint32_t i = 0; i < data_.n_items(); ++i) {
    EXPECT_TRUE(std::ranges::equal(a->ItemVector(ItemId{i}), b->ItemVector(ItemId{i})));
  }
  stored.tensors.erase("state/features");
  EXPECT_FALSE((*kPinSageSpec.make(options, DType::kF32))->Load(stored, world_.snapshot).ok());
}

TEST_F(ConvModelTest, OptionsAreChecked) {
  for (const OptionMap& bad :
       std::vector<OptionMap>{{{"neighborhood", "exact"}, {"redraw", "epoch"}},
                              {{"walks", "60000"}, {"traversals", "3"}},
                              {{"hard_low", "0.5"}}}) {
    const auto model = kPinSageSpec.make(bad, DType::kF32);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << model.status();
  }
}

TEST_F(ConvModelTest, WithoutPositivesThereIsNothingToWalkOver) {
  const TrainingData empty = MakeTrainingData(world_.snapshot, {}, 1);
  auto model = *kPinSageSpec.make({}, DType::kF32);
  EXPECT_EQ(model->Build(empty, workers_).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace undula::models
