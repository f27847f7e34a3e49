// Sequence models through the public API: stored vectors as their knowledge base, new events
// without training, evaluation among drawn candidates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using test::WriteFile;
using testing::HasSubstr;

std::unique_ptr<Database> Open(const SmallWorld& world) {
  auto db = Database::Open(world.database, {});
  EXPECT_TRUE(db.ok()) << db.status();
  for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
    EXPECT_TRUE((*db)->Import(file).ok()) << file;
  }
  EXPECT_TRUE((*db)->Link().ok());
  return *std::move(db);
}

TrainOptions Training(const std::string& model) {
  TrainOptions options;
  options.model = model;
  options.train_options = {{"epochs", "3"}, {"batch_size", "64"}};
  options.model_options = {{"dim", "8"}};
  options.split_options = {{"protocol", "leave_one_out"}, {"negatives", "none"}};
  return options;
}

std::vector<std::string> Items(const absl::StatusOr<std::vector<Recommendation>>& list) {
  EXPECT_TRUE(list.ok()) << list.status();
  std::vector<std::string> out;
  if (list.ok()) {
    for (const Recommendation& r : *list) out.push_back(r.item + " " + std::to_string(r.score));
  }
  return out;
}

TEST(Sequence, StoredVectorsAreTheKnowledgeBase) {
  const SmallWorld world;
  const auto db = Open(world);
  EmbedOptions embed;
  embed.name = "kb";
  embed.model_options = {{"dim", "6"}};
  embed.train_options = {{"epochs", "2"}};
  ASSERT_TRUE(db->Embed(embed).ok());
  for (const char* model : {"ksr", "kgsr"}) {
    TrainOptions options = Training(model);
    options.model_options["entity_vectors"] = "kb";
    const auto report = db->Train(options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->model_description, HasSubstr("keys of 6, 48 items linked, 0 without"));
    EXPECT_THAT(report->model_description, HasSubstr("vectors 'kb'"));
  }
  TrainOptions options = Training("ksr");
  options.model_options["entity_vectors"] = "nothing";
  EXPECT_EQ(db->Train(options).status().code(), absl::StatusCode::kNotFound);
  options.model_options["entity_vectors"] = "kb.relations";
  EXPECT_EQ(db->Train(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Sequence, ANewEventCountsWithoutTraining) {
  const SmallWorld world;
  const auto db = Open(world);
  ASSERT_TRUE(db->Train(Training("sr_gnn")).ok());
  const auto before = *db->LoadRecommender();
  const auto one = Items(before->Recommend("user-1", {.k = 5}));
  const auto other = Items(before->Recommend("user-2", {.k = 5}));
  ScoreBatchOptions batch;
  batch.output = world.dir / "before.tsv";
  ASSERT_TRUE(before->ScoreBatch(batch).ok());

  WriteFile(world.dir / "event.patch", "A\tinteraction\tuser-1\tf-40\t1\t9000000000\n");
  ASSERT_TRUE(db->Update(world.dir / "event.patch").ok());
  const auto after = *db->LoadRecommender();
  EXPECT_NE(Items(after->Recommend("user-1", {.k = 5})), one);
  EXPECT_EQ(Items(after->Recommend("user-2", {.k = 5})), other);
  batch.output = world.dir / "after.tsv";
  ASSERT_TRUE(after->ScoreBatch(batch).ok());
  EXPECT_NE(ReadFile(world.dir / "before.tsv"), ReadFile(world.dir / "after.tsv"));

  // Somebody new, in two orders.
  const std::vector<std::string> history = {"f-1", "f-9", "f-17"},
                                 reversed = {"f-17", "f-9", "f-1"};
  EXPECT_NE(Items(after->RecommendForHistory(history, {.k = 5})),
            Items(after->RecommendForHistory(reversed, {.k = 5})));
}

TEST(Sequence, IsFollowedEventByEvent) {
  const SmallWorld world;
  const auto db = Open(world);
  ASSERT_TRUE(db->Train(Training("gru4rec")).ok());
  TrainOptions most_popular;
  most_popular.model = "most_popular";
  ASSERT_TRUE(db->Train(most_popular).ok());
  const auto recommender = *db->LoadRecommender("gru4rec");
  const auto sequence = recommender->NewSequence();
  ASSERT_TRUE(sequence.ok()) << sequence.status();
  EXPECT_EQ((*sequence)->Recommend().status().code(), absl::StatusCode::kFailedPrecondition);
  std::vector<std::string> history;
  for (const char* item : {"f-1", "f-9", "f-9", "f-17"}) {
    ASSERT_TRUE((*sequence)->Add(item).ok());
    history.emplace_back(item);
    const auto next = (*sequence)->Recommend({.k = 100});
    const auto want = recommender->RecommendForHistory(history, {.k = 100});
    ASSERT_TRUE(next.ok() && want.ok()) << next.status() << want.status();
    ASSERT_EQ(next->size(), want->size());
    for (size_t i = 0; i < want->size(); ++i) {
      EXPECT_NEAR((*next)[i].score, (*want)[i].score, 1e-5);
    }
  }
  EXPECT_EQ((*sequence)->Add("f-1000").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ((*sequence)->events(), 4);
  const auto popular = *db->LoadRecommender("most_popular");
  EXPECT_EQ(popular->NewSequence().status().code(), absl::StatusCode::kUnimplemented);
}

TEST(Sequence, EvaluationHasTheirBaselines) {
  const SmallWorld world;
  const auto db = Open(world);
  ASSERT_TRUE(db->Train(Training("gru4rec")).ok());
  for (const char* protocol : {"ranking", "ksr"}) {
    EvaluateOptions options;
    options.protocol = protocol;
    const auto report = db->Evaluate(options);
    ASSERT_TRUE(report.ok()) << report.status();
    std::vector<std::string> models;
    for (const EvaluationRow& row : report->rows) models.push_back(row.model);
    EXPECT_THAT(models, testing::ElementsAre("gru4rec", "most_popular", "markov", "session_knn"));
  }
}

}  // namespace
}  // namespace undula
