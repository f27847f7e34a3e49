// Scoring over all items, fold-in, explanations, deletion, save and load.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "models/train/step.h"
#include "propagation/optim/optimizer.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {
namespace {

RippleNetOptions Options(const std::string& update, const std::string& scoring, int dim, int memory,
                         int hops) {
  RippleNetOptions o;
  o.dim = dim;
  o.memory = memory;
  o.hops = hops;
  o.item_update = update;
  o.scoring = scoring;
  return o;
}

struct World {
  std::shared_ptr<Snapshot> snapshot;
  std::vector<LabeledPair> rows;
  std::unique_ptr<RippleNet> model;
  std::unique_ptr<Scorer> scorer;
  TaskArena workers{1};

  explicit World(const RippleNetOptions& o, DType dtype = DType::kF32) {
    snapshot = RandomSnapshot(120, 4, 12, 70, 500, 3);
    rows = RandomRows(*snapshot, 8, 4);
    model = std::make_unique<RippleNet>(o, dtype);
    EXPECT_TRUE(model->Build(MakeTrainingData(snapshot, rows, 1), workers).ok());
    Randomize(model.get(), 0.7, 5);
    scorer = *model->MakeScorer(workers);
  }
  std::vector<float> Scores(const Scorer& with, const UserQuery& query, ItemRange range) const {
    std::vector<float> out(range.size());
    propagation::Arena arena;
    const absl::Status status = with.Score(query, range, out, arena);
    EXPECT_TRUE(status.ok()) << status;
    return out;
  }
  std::vector<float> All(const Scorer& with, UserId user) const {
    return Scores(with, {user, {}}, {0, with.n_items()});
  }
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Whole ranges against the training forward pass in float64, one pair at a time.
TEST(RippleNetScorer, EqualsTheForwardPassPairByPair) {
  const std::vector<std::tuple<int, int, int>> shapes = {{16, 32, 2}, {5, 7, 1}, {33, 20, 3}};
  for (const auto& [dim, memory, hops] : shapes) {
    for (const char* update : {"replace", "plus", "replace_transform", "plus_transform"}) {
      for (const char* scoring : {"paper", "code"}) {
        for (const bool all_hops : {true, false}) {
          RippleNetOptions o = Options(update, scoring, dim, memory, hops);
          o.using_all_hops = all_hops;
          if (!CheckRippleNetOptions(o).ok()) continue;
          World w(o);
          RippleNet exact(o, DType::kF64);
          ASSERT_TRUE(exact.Build(MakeTrainingData(w.snapshot, w.rows, 1), w.workers).ok());
          Randomize(&exact, 0.7, 5);
          std::vector<LabeledPair> pairs;
          for (uint32_t i = 0; i < 70; ++i) pairs.push_back({UserId{3}, ItemId{i}, 0});
          const TinyBatch batch(pairs, 1);
          const std::vector<double> want = ForwardLogits(&exact, batch.batch);
          const std::vector<float> got = w.All(*w.scorer, UserId{3});
          EXPECT_LE(MaxDifference({got.begin(), got.end()}, want), 1e-5 * MaxAbs(want))
              << dim << " " << update << " " << scoring << " " << all_hops;
        }
      }
    }
  }
}

TEST(RippleNetScorer, BitsDoNotDependOnTheRange) {
  for (const char* update : {"replace", "plus_transform"}) {
    World w(Options(update, "code", 16, 32, 2));
    const std::vector<float> all = w.All(*w.scorer, UserId{2});
    for (const auto& [begin, end] :
         std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}, {3, 68}, {69, 70}, {9, 9}}) {
      EXPECT_TRUE(SameBits(w.Scores(*w.scorer, {UserId{2}, {}}, {begin, end}),
                           {all.begin() + begin, all.begin() + end}));
    }
    const std::vector<ItemId> items = {ItemId{69}, ItemId{0}, ItemId{33}, ItemId{0}};
    std::vector<float> some(items.size());
    propagation::Arena arena;
    ASSERT_TRUE(w.scorer->ScoreItems({UserId{2}, {}}, items, some, arena).ok());
    EXPECT_TRUE(SameBits(some, {all[69], all[0], all[33], all[0]}));
  }
}

TEST(RippleNetScorer, Errors) {
  World w(Options("replace", "paper", 4, 4, 1));
  std::vector<float> out(1);
  propagation::Arena arena;
  const auto score = [&](const UserQuery& q) {
    return w.scorer->Score(q, {0, 1}, out, arena).code();
  };
  EXPECT_EQ(score({UserId{99}, {}}), absl::StatusCode::kNotFound);
  EXPECT_FALSE(w.scorer->KnowsUser(UserId{99}));
  EXPECT_EQ(score({}), absl::StatusCode::kFailedPrecondition);
  const std::vector<ItemId> beyond = {ItemId{1000}};
  EXPECT_EQ(score({kNone<UserId>, beyond}), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(w.scorer->Score({UserId{0}, {}}, {60, 71}, out, arena).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(w.scorer->Explain({UserId{0}, {}}, ItemId{70}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(RippleNetScorer, FoldsInHistories) {
  World w(Options("replace", "paper", 16, 64, 2));
  const std::vector<ItemId> history = {ItemId{4}, ItemId{9}, ItemId{4}};
  const std::vector<float> a = w.Scores(*w.scorer, {kNone<UserId>, history}, {0, 70});
  const std::vector<ItemId> reversed = {ItemId{9}, ItemId{4}};
  EXPECT_TRUE(SameBits(a, w.Scores(*w.scorer, {kNone<UserId>, reversed}, {0, 70})));
  const std::vector<ItemId> other = {ItemId{5}};
  EXPECT_FALSE(SameBits(a, w.Scores(*w.scorer, {kNone<UserId>, other}, {0, 70})));
}

TEST(RippleNetScorer, ExplanationsAreTheForwardPass) {
  for (const bool dedupe : {true, false}) {
    RippleNetOptions o = Options("plus_transform", "code", 8, 12, 2);
    o.dedupe = dedupe;
    o.inverse_edges = true;
    World w(o);
    const auto e = w.scorer->Explain({UserId{1}, {}}, ItemId{7});
    ASSERT_TRUE(e.ok()) << e.status();
    EXPECT_EQ(e->score, w.Scores(*w.scorer, {UserId{1}, {}}, {7, 8})[0]);
    ASSERT_EQ(e->hops.size(), 2u);

    propagation::Exec exec(nullptr);
    propagation::Arena arena;
    propagation::Tape tape(&exec, &arena, DType::kF32);
    std::vector<propagation::Var> shared;
    const TinyBatch batch({{UserId{1}, ItemId{7}, 1}}, 1);
    w.model->Prepare(tape, batch.batch, &shared);
    RippleNetTrace trace;
    w.model->Logits(tape, Slice{0, 0, 1, 0, 1}, batch.batch, shared, &trace);
    ASSERT_TRUE(tape.status().ok());
    const RippleMemory& memory = w.model->memory();
    for (int hop = 0; hop < 2; ++hop) {
      double sum = 0;
      std::set<std::tuple<uint32_t, uint32_t, uint32_t>> seen;
      for (const AttentionSlot& slot : e->hops[hop]) {
        sum += slot.weight;
        EXPECT_TRUE(seen.insert({Index(slot.head), Index(slot.relation), Index(slot.tail)}).second);
        // The edge is in the graph, in the store's direction.
        bool stored = false;
        const EdgeCsr& out = w.snapshot->out;
        for (int64_t i = out.ptr[Index(slot.head)]; i < out.ptr[Index(slot.head) + 1]; ++i) {
          stored |= out.relation[i] == slot.relation && out.entity[i] == slot.tail;
        }
        EXPECT_TRUE(stored);
        // The weight is what the training pass gave the triple, in either direction.
        double forward = 0;
        for (int64_t s = memory.slot_ptr[2 + hop]; s < memory.slot_ptr[3 + hop]; ++s) {
          RippleTriple t = memory.TripleOf(memory.triple[s]);
          if (t.relation >= 4) t = {t.relation - 4, t.tail, t.head};
          if (t == RippleTriple{Index(slot.relation), Index(slot.head), Index(slot.tail)}) {
            forward += trace.weights[hop].as<float>()[s - memory.slot_ptr[2 + hop]];
          }
        }
        EXPECT_NEAR(slot.weight, forward, 1e-6);
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    }
    std::vector<ItemId> liked;
    for (const LabeledPair& row : w.rows) {
      if (row.user == UserId{1} && row.label > 0) liked.push_back(row.item);
    }
    std::sort(liked.begin(), liked.end());
    EXPECT_EQ(e->seeds, liked);
  }
}

TEST(RippleNetScorer, ScoreWithoutRemovesSlots) {
  World w(Options("replace", "paper", 8, 12, 2));
  const UserQuery query{UserId{1}, {}};
  const auto e = w.scorer->Explain(query, ItemId{7});
  ASSERT_TRUE(e.ok());
  EXPECT_EQ(*w.scorer->ScoreWithout(query, ItemId{7}, 1, {}), e->score);
  const auto without = w.scorer->ScoreWithout(query, ItemId{7}, 2, std::span(e->hops[1]).first(1));
  EXPECT_NE(*without, e->score);
  // Without all of both hops' slots nothing is left of the user.
  const auto nothing = w.scorer->ScoreWithout(query, ItemId{7}, 2, e->hops[1]);
  const std::vector<double> item = {w.scorer->ItemVector(ItemId{7}).begin(),
                                    w.scorer->ItemVector(ItemId{7}).end()};
  const std::vector<double> entity = Values(w.model->parameters()->Find("entity")->value);
  double first_hop = 0;
  for (const AttentionSlot& slot : e->hops[0]) {
    for (int c = 0; c < 8; ++c)
      first_hop += slot.weight * item[c] * entity[Index(slot.tail) * 8 + c];
  }
  EXPECT_NEAR(*nothing, first_hop, 1e-5);
  EXPECT_EQ(w.scorer->ScoreWithout(query, ItemId{7}, 3, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Items without a link have rows of their own; items without an edge start nothing; a user with
// neither is not scored; another without positives is unknown.
TEST(RippleNetScorer, UnlinkedItemsAndItemsWithoutEdges) {
  const auto s = TinySnapshot(4, 1, 4, {{0, 0, 3}}, {0, -1, 1, -1});
  const std::vector<LabeledPair> rows = {{UserId{0}, ItemId{0}, 1},
                                         {UserId{0}, ItemId{1}, 0},
                                         {UserId{1}, ItemId{1}, 1},
                                         {UserId{2}, ItemId{2}, 1}};
  RippleNet model(Options("replace", "paper", 4, 2, 2), DType::kF32);
  TaskArena workers(1);
  ASSERT_TRUE(model.Build(MakeTrainingData(s, rows, 1), workers).ok());
  EXPECT_EQ(model.parameters()->Find("entity")->value.rows(), 6);
  EXPECT_NE(model.Describe().find("2 of 4 items have no link"), std::string::npos)
      << model.Describe();
  EXPECT_NE(model.Describe().find("2 users have no edge"), std::string::npos) << model.Describe();
  EXPECT_NE(model.Describe().find("1 hops copy"), std::string::npos) << model.Describe();
  const auto scorer = *model.MakeScorer(workers);
  EXPECT_TRUE(scorer->KnowsUser(UserId{0}));
  for (const uint32_t u : {1u, 2u, 3u}) EXPECT_FALSE(scorer->KnowsUser(UserId{u})) << u;
  // Rows of users without a memory are legal in a batch: score 0, loss ln 2, no gradient from them.
  const TinyBatch batch({rows[2], rows[3]}, 1);
  EXPECT_EQ(MaxAbs(ForwardLogits(&model, batch.batch)), 0);
  const StepResult step = RunStep(&model, batch.batch);
  EXPECT_NEAR(step.loss, std::log(2.0), 1e-6);
  EXPECT_EQ(MaxAbs(step.gradients[0]), 0);
}

TEST(RippleNetSave, LoadedModelScoresBitForBitEvenAfterTheDatabaseGrew) {
  for (const bool inverse : {false, true}) {
    RippleNetOptions o = Options("plus_transform", "paper", 16, 32, 2);
    o.inverse_edges = inverse;
    World w(o);
    TensorMap saved;
    w.model->Save(&saved);

    auto grown = std::make_shared<Snapshot>(*w.snapshot);
    std::vector<TinyTriple> triples = {{120, 4, 0}, {0, 4, 120}, {5, 1, 121}};
    for (uint32_t h = 0; h < 120; ++h) {
      for (int64_t e = w.snapshot->out.ptr[h]; e < w.snapshot->out.ptr[h + 1]; ++e) {
        triples.push_back(
            {h, Index(w.snapshot->out.relation[e]), Index(w.snapshot->out.entity[e])});
      }
    }
    grown->n_entities = 122;
    grown->n_relations = 5;
    grown->n_items = 75;
    grown->n_users = 20;
    grown->out = EdgesFrom(122, triples, false);
    grown->in = EdgesFrom(122, triples, true);

    RippleNet loaded(o, DType::kF32);
    ASSERT_TRUE(loaded.Load(saved, grown).ok());
    const auto scorer = *loaded.MakeScorer(w.workers);
    EXPECT_EQ(scorer->n_items(), 70u);
    EXPECT_FALSE(scorer->KnowsUser(UserId{15}));
    for (uint32_t u = 0; u < 12; ++u) {
      EXPECT_TRUE(SameBits(w.All(*w.scorer, UserId{u}), w.All(*scorer, UserId{u})));
    }
    const std::vector<ItemId> history = {ItemId{5}, ItemId{73}};
    EXPECT_EQ(w.Scores(*scorer, {kNone<UserId>, history}, {0, 70}),
              w.Scores(*w.scorer, {kNone<UserId>, std::span(history).first(1)}, {0, 70}));
    // Training goes on from where it was.
    const TinyBatch batch(w.rows, 4);
    EXPECT_EQ(RunStep(&loaded, batch.batch).gradients,
              RunStep(w.model.get(), batch.batch).gradients);
  }
}

TEST(RippleNetSave, DamagedOrForeignModelsAreRefused) {
  World w(Options("replace", "paper", 4, 4, 2));
  TensorMap saved;
  w.model->Save(&saved);
  const auto load = [&](const TensorMap& in, std::shared_ptr<const Snapshot> s) {
    RippleNet model(Options("replace", "paper", 4, 4, 2), DType::kF32);
    return model.Load(in, std::move(s));
  };
  auto other = std::make_shared<Snapshot>(*w.snapshot);
  other->id_space = 8;
  EXPECT_EQ(load(saved, other).code(), absl::StatusCode::kFailedPrecondition);
  for (const auto& [name, tensor] : saved.tensors) {
    TensorMap broken = saved;
    broken.tensors.erase(name);
    const absl::Status missing = load(broken, w.snapshot);
    EXPECT_FALSE(missing.ok()) << name;
    EXPECT_NE(std::string(missing.message()).find(name), std::string::npos) << missing;
    broken.tensors[name] = tensor;
    broken.tensors[name].shape = {0};
    broken.tensors[name].bytes.clear();
    EXPECT_FALSE(load(broken, w.snapshot).ok()) << name;
  }
  TensorMap broken = saved;
  broken.tensors["state/ripple_head"].data<uint32_t>()[0] = 4000000;
  EXPECT_EQ(load(broken, w.snapshot).code(), absl::StatusCode::kInvalidArgument);
  broken = saved;
  broken.tensors["state/sizes"].data<int64_t>()[0] = int64_t{1} << 31;
  EXPECT_FALSE(load(broken, nullptr).ok());
}

TEST(RippleNetTraining, LossFalls) {
  World w(Options("replace", "paper", 8, 12, 2));
  Randomize(w.model.get(), 0.1, 5);
  propagation::OptimizerOptions options;
  options.learning_rate = 0.05;
  auto optimizer = *propagation::Optimizer::Create(options, w.model->parameters());
  const TinyBatch batch(w.rows, 4);
  propagation::Exec exec(nullptr);
  TrainingStep step(w.model.get(), &exec, 2);
  double first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    w.model->parameters()->ZeroGradients();
    last = *step.Run(batch.batch);
    if (i == 0) first = last;
    ASSERT_TRUE(optimizer->Step(nullptr).ok());
  }
  EXPECT_LT(last, 0.5 * first);
}

}  // namespace
}  // namespace undula::models
