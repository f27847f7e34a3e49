// The test list of the specification (models/ripplenet.md §13): hand-computed values, invariances,
// gradients by differences, chunks.
#include <gtest/gtest.h>

#include <cmath>

#include "models/registry.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {
namespace {

struct Built {
  std::shared_ptr<Snapshot> snapshot;
  std::vector<LabeledPair> rows;
  std::unique_ptr<RippleNet> model;
};

// 5 entities, 2 relations; item 0 is an item, a head and a tail, and item 2 has no outgoing edge.
Built Small(const RippleNetOptions& options, DType dtype = DType::kF64) {
  Built b;
  b.snapshot = TinySnapshot(
      5, 2, 2, {{0, 0, 1}, {0, 1, 3}, {1, 0, 0}, {1, 1, 4}, {3, 0, 0}, {4, 1, 2}}, {0, 1, 2});
  b.rows = {{UserId{0}, ItemId{0}, 1},
            {UserId{0}, ItemId{1}, 0},
            {UserId{0}, ItemId{2}, 1},
            {UserId{1}, ItemId{1}, 1},
            {UserId{1}, ItemId{0}, 0}};
  b.model = std::make_unique<RippleNet>(options, dtype);
  TaskArena workers(1);
  EXPECT_TRUE(b.model->Build(MakeTrainingData(b.snapshot, b.rows, 1), workers).ok());
  Randomize(b.model.get(), 0.8, 11);
  return b;
}

RippleNetOptions Options(const std::string& update, const std::string& scoring, bool all_hops) {
  RippleNetOptions o;
  o.dim = 3;
  o.hops = 2;
  o.memory = 4;
  o.item_update = update;
  o.scoring = scoring;
  o.using_all_hops = all_hops;
  o.kge_weight = 0.3;
  o.l2_weight = 0.02;
  return o;
}

std::vector<RippleNetOptions> AllModes() {
  std::vector<RippleNetOptions> modes;
  for (const char* update : {"replace", "plus", "replace_transform", "plus_transform"}) {
    for (const char* scoring : {"paper", "code"}) {
      for (const bool all : {true, false}) modes.push_back(Options(update, scoring, all));
    }
  }
  return modes;
}

// One user, d = 1, one relation with R = 1, slots (1 -> 10) and (2 -> 20) as entity values.
double OneDimensional(const std::string& scoring, double v) {
  RippleNetOptions o = Options("plus", scoring, true);
  o.dim = 1;
  o.hops = 1;
  o.memory = 2;
  const auto snapshot = TinySnapshot(5, 1, 1, {{1, 0, 3}, {2, 0, 4}}, {0, 1});
  const std::vector<LabeledPair> rows = {{UserId{0}, ItemId{0}, 1}, {UserId{0}, ItemId{1}, 1}};
  RippleNet model(o, DType::kF64);
  TaskArena workers(1);
  EXPECT_TRUE(model.Build(MakeTrainingData(snapshot, rows, 1), workers).ok());
  const RippleTriple slots[] = {{0, 1, 3}, {0, 2, 4}};
  const int64_t ptr[] = {0, 2};
  EXPECT_TRUE(model.SetRippleSets(ptr, slots).ok());
  SetValues({v, 1, 2, 10, 20}, model.parameters()->Find("entity"));
  SetValues({1}, model.parameters()->Find("relation"));
  const TinyBatch batch({rows[0]}, 1);
  return ForwardLogits(&model, batch.batch)[0];
}

TEST(RippleNetMath, HandComputedOneDimensionalCase) {
  const double v = std::log(3.0);  // attention (.25, .75), o = 17.5
  EXPECT_NEAR(OneDimensional("code", v), 325.4757, 1e-4);
  EXPECT_NEAR(OneDimensional("paper", v), 19.2257, 1e-4);
  EXPECT_NEAR(OneDimensional("code", 0), 15 * 15, 1e-9);  // attention (.5, .5), o = 15
}

TEST(RippleNetMath, GradientsMatchDifferences) {
  for (const RippleNetOptions& o : AllModes()) {
    Built b = Small(o);
    const TinyBatch batch(b.rows, 2);
    const StepResult exact = RunStep(b.model.get(), batch.batch);
    double largest = 0;
    for (const auto& g : exact.gradients) largest = std::max(largest, MaxAbs(g));
    size_t number = 0;
    for (const auto& p : b.model->parameters()->all()) {
      std::vector<double> values = Values(p->value), numeric(values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        const double h = 1e-5, keep = values[i];
        double loss[2];
        for (const int side : {0, 1}) {
          values[i] = keep + (side == 0 ? h : -h);
          SetValues(values, p.get());
          loss[side] = RunStep(b.model.get(), batch.batch).loss;
        }
        values[i] = keep;
        numeric[i] = (loss[0] - loss[1]) / (2 * h);
      }
      SetValues(values, p.get());
      EXPECT_LE(MaxDifference(exact.gradients[number], numeric), 1e-7 * std::max(1.0, largest))
          << p->name << " " << o.item_update << " " << o.scoring << " " << o.using_all_hops;
      ++number;
    }
  }
}

void ExpectSameStep(const StepResult& a, const StepResult& b, double tolerance) {
  EXPECT_NEAR(a.loss, b.loss, tolerance * std::max(1.0, std::fabs(a.loss)));
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (size_t i = 0; i < a.gradients.size(); ++i) {
    EXPECT_LE(MaxDifference(a.gradients[i], b.gradients[i]),
              tolerance * std::max(1.0, MaxAbs(a.gradients[i])));
  }
}

// Every hop's slots: 4 triples of which one is there twice.
std::vector<RippleTriple> SlotsWithRepeats() {
  const std::vector<RippleTriple> hop = {{0, 0, 1}, {1, 0, 3}, {0, 0, 1}, {0, 3, 0}};
  std::vector<RippleTriple> all;
  for (int i = 0; i < 4; ++i) all.insert(all.end(), hop.begin(), hop.end());
  return all;
}

StepResult StepWith(const RippleNetOptions& o, const std::vector<RippleTriple>& slots) {
  Built b = Small(o);
  const int64_t n = static_cast<int64_t>(slots.size()) / 4;
  const int64_t ptr[] = {0, n, 2 * n, 3 * n, 4 * n};
  EXPECT_TRUE(b.model->SetRippleSets(ptr, slots).ok());
  const TinyBatch batch(b.rows, 8);
  return RunStep(b.model.get(), batch.batch);
}

TEST(RippleNetMath, OrderOfSlotsDoesNotMatter) {
  std::vector<RippleTriple> slots = SlotsWithRepeats(), permuted = slots;
  for (int r = 0; r < 4; ++r) std::reverse(permuted.begin() + 4 * r, permuted.begin() + 4 * r + 4);
  const RippleNetOptions o = Options("plus_transform", "code", true);
  ExpectSameStep(StepWith(o, slots), StepWith(o, permuted), 1e-12);
}

TEST(RippleNetMath, CountsEqualTheExpandedSlots) {
  for (const char* update : {"replace", "plus_transform"}) {
    RippleNetOptions merged = Options(update, "paper", true), expanded = merged;
    expanded.dedupe = false;
    ExpectSameStep(StepWith(merged, SlotsWithRepeats()), StepWith(expanded, SlotsWithRepeats()),
                   1e-12);
  }
}

TEST(RippleNetMath, DoublingEverySlotChangesNoScore) {
  RippleNetOptions o = Options("plus", "code", true);
  std::vector<std::vector<double>> logits;
  for (const int times : {1, 2}) {
    Built b = Small(o);
    std::vector<RippleTriple> slots;
    for (const RippleTriple& t : SlotsWithRepeats()) slots.insert(slots.end(), times, t);
    const int64_t n = 4 * times;
    const int64_t ptr[] = {0, n, 2 * n, 3 * n, 4 * n};
    ASSERT_TRUE(b.model->SetRippleSets(ptr, slots).ok());
    const TinyBatch batch(b.rows, 8);
    logits.push_back(ForwardLogits(b.model.get(), batch.batch));
  }
  EXPECT_LE(MaxDifference(logits[0], logits[1]), 1e-12);
}

TEST(RippleNetMath, OneTripleOnlyGivesItsTail) {
  RippleNetOptions o = Options("replace", "paper", true);
  o.kge_weight = o.l2_weight = 0;
  Built b = Small(o);
  const std::vector<RippleTriple> slots(8, RippleTriple{1, 0, 3});
  const int64_t ptr[] = {0, 2, 4, 6, 8};
  ASSERT_TRUE(b.model->SetRippleSets(ptr, slots).ok());
  const TinyBatch batch(b.rows, 8);
  const std::vector<double> logits = ForwardLogits(b.model.get(), batch.batch);
  const std::vector<double> e = Values(b.model->parameters()->Find("entity")->value);
  for (size_t r = 0; r < b.rows.size(); ++r) {
    double dot = 0;
    for (int c = 0; c < 3; ++c) dot += e[Index(b.rows[r].item) * 3 + c] * 2 * e[3 * 3 + c];
    EXPECT_NEAR(logits[r], dot, 1e-12);
  }
  // The attention cannot change, so nothing reaches the relation.
  EXPECT_EQ(MaxAbs(RunStep(b.model.get(), batch.batch).gradients[1]), 0);
}

TEST(RippleNetMath, IdentityTransformChangesNothing) {
  for (const char* update : {"plus", "replace"}) {
    const RippleNetOptions plain = Options(update, "code", true);
    RippleNetOptions with = plain;
    with.item_update = std::string(update) + "_transform";
    Built a = Small(plain), b = Small(with);
    SetValues({1, 0, 0, 0, 1, 0, 0, 0, 1}, b.model->parameters()->Find("transform"));
    const TinyBatch batch(a.rows, 8);
    EXPECT_LE(MaxDifference(ForwardLogits(a.model.get(), batch.batch),
                            ForwardLogits(b.model.get(), batch.batch)),
              1e-12);
  }
}

// L2 by counts against the sum over every (row, hop, slot).
TEST(RippleNetMath, CountedL2EqualsTheSumOverSlots) {
  RippleNetOptions o = Options("replace", "paper", true);
  Built with = Small(o);
  o.l2_weight = 0;
  Built without = Small(o);
  const TinyBatch batch(with.rows, 8);
  const double l2 =
      RunStep(with.model.get(), batch.batch).loss - RunStep(without.model.get(), batch.batch).loss;
  const std::vector<double> e = Values(with.model->parameters()->Find("entity")->value);
  const std::vector<double> m = Values(with.model->parameters()->Find("relation")->value);
  const auto norm = [](const std::vector<double>& x, int64_t row, int64_t n) {
    double sum = 0;
    for (int64_t c = 0; c < n; ++c) sum += x[row * n + c] * x[row * n + c];
    return sum;
  };
  const RippleMemory& memory = with.model->memory();
  double want = 0;
  for (const LabeledPair& row : with.rows) {
    for (int64_t s = memory.slot_ptr[Index(row.user) * 2];
         s < memory.slot_ptr[Index(row.user) * 2 + 2]; ++s) {
      const RippleTriple t = memory.TripleOf(memory.triple[s]);
      want += memory.count[s] * (norm(e, t.head, 3) + norm(e, t.tail, 3) + norm(m, t.relation, 9));
    }
  }
  EXPECT_NEAR(l2, 0.02 * want, 1e-10);
}

// The work shared by a chunk is weighted by its rows: any chunk size has the same loss and
// gradients.
TEST(RippleNetMath, ChunksEqualSingleRows) {
  for (const char* norm : {"mean", "sum"}) {
    RippleNetOptions o = Options("plus_transform", "code", true);
    o.kge_norm = norm;
    Built b = Small(o);
    const TinyBatch one(b.rows, 1), two(b.rows, 2), all(b.rows, 8);
    const StepResult single = RunStep(b.model.get(), one.batch);
    ExpectSameStep(single, RunStep(b.model.get(), two.batch), 1e-12);
    ExpectSameStep(single, RunStep(b.model.get(), all.batch, 5), 1e-12);
  }
}

// Chunk size 1 is plain batching: the same rows in the same order give the same bits, whether they
// come from the batcher or are laid out by hand.
TEST(RippleNetMath, ChunkSizeOneIsPlainBatching) {
  Built b = Small(Options("replace", "paper", true), DType::kF32);
  const TinyBatch by_hand(b.rows, 1);
  ASSERT_EQ(by_hand.batch.chunks(), by_hand.batch.rows());
  std::vector<int64_t> plain(b.rows.size() + 1);
  std::iota(plain.begin(), plain.end(), 0);
  Batch batch = by_hand.batch;
  batch.chunk_ptr = plain;
  const StepResult a = RunStep(b.model.get(), by_hand.batch), c = RunStep(b.model.get(), batch);
  EXPECT_EQ(a.loss, c.loss);
  EXPECT_EQ(a.gradients, c.gradients);
}

TEST(RippleNetMath, Float32FollowsFloat64) {
  for (const RippleNetOptions& o : AllModes()) {
    Built f32 = Small(o, DType::kF32), f64 = Small(o, DType::kF64);
    const TinyBatch batch(f32.rows, 2);
    ExpectSameStep(RunStep(f64.model.get(), batch.batch), RunStep(f32.model.get(), batch.batch),
                   1e-5);
  }
}

TEST(RippleNetMath, SlicesAreTheSameBatch) {
  Built b = Small(Options("plus_transform", "paper", true));
  const TinyBatch batch(b.rows, 1);
  ExpectSameStep(RunStep(b.model.get(), batch.batch, 1), RunStep(b.model.get(), batch.batch, 4),
                 1e-12);
}

TEST(RippleNetOptions, DegenerateCombinationIsRefused) {
  const auto model = kRippleNetSpec.make(
      {{"item_update", "replace"}, {"using_all_hops", "false"}, {"scoring", "code"}}, DType::kF32);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(model.status().message()).find("never negative"), std::string::npos);
  const auto unknown = kRippleNetSpec.make({{"hop", "2"}}, DType::kF32);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(std::string(unknown.status().message()).find("hops"), std::string::npos);
}

TEST(RippleNetBuild, NeedsLinksAndPositives) {
  TaskArena workers(1);
  RippleNet model(RippleNetOptions{}, DType::kF32);
  const auto unlinked = TinySnapshot(3, 1, 1, {{0, 0, 1}}, {-1, -1});
  const absl::Status no_links = model.Build(
      MakeTrainingData(unlinked, std::vector<LabeledPair>{{UserId{0}, ItemId{0}, 1}}, 1), workers);
  EXPECT_EQ(no_links.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(no_links.message()).find("undula link"), std::string::npos);
  const auto linked = TinySnapshot(3, 1, 1, {{0, 0, 1}}, {0, 1});
  EXPECT_EQ(model.Build(MakeTrainingData(linked, {}, 1), workers).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(RippleNetBuild, StartsAsTheAuthorsProgram) {
  RippleNetOptions o = Options("plus_transform", "code", true);
  o.dim = 16;
  RippleNet model(o, DType::kF64);
  TaskArena workers(1);
  const auto s = RandomSnapshot(200, 4, 3, 50, 400, 1);
  ASSERT_TRUE(model.Build(MakeTrainingData(s, RandomRows(*s, 4, 1), 1), workers).ok());
  const auto limit = [&](const char* name) {
    return MaxAbs(Values(model.parameters()->Find(name)->value));
  };
  EXPECT_NEAR(limit("entity"), std::sqrt(6.0 / (200 + 16)), 0.01);
  EXPECT_NEAR(limit("relation"), std::sqrt(6.0 / (2 * 4 * 16)), 0.01);
  EXPECT_NEAR(limit("transform"), std::sqrt(6.0 / 32), 0.02);
}

}  // namespace
}  // namespace undula::models
