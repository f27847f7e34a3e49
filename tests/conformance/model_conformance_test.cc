// What every registered model must satisfy (DESIGN 7). The suite finds the models in the registry.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "base/rng.h"
#include "base/safetensors.h"
#include "models/data/batcher.h"
#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/step.h"
#include "models/train/trainer.h"
#include "tests/conformance/model_cases.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using propagation::Exec;
using propagation::Parameter;

class EveryModel : public testing::TestWithParam<const ModelSpec*> {
 protected:
  void SetUp() override {
    case_ = FindModelCase(GetParam()->name);
    ASSERT_NE(case_, nullptr) << "add a case for " << GetParam()->name << " to model_cases.cc";
    world_ = MakePlantedWorld(3, 10, 8);
    data_ = MakeTrainingData(world_.snapshot, world_.split.train, 5);
  }

  bool trains() const { return GetParam()->batch_kind != BatchKind::kNone; }

  std::unique_ptr<Model> Make(const OptionMap& options, DType dtype = DType::kF32) {
    auto model = GetParam()->make(options, dtype);
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }

  // A trained (or built) model of the planted world.
  std::unique_ptr<Model> Trained(int threads, TrainReport* report = nullptr, int64_t epochs = 0) {
    auto model = Make(case_->options);
    TaskArena workers(threads);
    TrainOptions options = case_->train;
    if (epochs > 0) options.epochs = epochs;
    TrainContext context{.workers = &workers};
    const auto result = Train(model.get(), data_, world_.split, options, context);
    EXPECT_TRUE(result.ok()) << result.status();
    if (report != nullptr && result.ok()) *report = *result;
    return model;
  }

  const ModelCase* case_ = nullptr;
  PlantedWorld world_;
  TrainingData data_;
};

std::vector<float> AllScores(const Scorer& scorer, UserId user, uint32_t tile) {
  std::vector<float> out(scorer.n_items());
  propagation::Arena arena;
  for (uint32_t begin = 0; begin < scorer.n_items(); begin += tile) {
    const uint32_t end = std::min(scorer.n_items(), begin + tile);
    arena.Reset();
    const absl::Status status =
        scorer.Score({user, {}}, {begin, end}, std::span(out).subspan(begin, end - begin), arena);
    EXPECT_TRUE(status.ok()) << status;
  }
  return out;
}

std::string Saved(const Model& model) {
  TensorMap map;
  model.Save(&map);
  return SerializeSafetensors(map);
}

TEST_P(EveryModel, GradientsAgreeWithFiniteDifferences) {
  if (!trains()) GTEST_SKIP() << "not trained by gradients";
  const PlantedWorld tiny = MakePlantedWorld(2, 3, 4);
  const TrainingData data = MakeTrainingData(tiny.snapshot, tiny.split.train, 5);
  const auto model = Make(case_->tiny, DType::kF64);
  TaskArena workers(1);
  ASSERT_TRUE(model->Build(data, workers).ok());
  // Away from the small initial values, where nearly everything is linear.
  for (const auto& p : model->parameters()->all()) {
    const Rng rng(17, RngStream::kTest, static_cast<uint32_t>(p->value.size()));
    for (int64_t i = 0; i < p->value.size(); ++i) {
      p->value.as<double>()[i] = 1.2 * static_cast<double>(rng.Uniform(i)) - 0.6;
    }
  }
  for (const int64_t chunk : {1, 3}) {
    Batcher batcher = *Batcher::Create(GetParam()->batch_kind, data,
                                       {.batch_size = 16, .chunk = chunk, .seed = 2});
    batcher.StartEpoch(1);
    const Batch batch = batcher.Get(0);
    ASSERT_TRUE(model->BeginEpoch(1).ok());
    Exec exec(&workers);
    TrainingStep step(model.get(), &exec, 3);
    model->parameters()->ZeroGradients();
    const auto loss = step.Run(batch);
    ASSERT_TRUE(loss.ok()) << loss.status();
    ASSERT_TRUE(std::isfinite(*loss));

    // Dense copies of all gradients first: Forward reuses the memory they lie in.
    std::vector<std::vector<double>> gradients;
    double largest = 0;
    for (const auto& p : model->parameters()->all()) {
      std::vector<double> dense(static_cast<size_t>(p->value.size()), 0.0);
      if (!p->row_sparse) dense.assign(p->grad.as<double>(), p->grad.as<double>() + dense.size());
      for (const auto& sparse : p->sparse) {
        const int64_t cols = p->value.cols();
        for (int64_t r = 0; r < sparse.rows.size(); ++r) {
          for (int64_t c = 0; c < cols; ++c) {
            dense[sparse.rows.as<uint32_t>()[r] * cols + c] +=
                sparse.values.as<double>()[r * cols + c];
          }
        }
      }
      for (const double g : dense) largest = std::max(largest, std::abs(g));
      gradients.push_back(std::move(dense));
    }
    ASSERT_GT(largest, 0);
    model->parameters()->ZeroGradients();
    for (size_t n = 0; n < gradients.size(); ++n) {
      Parameter& p = *model->parameters()->all()[n];
      double scale = 0;
      for (const double g : gradients[n]) scale = std::max(scale, std::abs(g));
      EXPECT_GT(scale, 0) << p.name << " has no gradient at all";
      scale = std::max(scale, 1e-3 * largest);
      const int64_t stride = std::max<int64_t>(1, p.value.size() / 60);
      for (int64_t i = 0; i < p.value.size(); i += stride) {
        double* x = p.value.as<double>() + i;
        const double kept = *x, h = 1e-5;
        *x = kept + h;
        const auto up = step.Forward(batch);
        *x = kept - h;
        const auto down = step.Forward(batch);
        *x = kept;
        ASSERT_TRUE(up.ok() && down.ok());
        EXPECT_LE(std::abs((*up - *down) / (2 * h) - gradients[n][i]), 1e-6 * scale)
            << p.name << "[" << i << "], chunk " << chunk;
      }
    }
  }
}

TEST_P(EveryModel, LossFalls) {
  if (!trains()) GTEST_SKIP() << "not trained by gradients";
  TrainReport first, last;
  Trained(2, &first, 1);
  Trained(2, &last);
  EXPECT_LT(last.last_loss, 0.7 * first.last_loss);
}

TEST_P(EveryModel, RecoversWhatIsPlanted) {
  TaskArena workers(2);
  if (trains() || GetParam()->capabilities.sequential) {
    const auto model = Trained(2);
    const auto scorer = *model->MakeScorer(workers);
    const auto ranking = EvaluateRanking(*scorer, data_, world_.split,
                                         {.at = {1, 8}, .bootstrap = 0}, workers, nullptr);
    ASSERT_TRUE(ranking.ok()) << ranking.status();
    EXPECT_EQ(ranking->users, 30);
    // The withheld item is the only one of the user's taste among 17 unseen ones.
    EXPECT_GE(ranking->at[0].mean.recall, 0.9);
    return;
  }
  // No personal taste: of 20 items, item i is liked by the first 40 - 2i users and not by the
  // others.
  std::vector<LabeledPair> rows;
  for (uint32_t u = 0; u < 40; ++u) {
    for (uint32_t i = 0; i < 20; ++i) {
      rows.push_back({UserId{u}, ItemId{i}, u < 40 - 2 * i ? 1.0f : 0.0f});
    }
  }
  const TrainingData data = MakeTrainingData(MakeLog(40, 20, {}), rows, 1);
  const auto model = Make(case_->options);
  ASSERT_TRUE(model->Build(data, workers).ok());
  const std::vector<float> scores = AllScores(**model->MakeScorer(workers), UserId{0}, 100);
  EXPECT_TRUE(std::is_sorted(scores.rbegin(), scores.rend()));
  EXPECT_GT(scores.front(), scores.back());
}

TEST_P(EveryModel, BatchEqualsSingleScoring) {
  const auto model = Trained(1, nullptr, 3);
  TaskArena workers(2);
  const auto scorer = *model->MakeScorer(workers);
  EXPECT_EQ(scorer->n_users(), data_.n_users());
  EXPECT_EQ(scorer->n_items(), data_.n_items());
  for (const uint32_t user : {0u, 7u, 29u}) {
    const std::vector<float> whole = AllScores(*scorer, UserId{user}, 1000);
    for (const uint32_t tile : {1u, 5u, 16u}) {
      EXPECT_EQ(AllScores(*scorer, UserId{user}, tile), whole) << "tile " << tile;
    }
    // A list in another order, with a repeat.
    std::vector<ItemId> items;
    for (uint32_t i = 0; i < scorer->n_items(); ++i) {
      items.push_back(ItemId{(i * 7 + 3) % scorer->n_items()});
    }
    items.push_back(items.front());
    std::vector<float> scores(items.size());
    propagation::Arena arena;
    ASSERT_TRUE(scorer->ScoreItems({UserId{user}, {}}, items, scores, arena).ok());
    for (size_t i = 0; i < items.size(); ++i) EXPECT_EQ(scores[i], whole[Index(items[i])]);
    for (const ItemId item : items) {
      float one = 0;
      arena.Reset();
      ASSERT_TRUE(
          scorer->ScoreItems({UserId{user}, {}}, std::span(&item, 1), std::span(&one, 1), arena)
              .ok());
      EXPECT_EQ(one, whole[Index(item)]);
    }
  }
}

// Users ranked together have the scores that each has alone.
TEST_P(EveryModel, RankedTogetherEqualsSingleScoring) {
  const auto model = Trained(1, nullptr, 3);
  TaskArena workers(2);
  const auto scorer = *model->MakeScorer(workers);
  RankJob job;
  job.n = 150;  // more than are worked at a time
  job.query = [&](int64_t i) {
    return UserQuery{UserId{static_cast<uint32_t>(i) % data_.n_users()}, {}};
  };
  const auto compare = [&](int64_t i, const RankedList& list) {
    const std::vector<float> alone = AllScores(*scorer, job.query(i).user, 1000);
    EXPECT_EQ(list.items.size(), alone.size());
    for (const ScoredItem& item : list.items) EXPECT_EQ(item.score, alone[Index(item.item)]);
    return list.status;
  };
  const absl::Status status =
      RankAll(*scorer, job, {.k = scorer->n_items()}, workers, nullptr, compare);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(EveryModel, SaveAndLoadKeepTheBits) {
  const auto model = Trained(1, nullptr, 3);
  const std::string bytes = Saved(*model);
  const auto map = ParseSafetensors(bytes, "memory");
  ASSERT_TRUE(map.ok()) << map.status();
  auto loaded = Make(case_->options);
  const absl::Status status = loaded->Load(*map, world_.snapshot);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Saved(*loaded) == bytes);
  TaskArena workers(1);
  const auto a = *model->MakeScorer(workers);
  const auto b = *loaded->MakeScorer(workers);
  for (uint32_t u = 0; u < data_.n_users(); ++u) {
    EXPECT_EQ(AllScores(*a, UserId{u}, 64), AllScores(*b, UserId{u}, 64));
    EXPECT_EQ(a->KnowsUser(UserId{u}), b->KnowsUser(UserId{u}));
  }
  // A map without one of its tensors is refused, never half loaded.
  for (const auto& [name, tensor] : map->tensors) {
    TensorMap partial = *map;
    partial.tensors.erase(name);
    EXPECT_FALSE(Make(case_->options)->Load(partial, world_.snapshot).ok()) << name;
  }
}

TEST_P(EveryModel, SameSeedSameBitsForAnyNumberOfThreads) {
  const std::string one = Saved(*Trained(1, nullptr, 3));
  EXPECT_TRUE(Saved(*Trained(1, nullptr, 3)) == one);
  EXPECT_TRUE(Saved(*Trained(2, nullptr, 3)) == one);
  EXPECT_TRUE(Saved(*Trained(4, nullptr, 3)) == one);
}

// How a batch is cut defines the last bits of a step, and nothing beyond them.
TEST_P(EveryModel, SlicesAgree) {
  if (!trains()) GTEST_SKIP() << "not trained by gradients";
  const auto model = Trained(1, nullptr, 3);
  Batcher batcher =
      *Batcher::Create(GetParam()->batch_kind, data_, {.batch_size = 200, .chunk = 4, .seed = 2});
  batcher.StartEpoch(1);
  ASSERT_TRUE(model->BeginEpoch(1).ok());
  const Batch batch = batcher.Get(0);
  Exec exec(nullptr);
  double whole = 0;
  std::vector<std::vector<float>> gradients;
  for (const int64_t slices : {1, 3, 7}) {
    TrainingStep step(model.get(), &exec, slices);
    model->parameters()->ZeroGradients();
    const auto loss = step.Run(batch);
    ASSERT_TRUE(loss.ok()) << loss.status();
    size_t n = 0;
    for (const auto& p : model->parameters()->all()) {
      std::vector<float> dense(static_cast<size_t>(p->value.size()), 0.0f);
      if (!p->row_sparse) dense.assign(p->grad.as<float>(), p->grad.as<float>() + dense.size());
      const int64_t cols = p->value.cols();
      for (const auto& sparse : p->sparse) {
        for (int64_t i = 0; i < sparse.values.size(); ++i) {
          dense[sparse.rows.as<uint32_t>()[i / cols] * cols + i % cols] +=
              sparse.values.as<float>()[i];
        }
      }
      if (slices == 1) {
        gradients.push_back(std::move(dense));
        continue;
      }
      const std::vector<float>& want = gradients[n++];
      float largest = 0, worst = 0;
      for (size_t i = 0; i < want.size(); ++i) {
        largest = std::max(largest, std::abs(want[i]));
        worst = std::max(worst, std::abs(dense[i] - want[i]));
      }
      EXPECT_GT(largest, 0) << p->name;
      EXPECT_LE(worst, 1e-5f * largest) << p->name << ", " << slices << " slices";
    }
    if (slices == 1) whole = *loss;
    EXPECT_NEAR(*loss, whole, 1e-5 * std::abs(whole));
  }
  model->parameters()->ZeroGradients();
}

TEST_P(EveryModel, CapabilitiesAreTrue) {
  const auto model = Trained(1, nullptr, 1);
  TaskArena workers(1);
  const auto scorer = *model->MakeScorer(workers);
  const Capabilities& can = GetParam()->capabilities;
  const ItemId history[] = {ItemId{1}, ItemId{2}};
  std::vector<float> scores(scorer->n_items());
  propagation::Arena arena;
  const absl::Status fold_in =
      scorer->Score({kNone<UserId>, history}, {0, scorer->n_items()}, scores, arena);
  EXPECT_EQ(fold_in.code(), can.fold_in ? absl::StatusCode::kOk : absl::StatusCode::kUnimplemented)
      << fold_in;
  EXPECT_EQ(!scorer->ItemVector(ItemId{0}).empty(), can.factors);
  const auto why = scorer->Explain({UserId{0}, {}}, ItemId{0});
  if (can.explains) {
    ASSERT_TRUE(why.ok()) << why.status();
    EXPECT_EQ(why->score, AllScores(*scorer, UserId{0}, 1000)[0]);
    for (const auto& hop : why->hops) {
      double sum = 0;
      for (const AttentionSlot& slot : hop) sum += static_cast<double>(slot.weight);
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  } else {
    EXPECT_EQ(why.status().code(), absl::StatusCode::kUnimplemented);
  }
  const absl::Status unknown =
      scorer->Score({UserId{1000}, {}}, {0, scorer->n_items()}, scores, arena);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound) << unknown;
}

TEST_P(EveryModel, UnknownOptionIsRefused) {
  const auto model = GetParam()->make({{"no_such_option", "1"}}, DType::kF32);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << model.status();
  EXPECT_NE(model.status().ToString().find("no_such_option"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, EveryModel, testing::ValuesIn(AllModels().begin(), AllModels().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace undula::models
