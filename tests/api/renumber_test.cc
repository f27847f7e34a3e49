// compact --renumber: new ids, the same scores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kgstore/model_store.h"
#include "kgstore/read_view.h"
#include "kgstore/take_snapshot.h"
#include "models/registry.h"
#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::SmallWorld;
using test::WriteFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kWorld[] = "http://world.example/";
const char* const kFamilies[] = {"bpr_mf",  "item_log_odds", "kgcn",
                                 "kgnn_ls", "most_popular",  "ripplenet"};

template <class T>
T Ok(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

std::unique_ptr<Database> Open(const std::string& path) {
  DatabaseOptions options;
  options.create = true;
  options.threads = 1;
  return Ok(Database::Open(path, options));
}

void FirstImport(const SmallWorld& world, Database& db) {
  for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
    ASSERT_TRUE(db.Import(file).ok());
  }
  ASSERT_EQ(Ok(db.Link()).linked, SmallWorld::kFilms);
}

void TrainAll(Database& db) {
  for (const std::string family : kFamilies) {
    TrainOptions options;
    options.model = family;
    if (family == "ripplenet" || family == "kgcn" || family == "kgnn_ls") {
      options.model_options = {{"dim", "8"}, {"hops", "2"}};
    }
    options.train_options = {{"epochs", "2"}};
    options.device = "cpu";
    ASSERT_TRUE(db.Train(options).ok()) << family;
  }
}

// Entities that were not known to the models, the most connected one last; triples that turn the
// degrees of the known ones round; quads, social edges, vectors; a name that ends up dead.
void SecondImport(const SmallWorld& world, Database& db) {
  std::string quads;
  const auto add = [&](const std::string& head, const std::string& tail, bool named) {
    quads += "<" + (kWorld + head) + "> <" + kWorld + "touches> <" + kWorld + tail + ">" +
             (named ? std::string(" <") + kWorld + "graph> .\n" : " .\n");
  };
  add("late", "film1", true);
  for (int f = 0; f < SmallWorld::kFilms; ++f) {
    add("hub", "film" + std::to_string(f), f % 2 == 0);
    for (int k = 0; k < f / 4; ++k) {
      add("film" + std::to_string(f), "film" + std::to_string(k), false);
    }
  }
  WriteFile(world.dir / "more.nq", quads);
  ASSERT_TRUE(db.Import(world.dir / "more.nq").ok());
  const std::string dead = std::string("<") + kWorld + "dead> <" + kWorld + "touches> <" + kWorld +
                           "film1> .\n<" + kWorld + "film2> <" + kWorld + "note> \"dead\" .\n";
  std::string deleting = "D " + dead;
  deleting.insert(deleting.find('\n') + 1, "D ");
  std::string adding = "A " + dead;
  adding.insert(adding.find('\n') + 1, "A ");
  WriteFile(world.dir / "dead.patch", adding + deleting +
                                          "A\tinteraction\tuser-900\tf-3\t1\t9000001\n"
                                          "A\tsocial\tuser-1\tuser-900\nA\tuser\tuser-2\tage=30\n");
  const auto updated = db.Update(world.dir / "dead.patch");
  ASSERT_TRUE(updated.ok()) << updated.status();
  ASSERT_TRUE(db.Forget("user-7").ok());
  ASSERT_TRUE(db.Forget("user-8").ok());
  WriteFile(world.dir / "words.vec",
            std::string(kWorld) + "hub 1 2\n" + kWorld + "film5 3 4\n" + kWorld + "film9 5 6\n");
  VectorImportOptions vectors;
  vectors.name = "words";
  ASSERT_TRUE(db.ImportVectors(world.dir / "words.vec", vectors).ok());
}

// Family -> scores of all users and items of the first import.
std::map<std::string, std::vector<double>> Scores(const Database& db) {
  std::vector<std::string> items;
  for (int f = 0; f < SmallWorld::kFilms; ++f) items.push_back("f-" + std::to_string(f));
  std::map<std::string, std::vector<double>> scores;
  for (const std::string family : kFamilies) {
    const auto recommender = Ok(db.LoadRecommender(family));
    for (int u = 0; u < SmallWorld::kUsers; ++u) {
      if (u == 7 || u == 8) continue;  // to be forgotten
      for (const double s : Ok(recommender->Score("user-" + std::to_string(u), items))) {
        scores[family].push_back(s);
      }
    }
  }
  return scores;
}

// What the models looked at: hop, triple by names and labels -> weight.
std::map<std::string, double> Attention(const Database& db) {
  std::map<std::string, double> seen;
  for (const std::string family : {"kgcn", "ripplenet"}) {
    const auto recommender = Ok(db.LoadRecommender(family));
    const Explanation why = Ok(recommender->Explain("user-3", "f-12", {.slots = 0}));
    for (const auto& hop : why.hops) {
      for (const Reason& reason : hop) {
        const PathEdge& edge = reason.path.back();
        seen[family + std::to_string(reason.hop) + " " + edge.head + edge.head_label + " " +
             edge.relation + " " + edge.tail + edge.tail_label] += reason.weight;
      }
    }
  }
  return seen;
}

struct Names {
  uint64_t id_space = 0;
  std::vector<std::string> entities, users, items, relations;  // by id
  std::vector<int64_t> degree;                                 // by entity id
};

Names ReadNames(const std::string& path) {
  kgstore::OpenOptions options;
  options.read_only = true;
  const auto db = Ok(kgstore::Database::Open(path, options));
  const kgstore::ReadView view = Ok(db->Read());
  const Snapshot snapshot = Ok(kgstore::TakeSnapshot(view, db->arena()));
  Names names;
  names.id_space = db->id_space();
  for (uint32_t i = 0; i < view.counts().entities; ++i) {
    names.entities.push_back(Ok(view.EntityName(EntityId{i})));
    EXPECT_EQ(Ok(view.FindEntity(names.entities.back())), EntityId{i});
    names.degree.push_back(snapshot.out.ptr[i + 1] - snapshot.out.ptr[i] + snapshot.in.ptr[i + 1] -
                           snapshot.in.ptr[i]);
  }
  for (uint32_t i = 0; i < view.counts().users; ++i) {
    names.users.push_back(Ok(view.UserName(UserId{i})));
  }
  for (uint32_t i = 0; i < view.counts().items; ++i) {
    names.items.push_back(Ok(view.ItemName(ItemId{i})));
  }
  for (uint32_t i = 0; i < view.counts().relations; ++i) {
    names.relations.push_back(Ok(view.RelationName(RelationId{i})));
  }
  EXPECT_EQ(Ok(view.FindUser("")), kNone<UserId>);
  return names;
}

void ExpectSound(const std::string& path) {
  for (const VerifyReport::Finding& finding : Ok(Verify(path)).findings) {
    ADD_FAILURE() << finding.what;
  }
}

class Renumber : public testing::TestWithParam<const char*> {};

// The acceptance line of issue 3: import, train, second import, renumber.
TEST_P(Renumber, OldScoresStayAtEveryStep) {
  SmallWorld world;
  const std::string copy = world.dir / "copy.undula";
  auto db = Open(world.database);
  FirstImport(world, *db);
  const size_t trained = static_cast<size_t>(Ok(db->Stats()).entities);
  TrainAll(*db);
  const auto scores = Scores(*db);
  const auto attention = Attention(*db);
  SecondImport(world, *db);
  EXPECT_EQ(Scores(*db), scores);
  db.reset();

  const Names before = ReadNames(world.database);
  const ContentSums content = Ok(SumContent(world.database));
  CompactOptions options;
  options.renumber = true;
  options.dictionary = GetParam();
  const auto report = Compact(world.database, copy, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->dropped_models, IsEmpty());
  ExpectSound(copy);
  EXPECT_EQ(Ok(SumContent(copy)).all, content.all);
  const Names after = ReadNames(copy);

  // New ids, in order of the degree below and from the models' number of entities on.
  EXPECT_NE(after.id_space, before.id_space);
  EXPECT_NE(after.entities, before.entities);
  EXPECT_TRUE(std::is_sorted(after.degree.begin(), after.degree.begin() + trained,
                             std::greater<int64_t>()));
  EXPECT_TRUE(
      std::is_sorted(after.degree.begin() + trained, after.degree.end(), std::greater<int64_t>()));
  const auto id = [](const Names& names, const std::string& name) {
    return std::find(names.entities.begin(), names.entities.end(), kWorld + name) -
           names.entities.begin();
  };
  EXPECT_GT(id(before, "hub"), id(before, "late"));
  EXPECT_EQ(id(after, "hub"), trained);
  EXPECT_NE(id(after, "film47"), id(before, "film47"));
  const std::set<std::string> first_before(before.entities.begin(),
                                           before.entities.begin() + trained);
  EXPECT_EQ(std::set<std::string>(after.entities.begin(), after.entities.begin() + trained),
            first_before);
  // The graph's name is used, the dead one is gone.
  EXPECT_EQ(after.entities.size() + 1, before.entities.size());
  EXPECT_LT(id(after, "graph"), after.entities.size());
  EXPECT_LT(id(before, "dead"), before.entities.size());
  EXPECT_EQ(id(after, "dead"), after.entities.size());
  EXPECT_EQ(after.users, before.users);
  EXPECT_EQ(after.items, before.items);
  EXPECT_EQ(after.relations, before.relations);

  db = Open(copy);
  EXPECT_EQ(Scores(*db), scores);
  const auto attention_after = Attention(*db);
  ASSERT_EQ(attention_after.size(), attention.size());
  for (const auto& [edge, weight] : attention) {
    ASSERT_EQ(attention_after.count(edge), 1u) << edge;
    EXPECT_NEAR(attention_after.at(edge), weight, 1e-6) << edge;
  }
  const StoredVectors vectors = Ok(db->ReadVectors("words"));
  std::map<std::string, std::vector<float>> rows;
  for (size_t i = 0; i < vectors.names.size(); ++i) {
    rows[vectors.names[i].substr(sizeof kWorld - 1)] = {vectors.values[2 * i],
                                                        vectors.values[2 * i + 1]};
  }
  EXPECT_THAT(rows, ElementsAre(std::pair("film5", std::vector<float>{3, 4}),
                                std::pair("film9", std::vector<float>{5, 6}),
                                std::pair("hub", std::vector<float>{1, 2})));
  // Histories fold in, stored models are evaluated on their split, imports go on.
  const std::vector<std::string> history = {"f-3", "f-11"};
  EXPECT_EQ(Ok(Ok(db->LoadRecommender("ripplenet"))->RecommendForHistory(history, {.k = 5})).size(),
            5u);
  EvaluateOptions evaluate;
  evaluate.name = "kgcn";
  EXPECT_TRUE(db->Evaluate(evaluate).ok());
  WriteFile(world.dir / "third.nt",
            std::string("<") + kWorld + "film3> <" + kWorld + "touches> <" + kWorld + "third> .\n");
  ASSERT_TRUE(db->Import(world.dir / "third.nt").ok());
  EXPECT_EQ(Scores(*db), scores);
  db.reset();

  // Once more, in place: segments are those of the models still.
  options.replace = true;
  ASSERT_TRUE(Compact(copy, "", options).ok());
  ExpectSound(copy);
  EXPECT_EQ(Scores(*Open(copy)), scores);
}
INSTANTIATE_TEST_SUITE_P(Dictionary, Renumber, testing::Values("keep", "compact"));

TEST(RenumberModels, WithoutModelsAllEntitiesAreOneSegment) {
  SmallWorld world;
  const std::string copy = world.dir / "copy.undula";
  {
    auto db = Open(world.database);
    FirstImport(world, *db);
    SecondImport(world, *db);
  }
  CompactOptions options;
  options.renumber = true;
  ASSERT_TRUE(Compact(world.database, copy, options).ok());
  ExpectSound(copy);
  const Names after = ReadNames(copy);
  EXPECT_TRUE(std::is_sorted(after.degree.begin(), after.degree.end(), std::greater<int64_t>()));
  EXPECT_EQ(after.entities[0], std::string(kWorld) + "film0");
}

TEST(RenumberModels, UnknownFamiliesAreRefusedOrLeftOut) {
  SmallWorld world;
  const std::string copy = world.dir / "copy.undula";
  {
    auto db = Open(world.database);
    FirstImport(world, *db);
  }
  {
    const auto db = Ok(kgstore::Database::Open(world.database));
    TensorMap model;
    const float one = 1;
    model.tensors["param/x"] = MakeTensor({1}, &one);
    model.metadata = {{"family", "of_tomorrow"}, {"id_space", std::to_string(db->id_space())}};
    ASSERT_TRUE(Ok(kgstore::OpenModelStore(*db))->Put("strange", model).ok());
  }
  const uint64_t id_space = ReadNames(world.database).id_space;
  CompactOptions options;
  options.renumber = true;
  for (const bool replace : {false, true}) {
    options.replace = replace;
    const absl::Status refused = Compact(world.database, replace ? "" : copy, options).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("'strange'"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("of_tomorrow"));
  }
  EXPECT_EQ(ReadNames(world.database).id_space, id_space);
  EXPECT_FALSE(std::filesystem::exists(copy));
  options.replace = false;
  options.drop_models = true;
  EXPECT_THAT(Ok(Compact(world.database, copy, options)).dropped_models, ElementsAre("strange"));
  EXPECT_THAT(Ok(Open(copy)->Models()), IsEmpty());
  EXPECT_EQ(Ok(Open(world.database)->Models()).size(), 1u);
  options.renumber = false;
  EXPECT_EQ(Compact(world.database, world.dir / "no.undula", options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// A family that reads the graph keeps entity ids somewhere: it has to say where. Those of sequences
// do not: what their memory knows of an item goes by item.
TEST(RenumberModels, FamiliesOfTheGraphDeclareTheirTensors) {
  for (const models::ModelSpec* spec : models::AllModels()) {
    const bool by_entity = spec->capabilities.uses_graph && !spec->capabilities.sequential;
    EXPECT_EQ(spec->entity_tensors.empty(), !by_entity) << spec->name;
  }
}

}  // namespace
}  // namespace undula
