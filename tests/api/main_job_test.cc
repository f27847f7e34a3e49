// The whole chain over the public API: import, link, train, evaluate, recommend, explain, score.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using test::TempDir;
using test::WriteFile;

template <class T>
T Ok(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

TrainOptions SmallTraining() {
  TrainOptions options;
  options.model = "ripplenet";
  options.model_options = {{"dim", "8"}, {"memory", "8"}, {"hops", "2"}};
  options.train_options = {{"epochs", "4"}, {"batch_size", "128"}, {"learning_rate", "0.02"}};
  options.split_options = {{"protocol", "user"}};
  options.device = "cpu";
  return options;
}

std::unique_ptr<Database> Imported(const SmallWorld& world, int threads = 1) {
  DatabaseOptions options;
  options.threads = threads;
  auto db = Ok(Database::Open(world.database, options));
  for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
    EXPECT_TRUE(db->Import(file).ok()) << db->Import(file).status();
  }
  EXPECT_EQ(Ok(db->Link()).linked, SmallWorld::kFilms);
  return db;
}

TEST(MainJob, ImportsLinksTrainsRecommendsAndExplains) {
  SmallWorld world;
  auto db = Imported(world);
  const DatabaseStats stats = Ok(db->Stats());
  EXPECT_EQ(stats.entities, SmallWorld::kFilms + SmallWorld::kDirectors + SmallWorld::kGenres);
  EXPECT_EQ(stats.triples, 3 * SmallWorld::kFilms);
  EXPECT_EQ(stats.users, SmallWorld::kUsers);
  EXPECT_EQ(stats.items, SmallWorld::kFilms);
  EXPECT_EQ(stats.items_linked, SmallWorld::kFilms);

  int epochs_seen = 0;
  TrainOptions options = SmallTraining();
  options.on_epoch = [&](std::string_view json) {
    EXPECT_EQ(json.front(), '{');
    ++epochs_seen;
  };
  const TrainReport report = Ok(db->Train(options));
  EXPECT_EQ(report.epochs, 4);
  EXPECT_GE(epochs_seen, 4);
  EXPECT_EQ(report.options.at("model.dim"), "8");
  EXPECT_FALSE(std::filesystem::exists(world.database + ".ckpt"));  // nothing left to resume

  EvaluateOptions evaluate;
  const EvaluationReport evaluation = Ok(db->Evaluate(evaluate));
  std::set<std::string> rows;
  for (const EvaluationRow& row : evaluation.rows) rows.insert(row.model);
  EXPECT_THAT(rows, testing::UnorderedElementsAre("ripplenet", "most_popular", "item_log_odds"));

  auto recommender = Ok(db->LoadRecommender());
  db.reset();  // the recommender lives on
  const auto list = Ok(recommender->Recommend("user-1", {.k = 5, .reasons = 2}));
  ASSERT_EQ(list.size(), 5u);
  for (size_t i = 1; i < list.size(); ++i) EXPECT_GE(list[i - 1].score, list[i].score);
  EXPECT_THAT(list[0].title, testing::StartsWith("Film "));
  ASSERT_FALSE(list[0].reasons.empty());
  EXPECT_THAT(list[0].reasons[0].sentence, testing::HasSubstr(" has "));
  // Score agrees with Recommend.
  const std::vector<std::string> items = {list[0].item, list[4].item};
  EXPECT_THAT(Ok(recommender->Score("user-1", items)),
              testing::ElementsAre(list[0].score, list[4].score));
}

TEST(MainJob, ExplanationsAreFaithful) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  const std::string triples = world.dir / "out.nt";
  ASSERT_TRUE(db->Export("triples", triples).ok());
  const std::string stored = ReadFile(triples);
  auto recommender = Ok(db->LoadRecommender("ripplenet"));
  for (const char* user : {"user-0", "user-17", "user-59"}) {
    const Explanation why = Ok(recommender->Explain(user, "f-20", {.slots = 0}));
    ASSERT_EQ(why.hops.size(), 2u);
    for (size_t hop = 0; hop < why.hops.size(); ++hop) {
      double sum = 0;
      for (const Reason& reason : why.hops[hop]) {
        sum += reason.weight;
        for (const PathEdge& e : reason.path) {
          EXPECT_THAT(stored, testing::HasSubstr("<" + e.head + "> <" + e.relation + "> <" +
                                                 e.tail + "> ."));
        }
        EXPECT_FALSE(reason.seed_item.empty());
      }
      EXPECT_NEAR(sum, 1, 1e-5) << user << " hop " << hop;
      EXPECT_NEAR(why.hop_weight_shown[hop], sum, 1e-9);
    }
    EXPECT_EQ(Ok(recommender->Score(user, std::vector<std::string>{"f-20"}))[0], why.score);
  }
}

TEST(MainJob, HistoriesNeverSeenFoldIn) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  auto recommender = Ok(db->LoadRecommender());
  const std::vector<std::string> history = {"f-3", "f-11"};
  const auto list = Ok(recommender->RecommendForHistory(history, {.k = 48}));
  EXPECT_EQ(list.size(), 46u);  // all but the history
  for (const Recommendation& r : list) {
    EXPECT_NE(r.item, "f-3");
    EXPECT_NE(r.item, "f-11");
  }
  EXPECT_EQ(Ok(recommender->ExplainForHistory(history, "f-19")).hops.size(), 2u);
}

TEST(MainJob, FiltersAllowDenyAndSeen) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  auto recommender = Ok(db->LoadRecommender());
  RecommendOptions only;
  only.k = 10;
  only.filter.allow = {"f-1", "f-2", "f-3"};
  only.filter.deny = {"f-2"};
  only.filter.exclude_seen = false;
  const auto list = Ok(recommender->Recommend("user-4", only));
  ASSERT_EQ(list.size(), 2u);
  for (const Recommendation& r : list) EXPECT_NE(r.item, "f-2");
  only.filter.allow = {"no such item"};
  EXPECT_EQ(recommender->Recommend("user-4", only).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(
      Ok(recommender->Recommend("user-4", {.k = 1000, .filter = {.exclude_seen = false}})).size(),
      static_cast<size_t>(SmallWorld::kFilms));
}

TEST(MainJob, SimilarItems) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  auto recommender = Ok(db->LoadRecommender());
  const auto list = Ok(recommender->Similar("f-5", 4));
  ASSERT_EQ(list.size(), 4u);
  for (const Recommendation& r : list) {
    EXPECT_NE(r.item, "f-5");
    EXPECT_LE(r.score, 1 + 1e-6);
  }
}

TEST(MainJob, BatchScoringIsTheSameForThreadsAndShardsAndAfterACancel) {
  SmallWorld world;
  Imported(world)->Train(SmallTraining()).IgnoreError();
  std::string whole;
  for (const int threads : {1, 2, 4}) {
    DatabaseOptions options;
    options.threads = threads;
    auto recommender = Ok(Ok(Database::Open(world.database, options))->LoadRecommender());
    ScoreBatchOptions job;
    job.output = world.dir / ("top" + std::to_string(threads) + ".tsv");
    job.k = 7;
    job.part_users = 16;
    const ScoreBatchReport report = Ok(recommender->ScoreBatch(job));
    EXPECT_EQ(report.users + report.users_skipped, SmallWorld::kUsers);
    EXPECT_EQ(report.rows, report.users * 7);
    if (whole.empty()) whole = ReadFile(job.output);
    EXPECT_EQ(ReadFile(job.output), whole) << threads << " threads";

    for (const int shards : {3, 7}) {
      std::string joined;
      for (int shard = 1; shard <= shards; ++shard) {
        job.output = world.dir / "shard.tsv";
        job.shard = shard;
        job.shards = shards;
        ASSERT_TRUE(recommender->ScoreBatch(job).ok());
        joined += ReadFile(job.output);
      }
      EXPECT_EQ(joined, whole) << shards << " shards";
    }

    // Cancelled after the first part, then resumed.
    job.shard = job.shards = 1;
    job.output = world.dir / "resumed.tsv";
    Progress* self = nullptr;
    Progress progress([&](int64_t, int64_t, std::string_view) { self->Cancel(); });
    self = &progress;
    const absl::Status cancelled = recommender->ScoreBatch(job, &progress).status();
    EXPECT_EQ(cancelled.code(), absl::StatusCode::kCancelled);
    EXPECT_FALSE(std::filesystem::exists(job.output));
    const ScoreBatchReport resumed = Ok(recommender->ScoreBatch(job));
    EXPECT_GT(resumed.users_resumed, 0);
    EXPECT_EQ(ReadFile(job.output), whole);
    EXPECT_FALSE(std::filesystem::exists(job.output + ".part"));
    EXPECT_FALSE(std::filesystem::exists(job.output + ".mark"));
    std::filesystem::remove(job.output);
  }
}

TEST(MainJob, AnotherJobsMarkIsNotResumed) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  auto recommender = Ok(db->LoadRecommender());
  ScoreBatchOptions job;
  job.output = world.dir / "top.tsv";
  job.part_users = 8;
  job.k = 3;
  Progress* self = nullptr;
  Progress progress([&](int64_t, int64_t, std::string_view) { self->Cancel(); });
  self = &progress;
  ASSERT_EQ(recommender->ScoreBatch(job, &progress).status().code(), absl::StatusCode::kCancelled);
  job.k = 4;  // not the same job any more
  EXPECT_EQ(Ok(recommender->ScoreBatch(job)).users_resumed, 0);
}

TEST(MainJob, JsonLinesHoldReasons) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  auto recommender = Ok(db->LoadRecommender());
  ScoreBatchOptions job;
  job.output = world.dir / "top.jsonl";
  job.format = "jsonl";
  job.k = 2;
  job.reasons = 1;
  ASSERT_TRUE(recommender->ScoreBatch(job).ok());
  const std::string text = ReadFile(job.output);
  EXPECT_THAT(text, testing::StartsWith("{\"user\": \"user-0\", \"items\": [{\"item\": \"f-"));
  EXPECT_THAT(text, testing::HasSubstr("\"reasons\": [{\"hop\": "));
}

// Ids are stable: what a later import adds does not move what the model knows.
TEST(MainJob, LaterImportsLeaveOldScoresAlone) {
  SmallWorld world;
  auto db = Imported(world);
  ASSERT_TRUE(db->Train(SmallTraining()).ok());
  std::vector<std::string> items;
  for (int f = 0; f < SmallWorld::kFilms; ++f) items.push_back("f-" + std::to_string(f));
  const std::vector<double> before = Ok(Ok(db->LoadRecommender())->Score("user-9", items));

  WriteFile(world.dir / "more.ttl",
            "<http://world.example/film900> <http://world.example/directedBy> "
            "<http://world.example/director0> , <http://world.example/director900> .\n"
            "<http://world.example/film3> <http://world.example/remakeOf> "
            "<http://world.example/film900> .\n");
  WriteFile(world.dir / "more.interactions.tsv",
            "user\titem\tweight\ttime\nuser-9\tf-900\t1\t9000000\nuser-900\tf-3\t1\t9000001\n");
  ASSERT_TRUE(db->Import(world.dir / "more.ttl").ok());
  ASSERT_TRUE(db->Import(world.dir / "more.interactions.tsv").ok());

  auto recommender = Ok(db->LoadRecommender());
  EXPECT_EQ(Ok(recommender->Score("user-9", items)), before);
  // An item that the model has never seen is named so; a new user is folded in from the database.
  const absl::Status unknown =
      recommender->Score("user-9", std::vector<std::string>{"f-900"}).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.message()), testing::HasSubstr("'f-900' was added after"));
  const std::vector<std::string> history = {"f-3"};
  const auto folded = Ok(recommender->Recommend("user-900", {.k = 5}));
  const auto given = Ok(recommender->RecommendForHistory(history, {.k = 5}));
  ASSERT_EQ(folded.size(), 5u);
  for (size_t i = 0; i < folded.size(); ++i) {
    EXPECT_EQ(folded[i].item, given[i].item);
    EXPECT_EQ(folded[i].score, given[i].score);
  }
  for (const Recommendation& r : Ok(recommender->Recommend("user-9", {.k = 100}))) {
    EXPECT_NE(r.item, "f-900");
  }
}

TEST(MainJob, TrainingIsTheSameForThreadsAndAfterACancelledRun) {
  SmallWorld world;
  Imported(world);
  std::map<std::string, std::string> checksum;
  for (const int threads : {1, 2, 4}) {
    DatabaseOptions options;
    options.threads = threads;
    auto db = Ok(Database::Open(world.database, options));
    TrainOptions training = SmallTraining();
    training.name = "t" + std::to_string(threads);
    ASSERT_TRUE(db->Train(training).ok());
    for (const StoredModel& m : Ok(db->Models())) checksum[m.name] = m.metadata.at("checksum");
  }
  auto db = Ok(Database::Open(world.database));
  TrainOptions training = SmallTraining();
  training.name = "resumed";
  Progress* self = nullptr;
  int epochs = 0;
  Progress progress;
  self = &progress;
  training.on_epoch = [&](std::string_view) {
    if (++epochs == 2) self->Cancel();
  };
  ASSERT_EQ(db->Train(training, &progress).status().code(), absl::StatusCode::kCancelled);
  training.on_epoch = nullptr;
  ASSERT_TRUE(db->Train(training).ok());
  for (const StoredModel& m : Ok(db->Models())) checksum[m.name] = m.metadata.at("checksum");
  EXPECT_EQ(checksum["t1"], checksum["t2"]);
  EXPECT_EQ(checksum["t1"], checksum["t4"]);
  EXPECT_EQ(checksum["t1"], checksum["resumed"]);
}

TEST(MainJob, EveryFamilyTrainsEvaluatesAndRecommends) {
  SmallWorld world;
  auto db = Imported(world);
  for (const ModelFamily& family : ModelCatalog()) {
    TrainOptions training;
    training.model = family.name;
    training.train_options = {{"epochs", "2"}};
    ASSERT_TRUE(db->Train(training).ok()) << family.name;
    auto recommender = Ok(db->LoadRecommender(family.name));
    EXPECT_EQ(recommender->model_family(), family.name);
    EXPECT_EQ(Ok(recommender->Recommend("user-2", {.k = 3})).size(), 3u) << family.name;
    EvaluateOptions evaluate;
    evaluate.name = family.name;
    evaluate.bands = true;
    EXPECT_TRUE(db->Evaluate(evaluate).ok()) << family.name;
    const auto why = recommender->Explain("user-2", "f-1");
    ASSERT_TRUE(why.ok()) << family.name << why.status();
    EXPECT_FALSE(why->connections.empty()) << family.name;
    EXPECT_EQ(why->hops.empty(), !family.explains) << family.name;
    if (!family.explains) {
      EXPECT_EQ(recommender->Explain("user-2", "f-1", {.connections = 0}).status().code(),
                absl::StatusCode::kUnimplemented);
    }
  }
  EXPECT_EQ(Ok(db->Models()).size(), ModelCatalog().size());
  EXPECT_EQ(db->LoadRecommender().status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(db->ExportModel("ripplenet", world.dir / "r.safetensors").ok());
  EXPECT_GT(std::filesystem::file_size(world.dir / "r.safetensors"), 1000u);
  ASSERT_TRUE(db->RemoveModel("ripplenet").ok());
  EXPECT_EQ(db->LoadRecommender("ripplenet").status().code(), absl::StatusCode::kNotFound);
}

TEST(MainJob, ExportsComeBack) {
  SmallWorld world, other;
  auto db = Imported(world);
  const std::string nt = other.dir / "all.nt", tsv = other.dir / "all.interactions.tsv";
  EXPECT_GT(Ok(db->Export("triples", nt)), 0);
  EXPECT_GT(Ok(db->Export("interactions", tsv)), 0);
  EXPECT_EQ(Ok(db->Export("links", other.dir / "links.tsv")), SmallWorld::kFilms);
  EXPECT_GT(Ok(db->Export("items", other.dir / "items.tsv")), SmallWorld::kFilms);
  auto again = Ok(Database::Open(other.database));
  ASSERT_TRUE(again->Import(nt).ok());
  ASSERT_TRUE(again->Import(tsv).ok());
  const DatabaseStats a = Ok(db->Stats()), b = Ok(again->Stats());
  EXPECT_EQ(a.triples, b.triples);
  EXPECT_EQ(a.attributes, b.attributes);
  EXPECT_EQ(a.interactions, b.interactions);
  EXPECT_EQ(db->Export("everything", nt).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(MainJob, TwoDatabasesInOneProcess) {
  SmallWorld a, b;
  auto first = Imported(a), second = Imported(b, 2);
  EXPECT_TRUE(first->Train(SmallTraining()).ok());
  EXPECT_TRUE(second->Train(SmallTraining()).ok());
  const std::vector<std::string> items = {"f-0", "f-7", "f-40"};
  EXPECT_EQ(Ok(Ok(first->LoadRecommender())->Score("user-5", items)),
            Ok(Ok(second->LoadRecommender())->Score("user-5", items)));
}

}  // namespace
}  // namespace undula
