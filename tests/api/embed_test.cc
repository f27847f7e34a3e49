// Database::Embed: vectors of the whole graph, stored like imported ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::SmallWorld;
using testing::HasSubstr;

std::unique_ptr<Database> OpenWith(const SmallWorld& world, int threads = 1) {
  DatabaseOptions options;
  options.create = true;
  options.threads = threads;
  auto db = Database::Open(world.database, options);
  EXPECT_TRUE(db.ok()) << db.status();
  const auto imported = (*db)->Import(world.graph);
  EXPECT_TRUE(imported.ok()) << imported.status();
  return *std::move(db);
}

EmbedOptions Small() {
  EmbedOptions options;
  options.model_options = {{"dim", "8"}};
  options.train_options = {{"epochs", "20"}, {"batch_size", "32"}, {"learning_rate", "0.05"}};
  options.triple_options = {{"valid_share", "0.1"}, {"test_share", "0.1"}};
  return options;
}

TEST(Embed, StoresVectorsOfEveryEntityAndRelation) {
  SmallWorld world;
  auto db = OpenWith(world);
  const auto report = db->Embed(Small());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->name, "transe");
  EXPECT_EQ(report->relations_name, "transe.relations");
  ASSERT_EQ(report->rows.size(), 2u);
  EXPECT_EQ(report->rows[1].part, "test");
  std::map<std::string, double> test;
  for (const Metric& m : report->rows[1].metrics) test[m.name] = m.value;
  EXPECT_GT(test["mrr"], 0);
  EXPECT_LE(test["hits@1"], test["hits@10"]);
  const auto stats = db->Stats();
  ASSERT_TRUE(stats.ok());
  const auto entities = db->ReadVectors("transe"), relations = db->ReadVectors("transe.relations");
  ASSERT_TRUE(entities.ok()) << entities.status();
  ASSERT_TRUE(relations.ok()) << relations.status();
  EXPECT_EQ(entities->space, "entities");
  EXPECT_EQ(static_cast<int64_t>(entities->names.size()), stats->entities);
  EXPECT_EQ(static_cast<int64_t>(relations->names.size()), stats->relations);
  EXPECT_EQ(entities->dim, 8);
  EXPECT_THAT(entities->source, HasSubstr("form transe"));
  double squares = 0;
  for (int c = 0; c < 8; ++c) squares += double{entities->values[c]} * entities->values[c];
  EXPECT_NEAR(squares, 1, 1e-5);
  // Again under the same name, with other options: replaced.
  EmbedOptions other = Small();
  other.name = "transe";
  other.model_options = {{"dim", "4"}, {"form", "distmult"}, {"loss", "logistic"}};
  ASSERT_TRUE(db->Embed(other).ok());
  EXPECT_EQ(db->ReadVectors("transe")->dim, 4);
}

TEST(Embed, SameVectorsForThreads) {
  std::vector<float> first;
  for (const int threads : {1, 2}) {
    SmallWorld world;
    auto db = OpenWith(world, threads);
    ASSERT_TRUE(db->Embed(Small()).ok());
    const auto vectors = db->ReadVectors("transe");
    ASSERT_TRUE(vectors.ok());
    if (first.empty()) first = vectors->values;
    EXPECT_EQ(vectors->values, first);
  }
}

TEST(Embed, ACancelledRunGoesOn) {
  SmallWorld one, two;
  auto whole = OpenWith(one), cut = OpenWith(two);
  ASSERT_TRUE(whole->Embed(Small()).ok());
  Progress progress([](int64_t, int64_t, std::string_view) {});
  EmbedOptions options = Small();
  int epochs = 0;
  options.on_epoch = [&](std::string_view) {
    if (++epochs == 3) progress.Cancel();
  };
  const auto cancelled = cut->Embed(options, &progress);
  ASSERT_EQ(cancelled.status().code(), absl::StatusCode::kCancelled) << cancelled.status();
  EXPECT_EQ(cut->ReadVectors("transe").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(cut->Embed(Small()).ok());
  EXPECT_EQ(cut->ReadVectors("transe")->values, whole->ReadVectors("transe")->values);
}

TEST(Embed, ATrainedModelIsNotReplacedAndIsNoticedBeforeTheTraining) {
  SmallWorld world;
  auto db = OpenWith(world);
  ASSERT_TRUE(db->Import(world.catalogue).ok());
  ASSERT_TRUE(db->Import(world.interactions).ok());
  TrainOptions train;
  train.model = "most_popular";
  train.name = "transe.relations";
  ASSERT_TRUE(db->Train(train).ok());
  EmbedOptions options = Small();
  int epochs = 0;
  options.on_epoch = [&](std::string_view) { ++epochs; };
  const auto refused = db->Embed(options);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("trained model"));
  EXPECT_EQ(epochs, 0);
  EXPECT_EQ(db->ReadVectors("transe").status().code(), absl::StatusCode::kNotFound);
}

TEST(Embed, EveryModelCanStartFromTheVectors) {
  SmallWorld world;
  auto db = OpenWith(world);
  ASSERT_TRUE(db->Import(world.catalogue).ok());
  ASSERT_TRUE(db->Import(world.interactions).ok());
  ASSERT_TRUE(db->Link().ok());
  ASSERT_TRUE(db->Embed(Small()).ok());
  for (const char* model : {"bpr_mf", "kgcn", "ripplenet", "sr_gnn"}) {
    TrainOptions train;
    train.model = model;
    train.model_options = {{"dim", "8"}};
    train.train_options = {{"epochs", "1"}, {"init_vectors", "transe"}, {"freeze_vectors", "true"}};
    const auto report = db->Train(train);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->start, HasSubstr("from vectors 'transe'")) << model;
    // What a later training starts from are the model's own rows.
    TrainOptions again;
    again.from = model;
    again.train_options = {{"epochs", "1"}};
    const auto warm = db->Train(again);
    ASSERT_TRUE(warm.ok()) << warm.status();
    EXPECT_EQ(warm->options.at("train.init_vectors"), "");
  }
  TuneOptions tune;
  tune.ranges_file = world.dir / "ranges.toml";
  tune.directory = world.dir / "search";
  test::WriteFile(
      tune.ranges_file,
      "[tune]\ntrials = 2\nepochs = 1\n[bpr_mf]\ndim = 8\n"
      "init_vectors = [\"\", \"transe\"]\n[ksr]\ndim = 8\nentity_vectors = \"transe\"\n");
  const auto searched = db->Tune(tune);
  ASSERT_TRUE(searched.ok()) << searched.status();
  for (const TuneRow& row : searched->rows) EXPECT_EQ(row.error, "");
}

TEST(Embed, VectorsAreExportedForNumPy) {
  SmallWorld world;
  auto db = OpenWith(world);
  ASSERT_TRUE(db->Import(world.catalogue).ok());
  ASSERT_TRUE(db->Import(world.interactions).ok());
  ASSERT_TRUE(db->Embed(Small()).ok());
  const std::string file = world.dir / "transe.npy";
  const auto rows = db->ExportVectors("transe", file);
  ASSERT_TRUE(rows.ok()) << rows.status();
  VectorImportOptions import;
  import.name = "again";
  import.names_file = file + ".names";
  const auto back = db->ImportVectors(file, import);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->stored, *rows);
  EXPECT_EQ(db->ReadVectors("again")->values, db->ReadVectors("transe")->values);
  TrainOptions train;
  train.model = "bpr_mf";
  train.train_options = {{"epochs", "1"}};
  ASSERT_TRUE(db->Train(train).ok());
  const auto items = db->ExportVectors("bpr_mf", world.dir / "items.npy");
  ASSERT_TRUE(items.ok()) << items.status();
  EXPECT_EQ(*items, db->Stats()->items);
  train.model = "most_popular";
  ASSERT_TRUE(db->Train(train).ok());
  EXPECT_EQ(db->ExportVectors("most_popular", file).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(db->ExportVectors("nothing", file).status().code(), absl::StatusCode::kNotFound);
}

TEST(Embed, BadInput) {
  SmallWorld world;
  auto db = OpenWith(world);
  EmbedOptions options = Small();
  options.model_options = {{"from", "transe"}};
  EXPECT_EQ(db->Embed(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Small();
  options.triple_options = {{"test_share", "1"}};
  EXPECT_EQ(db->Embed(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Small();
  options.name = "a/b";
  EXPECT_EQ(db->Embed(options).status().code(), absl::StatusCode::kInvalidArgument);
  SmallWorld empty;
  DatabaseOptions create;
  create.create = true;
  auto nothing = Database::Open(empty.database, create);
  ASSERT_TRUE(nothing.ok());
  const auto none = (*nothing)->Embed(Small());
  EXPECT_EQ(none.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("import a graph first"));
}

}  // namespace
}  // namespace undula
