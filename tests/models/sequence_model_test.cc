// The sequence models: prefix sharing, scores of histories, losses, the knowledge base.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "models/data/batcher.h"
#include "models/eval/evaluator.h"
#include "models/sequence/sequence_model.h"
#include "models/train/step.h"
#include "models/train/trainer.h"
#include "propagation/ops/matmul.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

struct Data {
  PlantedWorld world = MakePlantedWorld(3, 10, 12);
  TrainingData data = MakeTrainingData(world.snapshot, world.split.train, 5);
};

const ModelSpec* const kAll[] = {&kSrGnnSpec, &kGru4RecSpec, &kKsrSpec, &kKgsrSpec};

std::unique_ptr<Model> Make(const ModelSpec& spec, OptionMap options, DType dtype = DType::kF32) {
  options["dim"] = "8";
  if (spec.capabilities.uses_graph) options["kb_dim"] = "6";
  auto model = spec.make(options, dtype);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

// The rows' vectors of a batch of all rows, by (user, position).
std::map<std::pair<uint32_t, uint32_t>, std::vector<double>> Vectors(SequenceModel& model,
                                                                     const TrainingData& data,
                                                                     int64_t chunk) {
  std::map<std::pair<uint32_t, uint32_t>, std::vector<double>> out;
  Batcher batcher =
      *Batcher::Create(BatchKind::kNextItem, data, {.batch_size = 64, .chunk = chunk, .seed = 2});
  const int64_t steps = batcher.StartEpoch(1);
  Exec exec(nullptr);
  for (int64_t s = 0; s < steps; ++s) {
    const Batch batch = batcher.Get(s);
    Arena arena;
    Tape tape(&exec, &arena, model.parameters()->dtype());
    const Tensor rows = tape.value(model.RowVectors(tape, batch).rows);
    EXPECT_TRUE(tape.status().ok()) << tape.status();
    for (int64_t i = 0; i < rows.rows(); ++i) {
      auto& row = out[{batch.users[i], batch.positions[i]}];
      for (int64_t c = 0; c < rows.cols(); ++c) {
        row.push_back(rows.dtype == DType::kF64
                          ? rows.as<double>()[i * rows.cols() + c]
                          : static_cast<double>(rows.as<float>()[i * rows.cols() + c]));
      }
    }
  }
  return out;
}

TEST(SequenceModels, SharedPrefixesAreTheRebuiltOnes) {
  const Data d;
  TaskArena workers(1);
  for (const ModelSpec* spec : kAll) {
    const auto model = Make(*spec, {{"max_length", "0"}});
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    auto& sequence = static_cast<SequenceModel&>(*model);
    const auto shared = Vectors(sequence, d.data, 20), alone = Vectors(sequence, d.data, 1);
    ASSERT_EQ(shared.size(), alone.size());
    for (const auto& [row, vector] : alone) {
      for (size_t c = 0; c < vector.size(); ++c) {
        ASSERT_NEAR(shared.at(row)[c], vector[c], 1e-6) << spec->name;
      }
    }
  }
}

// A version that prefixes share and a node of a prefix's own graph are the same.
TEST(SequenceModels, SharedGraphsAreTheRebuiltOnes) {
  InteractionCsr<ItemId> log;
  const Rng rng(3, RngStream::kTest, 1);
  std::vector<uint32_t> users, positions, items;
  std::vector<int64_t> chunks = {0};
  for (uint32_t i = 0; i < 40; ++i) log.other.push_back(ItemId{rng.Below(i, 9)});
  log.ptr.push_back(40);
  for (uint32_t p = 1; p < 40; ++p) {
    users.push_back(0);
    positions.push_back(p);
    items.push_back(0);
  }
  chunks.push_back(39);
  Batch batch;
  batch.users = users;
  batch.positions = positions;
  batch.items = items;
  batch.chunk_ptr = chunks;
  SequencePlanner planner;
  planner.Resize(9);
  SequencePlan plan;
  planner.PlanBatch(batch, log, {}, 0, &plan);
  propagation::ParameterSet set;
  GraphEncoder encoder;
  const propagation::Init init{propagation::Init::Kind::kUniform, 0.5};
  encoder.AddParameters(16, init, 1, &set);
  propagation::Parameter* item = set.Add("item", {9, 16}, false, init, 1);
  const SequenceOptions options;
  std::vector<float> got[2];
  for (const bool share : {false, true}) {
    SessionGraphCompiler compiler;
    SessionGraph graph;
    compiler.Compile(plan, share, &graph);
    Exec exec(nullptr);
    Arena arena;
    Tape tape(&exec, &arena);
    const Var out = encoder.Encode(tape, encoder.Tables(tape, tape.Use(item)), graph, options);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    const Tensor v = tape.value(out);
    got[share].assign(v.as<float>(), v.as<float>() + v.size());
  }
  ASSERT_EQ(got[0].size(), got[1].size());
  for (size_t i = 0; i < got[0].size(); ++i) ASSERT_NEAR(got[0][i], got[1][i], 1e-6);
}

// With all parameters 0 the gates are 1/2 and the new state is 0: one step halves the vectors.
TEST(SequenceModels, GatesOfZerosHalveTheState) {
  propagation::ParameterSet set;
  GraphEncoder encoder;
  encoder.AddParameters(4, {}, 1, &set);
  propagation::Parameter* item =
      set.Add("item", {3, 4}, false, {propagation::Init::Kind::kUniform, 1}, 1);
  const std::vector<ItemId> history = {ItemId{0}, ItemId{2}, ItemId{0}, ItemId{1}};
  SequencePlan plan;
  const std::span<const ItemId> histories[] = {history};
  SequencePlanner::PlanHistories(histories, 3, 0, &plan);
  SessionGraph graph;
  SessionGraphCompiler().Compile(plan, true, &graph);
  Exec exec(nullptr);
  Arena arena;
  Tape tape(&exec, &arena);
  const Tensor h = tape.value(
      encoder.Propagate(tape, encoder.Tables(tape, tape.Use(item)), graph, SequenceOptions{}));
  ASSERT_EQ(h.rows(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t c = 0; c < 4; ++c) {
      EXPECT_FLOAT_EQ(h.as<float>()[i * 4 + c],
                      item->value.as<float>()[graph.node_row[i] * 4 + c] / 2);
    }
  }
}

TEST(SequenceModels, AHistoryHasTheScoresOfTraining) {
  const Data d;
  TaskArena workers(1);
  for (const ModelSpec* spec : kAll) {
    const auto model = Make(*spec, {{"max_length", "0"}});
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    auto& sequence = static_cast<SequenceModel&>(*model);
    const auto rows = Vectors(sequence, d.data, 8);
    const auto scorer = model->MakeScorer(workers);
    ASSERT_TRUE(scorer.ok()) << scorer.status();
    Arena arena;
    std::vector<float> scores(d.data.n_items());
    for (const auto& [row, vector] : rows) {
      const auto history = d.data.positives.row(row.first).first(row.second);
      arena.Reset();
      ASSERT_TRUE(
          (*scorer)->Score({kNone<UserId>, history}, {0, d.data.n_items()}, scores, arena).ok());
      for (uint32_t i = 0; i < d.data.n_items(); ++i) {
        const auto item = (*scorer)->ItemVector(ItemId{i});
        double want = 0;
        for (size_t c = 0; c < vector.size(); ++c) want += vector[c] * static_cast<double>(item[c]);
        ASSERT_NEAR(scores[i], want, 2e-6) << spec->name;
      }
    }
  }
}

TEST(SequenceModels, ANewEventChangesTheScores) {
  const Data d;
  TaskArena workers(1);
  for (const ModelSpec* spec : kAll) {
    const auto model = Make(*spec, {});
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    const auto scorer = *model->MakeScorer(workers);
    const auto row = d.data.positives.row(0);
    std::vector<ItemId> history(row.begin(), row.end());
    std::vector<float> before(d.data.n_items()), now(d.data.n_items()), after(d.data.n_items());
    Arena arena;
    const ItemRange all{0, d.data.n_items()};
    ASSERT_TRUE(scorer->Score({UserId{0}, {}}, all, before, arena).ok());
    ASSERT_TRUE(scorer->Score({kNone<UserId>, history}, all, now, arena).ok());
    EXPECT_EQ(before, now) << spec->name;
    history.push_back(ItemId{20});
    ASSERT_TRUE(scorer->Score({kNone<UserId>, history}, all, after, arena).ok());
    EXPECT_NE(before, after) << spec->name;
    EXPECT_EQ(scorer->Score({kNone<UserId>, {}}, all, after, arena).code(),
              absl::StatusCode::kFailedPrecondition);
    history.push_back(ItemId{d.data.n_items()});
    EXPECT_EQ(scorer->Score({kNone<UserId>, history}, all, after, arena).code(),
              absl::StatusCode::kNotFound);
  }
}

// New numbers for the items, their vectors moved along: scores move along too.
TEST(SequenceModels, ScoresFollowTheItems) {
  const Data d;
  TaskArena workers(1);
  const uint32_t n = d.data.n_items();
  const auto moved = [n](uint32_t item) { return (item * 7 + 5) % n; };  // n = 36
  const auto plain = Make(kSrGnnSpec, {}), permuted = Make(kSrGnnSpec, {});
  ASSERT_TRUE(plain->Build(d.data, workers).ok());
  ASSERT_TRUE(permuted->Build(d.data, workers).ok());
  const float* from = plain->parameters()->Find("item")->value.as<float>();
  float* to = permuted->parameters()->Find("item")->value.as<float>();
  for (uint32_t i = 0; i < n; ++i) std::copy_n(from + i * 8, 8, to + moved(i) * 8);
  const std::vector<ItemId> history = {ItemId{3}, ItemId{9}, ItemId{3}, ItemId{30}, ItemId{8}};
  std::vector<ItemId> other;
  for (const ItemId item : history) other.push_back(ItemId{moved(Index(item))});
  std::vector<float> a(n), b(n);
  Arena arena;
  const auto left = *plain->MakeScorer(workers), right = *permuted->MakeScorer(workers);
  ASSERT_TRUE(left->Score({kNone<UserId>, history}, {0, n}, a, arena).ok());
  ASSERT_TRUE(right->Score({kNone<UserId>, other}, {0, n}, b, arena).ok());
  for (uint32_t i = 0; i < n; ++i) EXPECT_NEAR(a[i], b[moved(i)], 1e-6);
}

// Steps > 1, sessions, pairs and a sampled softmax train too.
TEST(SequenceModels, OtherFormsRecoverTheCircle) {
  const Data d;
  TaskArena workers(2);
  const std::pair<const ModelSpec*, OptionMap> kForms[] = {
      {&kSrGnnSpec, {{"steps", "2"}, {"gate", "paper"}}},
      {&kSrGnnSpec, {{"sampled", "20"}}},
      {&kSrGnnSpec, {{"session", "gap"}, {"session_gap", "5"}}},
      {&kGru4RecSpec, {{"loss", "bpr"}}},
      {&kKsrSpec, {{"preset", "code"}}},
      {&kKsrSpec, {{"preset", "paper"}}},
      {&kKgsrSpec, {{"combine", "sum"}, {"kb_trainable", "entity"}}},
      {&kKgsrSpec, {{"session", "gap"}, {"session_gap", "5"}, {"sampled", "20"}}},
  };
  for (const auto& [spec, options] : kForms) {
    const auto model = Make(*spec, options);
    TrainOptions train;
    train.epochs = 60;
    train.batch_size = 64;
    train.learning_rate = 0.02;
    train.metric = "none";
    const TrainContext context{.workers = &workers};
    const auto report = Train(model.get(), d.data, d.world.split, train, context);
    ASSERT_TRUE(report.ok()) << report.status();
    const auto scorer = *model->MakeScorer(workers);
    const auto ranking = EvaluateRanking(*scorer, d.data, d.world.split,
                                         {.at = {1}, .bootstrap = 0}, workers, nullptr);
    ASSERT_TRUE(ranking.ok()) << ranking.status();
    EXPECT_GE(ranking->at[0].mean.recall, 0.8)
        << spec->name << " " << options.begin()->first << " = " << options.begin()->second;
  }
}

// KSR's program counts the positive among the negatives: ln 2 where all scores are equal.
TEST(SequenceModels, PairLossOfEqualScoresIsLn2) {
  const Data d;
  TaskArena workers(1);
  for (const char* negatives : {"1", "7"}) {
    const auto model = Make(kKsrSpec, {{"preset", "code"}, {"negatives", negatives}});
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    for (const auto& p : model->parameters()->all()) {
      std::fill_n(p->value.as<float>(), p->value.size(), 0.0f);
    }
    Batcher batcher =
        *Batcher::Create(BatchKind::kNextItem, d.data, {.batch_size = 32, .chunk = 4});
    batcher.StartEpoch(1);
    Exec exec(nullptr);
    TrainingStep step(model.get(), &exec, 1);
    const auto loss = step.Forward(batcher.Get(0));
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_NEAR(*loss, std::log(2), 1e-6);
  }
}

TEST(SequenceModels, ItemsWithoutALinkHaveLearnedVectors) {
  Data d;
  Snapshot snapshot = *d.world.snapshot;
  snapshot.links = {};
  for (uint32_t i = 0; i < snapshot.n_items; ++i) {
    if (i % 3 != 0) {
      snapshot.links.entity.push_back(EntityId{i});
      snapshot.links.confidence.push_back(1);
      snapshot.links.method.push_back(LinkMethod::kFile);
    }
    snapshot.links.ptr.push_back(static_cast<int64_t>(snapshot.links.entity.size()));
  }
  d.data.snapshot = std::make_shared<const Snapshot>(snapshot);
  TaskArena workers(1);
  for (const ModelSpec* spec : {&kKsrSpec, &kKgsrSpec}) {
    const auto model = Make(*spec, {{"kb_trainable", "none"}});
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    EXPECT_NE(model->Describe().find("24 items linked, 12 without a link have learned vectors"),
              std::string::npos)
        << model->Describe();
    propagation::Parameter* learned = model->parameters()->Find("unlinked_entity");
    ASSERT_NE(learned, nullptr);
    EXPECT_EQ(learned->value.rows(), 12);
    Batcher batcher =
        *Batcher::Create(BatchKind::kNextItem, d.data, {.batch_size = 128, .chunk = 8});
    batcher.StartEpoch(1);
    Exec exec(nullptr);
    TrainingStep step(model.get(), &exec, 1);
    model->parameters()->ZeroGradients();
    ASSERT_TRUE(step.Run(batcher.Get(0)).ok());
    float largest = 0;
    for (int64_t i = 0; i < learned->grad.size(); ++i) {
      largest = std::max(largest, std::abs(learned->grad.as<float>()[i]));
    }
    EXPECT_GT(largest, 0);
  }
}

TEST(SequenceModels, SayWhatTheDataLack) {
  Data d;
  TaskArena workers(1);
  d.data.snapshot = MakeLog(d.data.n_users(), d.data.n_items(), {});
  const auto model = Make(kKsrSpec, {});
  const absl::Status status = model->Build(d.data, workers);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  const auto mixed = kKsrSpec.make({{"preset", "code"}, {"sampled", "10"}}, DType::kF32);
  EXPECT_EQ(mixed.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::models
