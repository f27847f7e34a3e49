// train --from: tables that grow with the database, old rows bit for bit, the optimizer's state;
// and how old a model is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "kgstore/database.h"
#include "kgstore/take_snapshot.h"
#include "models/data/training_data.h"
#include "models/registry.h"
#include "models/train/warm_start.h"
#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::SmallWorld;
using test::WriteFile;
using testing::HasSubstr;

const char* const kFamilies[] = {"bpr_mf", "kgcn", "kgnn_ls", "ripplenet"};

template <class T>
T Ok(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

std::unique_ptr<Database> Open(const std::string& path, int threads = 1) {
  DatabaseOptions options;
  options.threads = threads;
  return Ok(Database::Open(path, options));
}

ImportOptions Tsv() {
  ImportOptions options;
  options.format = "tsv";
  return options;
}

// The small world, and items without a link: "x-late" gets one later, "x-never" does not.
void FirstImport(const SmallWorld& world, Database& db) {
  WriteFile(world.dir / "odd.csv", "item,title\nx-late,Late\nx-never,Never\n");
  for (const std::string& file :
       {world.graph, world.catalogue, world.dir / "odd.csv", world.interactions}) {
    const auto imported = db.Import(file);
    ASSERT_TRUE(imported.ok()) << imported.status();
  }
  WriteFile(world.dir / "odd.tsv",
            "user\titem\tweight\ttime\nuser-1\tx-late\t1\t5\nuser-2\tx-never\t1\t6\n");
  ASSERT_TRUE(db.Import(world.dir / "odd.tsv", Tsv()).ok());
  ASSERT_EQ(Ok(db.Link()).linked, SmallWorld::kFilms);
}

// New entities, a new relation, a link for x-late to a new entity, new items with and without one,
// new users.
void SecondImport(const SmallWorld& world, Database& db) {
  WriteFile(world.dir / "more.ttl",
            "@prefix w: <http://world.example/> .\n"
            "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
            "w:late rdfs:label \"Late\"@en ; w:genre w:genre1 .\n"
            "w:fresh rdfs:label \"Fresh\"@en ; w:sequelOf w:film3 ; w:genre w:genre2 .\n");
  WriteFile(world.dir / "more.csv", "item,title\nf-fresh,Fresh\nx-odd,Odd\n");
  WriteFile(world.dir / "more.tsv",
            "user\titem\tweight\ttime\nnew-1\tf-fresh\t1\t9000001\nnew-1\tf-2\t1\t9000002\n"
            "new-1\tf-7\t1\t9000003\nuser-1\tf-fresh\t1\t9000004\nuser-3\tx-odd\t1\t9000005\n");
  ASSERT_TRUE(db.Import(world.dir / "more.tsv", Tsv()).ok());
  for (const char* file : {"more.ttl", "more.csv"}) {
    const auto imported = db.Import(world.dir / file);
    ASSERT_TRUE(imported.ok()) << imported.status();
  }
  ASSERT_EQ(Ok(db.Link()).linked, 2);
}

TrainOptions Training(const std::string& family) {
  TrainOptions options;
  options.model = family;
  options.model_options = {{"dim", "8"}};
  if (family != "bpr_mf") options.model_options["hops"] = "2";
  if (family == "ripplenet") options.model_options["inverse_edges"] = "true";
  options.train_options = {{"epochs", "2"}, {"batch_size", "64"}, {"keep_optimizer", "true"}};
  options.split_options = {{"protocol", "time"}};
  options.device = "cpu";
  return options;
}

TensorMap Stored(const SmallWorld& world, const Database& db, const std::string& name) {
  const std::string file = world.dir / (name + ".safetensors");
  EXPECT_TRUE(db.ExportModel(name, file).ok());
  return Ok(ReadSafetensors(file));
}

// Row `row` of a tensor as bytes.
std::string Row(const TensorMap& map, const std::string& name, int64_t row) {
  const NamedTensor* t = map.Find(name);
  if (t == nullptr || row >= t->shape[0]) return "no row " + std::to_string(row) + " in " + name;
  const size_t width = t->bytes.size() / static_cast<size_t>(t->shape[0]);
  return {reinterpret_cast<const char*>(t->bytes.data()) + static_cast<size_t>(row) * width, width};
}

struct Grown {
  std::shared_ptr<const Snapshot> snapshot;
  models::TrainingData data;
};

Grown TakeGrown(const SmallWorld& world) {
  kgstore::OpenOptions options;
  options.read_only = true;
  const auto db = Ok(kgstore::Database::Open(world.database, options));
  const kgstore::ReadView view = Ok(db->Read());
  Grown out;
  out.snapshot = std::make_shared<const Snapshot>(Ok(kgstore::TakeSnapshot(view, db->arena())));
  const models::Split split =
      Ok(models::MakeSplit(*out.snapshot, models::SplitOptions{.protocol = "time"}));
  out.data = models::MakeTrainingData(out.snapshot, split.train, 1);
  return out;
}

// All that a warm start sets: parameters and the optimizer's state.
TensorMap StartOf(models::Model& model, const propagation::Optimizer& optimizer) {
  TensorMap out;
  model.parameters()->Save("param/", &out);
  optimizer.Save(models::kOptimizerPrefix, &out);
  return out;
}

class WarmStart : public testing::TestWithParam<const char*> {};

TEST_P(WarmStart, OldRowsAreBitEqualAndNewOnesAsBuilt) {
  const std::string family = GetParam();
  SmallWorld world;
  auto db = Open(world.database);
  FirstImport(world, *db);
  ASSERT_TRUE(db->Train(Training(family)).ok());
  const TensorMap old = Stored(world, *db, family);
  SecondImport(world, *db);
  db.reset();

  const Grown grown = TakeGrown(world);
  TaskArena workers(1);
  auto model = Ok(models::MakeModel(family, Training(family).model_options));
  ASSERT_TRUE(model->Build(grown.data, workers).ok());
  const auto optimizer = Ok(propagation::Optimizer::Create({}, model->parameters()));
  const TensorMap built = StartOf(*model, *optimizer);
  const auto report = models::WarmStart(old, *grown.snapshot, model.get(), optimizer.get());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->optimizer, "kept");
  EXPECT_GT(report->rows_new, 0);
  const TensorMap warm = StartOf(*model, *optimizer);

  const int64_t users = SmallWorld::kUsers, items = SmallWorld::kFilms + 2;
  const int64_t entities = SmallWorld::kFilms + SmallWorld::kDirectors + SmallWorld::kGenres;
  const Snapshot& s = *grown.snapshot;
  ASSERT_EQ(s.n_entities, entities + 2);
  ASSERT_EQ(s.n_relations, 6u);
  // Where the rows of `owner` were, and where they are; then which are new.
  struct Moves {
    std::vector<std::pair<int64_t, int64_t>> kept;
    std::vector<int64_t> fresh;
  };
  const auto plain = [](int64_t n, int64_t now) {
    Moves m;
    for (int64_t i = 0; i < n; ++i) m.kept.emplace_back(i, i);
    for (int64_t i = n; i < now; ++i) m.fresh.push_back(i);
    return m;
  };
  Moves entity = plain(entities, entities);
  // x-late had the first row after the entities and is w:late now; x-never had the second one.
  entity.kept.emplace_back(entities, entities);
  entity.kept.emplace_back(entities + 1, entities + 2);
  entity.fresh = {entities + 1, entities + 3};  // w:fresh; x-odd
  Moves relation = plain(5, 6);
  if (family == "ripplenet") {  // with the inverse ones
    for (int64_t r = 0; r < 5; ++r) relation.kept.emplace_back(5 + r, 6 + r);
    relation.fresh = {5, 11};
  }
  const std::pair<const char*, Moves> owners[] = {{"user", plain(users, s.n_users)},
                                                  {"item", plain(items, s.n_items)},
                                                  {"bias", plain(items, s.n_items)},
                                                  {"entity", entity},
                                                  {"relation", relation}};
  int64_t compared = 0, kept = 0, all = 0;
  for (const auto& [parameter, moves] : owners) {
    if (warm.Find(std::string("param/") + parameter) == nullptr) continue;
    kept += static_cast<int64_t>(moves.kept.size());
    all += static_cast<int64_t>(moves.kept.size() + moves.fresh.size());
    for (const char* kind : {"param/", "optim/m/", "optim/v/"}) {
      const std::string name = std::string(kind) + parameter;
      ASSERT_NE(old.Find(name), nullptr) << name;
      for (const auto& [from, to] : moves.kept) {
        EXPECT_EQ(Row(warm, name, to), Row(old, name, from)) << name << " " << from << " " << to;
        ++compared;
      }
      for (const int64_t row : moves.fresh) {
        EXPECT_EQ(Row(warm, name, row), Row(built, name, row)) << name << " " << row;
        ++compared;
      }
    }
  }
  EXPECT_EQ(report->rows_kept, kept);
  EXPECT_EQ(report->rows_new, all - kept);
  EXPECT_GT(compared, 100);
  // What does not grow is as it was, the step count too.
  EXPECT_EQ(warm.Find("optim/step")->bytes, old.Find("optim/step")->bytes);
  for (const char* name : {"param/weight_0", "param/bias_0", "param/weight_1", "param/transform"}) {
    if (warm.Find(name) == nullptr) continue;
    EXPECT_EQ(warm.Find(name)->bytes, old.Find(name)->bytes) << name;
  }
}

TEST_P(WarmStart, ShrinksWhatWasLearned) {
  const std::string family = GetParam();
  SmallWorld world;
  auto db = Open(world.database);
  FirstImport(world, *db);
  ASSERT_TRUE(db->Train(Training(family)).ok());
  const TensorMap old = Stored(world, *db, family);
  db.reset();

  const Grown grown = TakeGrown(world);
  TaskArena workers(1);
  auto model = Ok(models::MakeModel(family, Training(family).model_options));
  ASSERT_TRUE(model->Build(grown.data, workers).ok());
  const auto optimizer = Ok(propagation::Optimizer::Create({}, model->parameters()));
  ASSERT_TRUE(
      models::WarmStart(old, *grown.snapshot, model.get(), optimizer.get(), nullptr, .75).ok());
  size_t compared = 0;
  for (const auto& [name, now] : StartOf(*model, *optimizer).tensors) {
    const NamedTensor* const was = old.Find(name);
    ASSERT_NE(was, nullptr) << name;
    if (!name.starts_with("param/")) {
      EXPECT_TRUE(now.bytes == was->bytes) << name;  // the moments stay
      continue;
    }
    for (int64_t i = 0; i < now.size(); ++i, ++compared) {
      ASSERT_EQ(now.data<float>()[i], .75f * was->data<float>()[i]) << name << " " << i;
    }
  }
  EXPECT_GT(compared, 500u);
}

TEST_P(WarmStart, SameBitsForAnyNumberOfThreadsAlsoAfterRenumbering) {
  const std::string family = GetParam();
  SmallWorld world;
  {
    auto db = Open(world.database);
    FirstImport(world, *db);
    ASSERT_TRUE(db->Train(Training(family)).ok());
    SecondImport(world, *db);
  }
  const std::string renumbered = world.dir / "renumbered.undula";
  CompactOptions compact;
  compact.renumber = true;
  ASSERT_TRUE(Compact(world.database, renumbered, compact).ok());
  TensorMap first;
  for (const std::string& path : {world.database, renumbered}) {
    for (const int threads : {1, 2, 4}) {
      auto db = Open(path, threads);
      TrainOptions options;
      options.from = family;
      options.name = "next-" + std::to_string(threads);
      options.train_options = {{"metric", "none"}, {"new_rows", "fitted"}};
      options.split_options = {{"protocol", "all"}};  // the new users are in the training part
      options.device = "cpu";
      const auto report = db->Train(options);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_THAT(report->start, HasSubstr("model '" + family + "': "));
      // ripplenet has no rows of users
      if (family != "ripplenet") {
        EXPECT_THAT(report->start, HasSubstr(" fitted)"));
      }
      EXPECT_THAT(report->start, HasSubstr("optimizer state kept"));
      EXPECT_EQ(report->options.at("model.dim"), "8");  // inherited
      EXPECT_EQ(report->options.at("train.epochs"), "2");
      const TensorMap model = Stored(world, *db, options.name);
      if (threads == 1) first = model;
      ASSERT_EQ(model.tensors.size(), first.tensors.size());
      for (const auto& [name, tensor] : model.tensors) {
        EXPECT_TRUE(tensor.bytes == first.tensors[name].bytes) << name << ", " << threads;
      }
    }
  }
}

TEST(WarmStartRenumbered, MomentsStayWithTheirRows) {
  SmallWorld world;
  TensorMap old;
  {
    auto db = Open(world.database);
    FirstImport(world, *db);
    ASSERT_TRUE(db->Train(Training("ripplenet")).ok());
    old = Stored(world, *db, "ripplenet");
    SecondImport(world, *db);
  }
  const std::string renumbered = world.dir / "renumbered.undula";
  CompactOptions compact;
  compact.renumber = true;
  ASSERT_TRUE(Compact(world.database, renumbered, compact).ok());
  const TensorMap now = Stored(world, *Open(renumbered), "ripplenet");
  const int64_t rows = old.Find("param/entity")->shape[0];
  std::map<std::string, int64_t> row_of;  // by content: the rows are all different
  for (int64_t row = 0; row < rows; ++row) row_of[Row(now, "param/entity", row)] = row;
  ASSERT_EQ(row_of.size(), static_cast<size_t>(rows));
  int64_t moved = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t to = row_of.at(Row(old, "param/entity", row));
    moved += to != row;
    for (const char* name : {"optim/m/entity", "optim/v/entity"}) {
      EXPECT_EQ(Row(now, name, to), Row(old, name, row)) << name << " " << row;
    }
  }
  EXPECT_GT(moved, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, WarmStart, testing::ValuesIn(kFamilies));

TEST(WarmStartErrors, NameTheRemedy) {
  SmallWorld world;
  auto db = Open(world.database);
  FirstImport(world, *db);
  ASSERT_TRUE(db->Train(Training("bpr_mf")).ok());
  TrainOptions counting;
  counting.model = "most_popular";
  ASSERT_TRUE(db->Train(counting).ok());
  const auto error = [&](TrainOptions options) {
    options.device = "cpu";
    const auto report = db->Train(options);
    return report.ok() ? std::string("no error") : report.status().ToString();
  };
  TrainOptions options;
  options.from = "nobody";
  EXPECT_THAT(error(options), HasSubstr("no stored model 'nobody'; there are: bpr_mf"));
  options.from = "bpr_mf";
  options.model = "ripplenet";
  EXPECT_THAT(error(options), HasSubstr("is of the family bpr_mf, not ripplenet; leave --model"));
  options.model = "bpr_mf";
  options.model_options = {{"dim", "16"}};
  EXPECT_THAT(error(options),
              HasSubstr("was trained with model.dim = 8, not 16; leave the option"));
  TrainOptions popular;
  popular.from = "most_popular";
  EXPECT_THAT(error(popular), HasSubstr("train it without --from"));
}

TEST(WarmStartErrors, OtherOptimizersStateIsNotUsed) {
  SmallWorld world;
  auto db = Open(world.database);
  FirstImport(world, *db);
  ASSERT_TRUE(db->Train(Training("bpr_mf")).ok());
  TrainOptions options;
  options.from = "bpr_mf";
  options.train_options = {{"optimizer", "adagrad"}, {"keep_optimizer", "false"}};
  options.device = "cpu";
  EXPECT_THAT(Ok(db->Train(options)).start,
              HasSubstr("new (the stored one is of other optimizer options)"));
  // The model was stored over the old one, without the state of its optimizer.
  EXPECT_THAT(Ok(db->Train(options)).start, HasSubstr("new (none is stored)"));
  EXPECT_EQ(Stored(world, *db, "bpr_mf").Find("optim/step"), nullptr);
}

TEST(ModelAge, CountsWhatCameSince) {
  SmallWorld world;
  auto db = Open(world.database);
  FirstImport(world, *db);
  ASSERT_TRUE(db->Train(Training("bpr_mf")).ok());
  const ModelAge fresh = Ok(db->LoadRecommender("bpr_mf"))->age();
  EXPECT_TRUE(fresh.known);
  EXPECT_EQ(fresh.changes, 0);
  EXPECT_EQ(fresh.interactions, 0);
  EXPECT_THAT(fresh.trained, testing::EndsWith("Z"));
  SecondImport(world, *db);
  const ModelAge old = Ok(db->LoadRecommender("bpr_mf"))->age();
  EXPECT_EQ(old.changes, 4);  // three imports and the links
  EXPECT_EQ(old.interactions, 5);
  EXPECT_EQ(old.triples, 3);
  EXPECT_EQ(old.users, 1);
  EXPECT_EQ(old.items, 2);
  EXPECT_EQ(old.entities, 2);
  TrainOptions options;
  options.from = "bpr_mf";
  options.device = "cpu";
  ASSERT_TRUE(db->Train(options).ok());
  EXPECT_EQ(Ok(db->LoadRecommender("bpr_mf"))->age().changes, 0);
}

}  // namespace
}  // namespace undula
