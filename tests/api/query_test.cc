// Graph patterns over the public API: users, items and links as relations, parameters, filters of
// recommendations, limits, and every sample of queries/samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using test::TempDir;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr char kPrefix[] = "PREFIX w: <http://world.example/> ";

template <class T>
T Ok(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

std::unique_ptr<Database> Imported(const SmallWorld& world, DatabaseOptions options = {}) {
  options.threads = 1;
  auto db = Ok(Database::Open(world.database, options));
  EXPECT_TRUE(db->ImportAll({world.graph, world.catalogue, world.interactions}).ok());
  EXPECT_EQ(Ok(db->Link()).linked, SmallWorld::kFilms);
  return db;
}

absl::StatusOr<std::vector<std::string>> Column(const Database& db, const std::string& text,
                                                const QueryOptions& options = {}) {
  const auto query = Query::Parse(text);
  if (!query.ok()) return query.status();
  auto result = db.Select(*query, options);
  if (!result.ok()) return result.status();
  std::vector<std::string> cells;
  for (int64_t i = 0; i < result->rows(); ++i) {
    const auto row = result->Row(i);
    if (!row.ok()) return row.status();
    cells.push_back((*row)[0].has_value() ? (*row)[0]->text : "");
  }
  return cells;
}

std::set<std::string> Seen(const SmallWorld& world, const std::string& user) {
  std::set<std::string> seen;
  std::istringstream in(ReadFile(world.interactions));
  for (std::string line; std::getline(in, line);) {
    const size_t tab = line.find('\t');
    if (line.substr(0, tab) == user) {
      seen.insert(line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1));
    }
  }
  return seen;
}

TEST(Queries, UsersItemsAndLinksAreRelations) {
  SmallWorld world;
  const auto db = Imported(world);
  QueryOptions options;
  options.params = {{"user", "user-3"}};
  const auto items = Ok(Column(*db, "SELECT ?i { $user u:interacted ?i }", options));
  EXPECT_EQ(std::set<std::string>(items.begin(), items.end()), Seen(world, "user-3"));
  EXPECT_EQ(items, Ok(Column(*db, "SELECT ?i { u:user('user-3') u:interacted ?i }")));
  EXPECT_THAT(Ok(Column(*db, "SELECT ?i { ?i u:link <http://world.example/film7> }")),
              UnorderedElementsAre("f-7"));
  EXPECT_THAT(Ok(Column(*db, "SELECT ?e { u:item('f-7') u:link ?e }")),
              UnorderedElementsAre("http://world.example/film7"));
  EXPECT_THAT(Ok(Column(*db, "SELECT ?e { ?e u:label 'FILM, 7' }")),
              UnorderedElementsAre("http://world.example/film7"));
  // Whoever used an item, counted in both directions.
  const auto users = Ok(Column(*db, "SELECT ?u { ?u u:interacted u:item('f-7') }"));
  const auto popularity = Ok(Column(*db, "SELECT (u:popularity(u:item('f-7')) AS ?n) {}"));
  EXPECT_EQ(std::to_string(users.size()), popularity[0]);
  EXPECT_EQ(Ok(Column(*db, "SELECT (u:weight($user, ?i) AS ?w) { $user u:interacted ?i } LIMIT 1",
                      options))[0],
            "1.0E0");
}

TEST(Queries, FilterLeavesWhatThePatternSelects) {
  SmallWorld world;
  const auto db = Imported(world);
  TrainOptions train;
  train.model = "bpr_mf";
  train.train_options = {{"epochs", "2"}};
  train.device = "cpu";
  ASSERT_TRUE(db->Train(train).ok());
  const auto recommender = Ok(db->LoadRecommender());
  RecommendOptions options;
  options.k = SmallWorld::kFilms;
  options.filter.exclude_seen = false;

  options.filter.pattern = std::string(kPrefix) + "SELECT ?entity { ?entity w:genre w:genre1 }";
  std::set<std::string> want, got;
  for (int f = 12; f < 24; ++f) want.insert("f-" + std::to_string(f));
  for (const Recommendation& r : Ok(recommender->Recommend("user-1", options))) got.insert(r.item);
  EXPECT_EQ(got, want);

  options.filter.pattern = std::string(kPrefix) +
                           "SELECT DISTINCT ?item { $user u:interacted/u:link/w:directedBy ?d . "
                           "?item u:link/w:directedBy ?d "
                           "FILTER NOT EXISTS { $user u:interacted ?item } }";
  std::map<std::string, std::set<std::string>> by_user;
  for (const std::string user : {"user-1", "user-2"}) {
    QueryOptions query;
    query.params = {{"user", user}};
    const auto rows = Ok(Column(*db, options.filter.pattern, query));
    want = std::set<std::string>(rows.begin(), rows.end());
    for (const Recommendation& r : Ok(recommender->Recommend(user, options))) {
      by_user[user].insert(r.item);
    }
    EXPECT_EQ(by_user[user], want) << user;
    EXPECT_FALSE(want.empty());
  }
  EXPECT_NE(by_user["user-1"], by_user["user-2"]);

  // A batch job has the same masks.
  ScoreBatchOptions batch;
  batch.output = world.dir / "top.tsv";
  batch.k = options.k;
  batch.filter = options.filter;
  ASSERT_TRUE(recommender->ScoreBatch(batch).ok());
  std::map<std::string, std::set<std::string>> in_file;
  std::istringstream in(ReadFile(batch.output));
  for (std::string line; std::getline(in, line);) {
    const size_t tab = line.find('\t');
    in_file[line.substr(0, tab)].insert(line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1));
  }
  EXPECT_EQ(in_file["user-1"], by_user["user-1"]);
  EXPECT_EQ(in_file["user-2"], by_user["user-2"]);
}

TEST(Queries, WrongFiltersAreNamedBeforeTheyRun) {
  SmallWorld world;
  auto db = Imported(world);
  TrainOptions train;
  train.model = "bpr_mf";
  train.train_options = {{"epochs", "1"}};
  train.device = "cpu";
  ASSERT_TRUE(db->Train(train).ok());
  const auto recommender = Ok(db->LoadRecommender());
  const auto error = [&](const std::string& pattern) {
    RecommendOptions options;
    options.filter.pattern = pattern;
    const auto list = recommender->Recommend("user-1", options);
    EXPECT_EQ(list.status().code(), absl::StatusCode::kInvalidArgument) << pattern;
    return std::string(list.status().message());
  };
  EXPECT_THAT(error("SELECT ?item { ?item x:y ?z }"), HasSubstr("prefix 'x:' is not declared"));
  EXPECT_THAT(error("SELECT ?entity { ?entity <http://world.example/directedby> ?d }"),
              HasSubstr("did you mean <http://world.example/directedBy>?"));
  EXPECT_THAT(error(std::string(kPrefix) +
                    "SELECT ?entity { ?entity w:genre ?g . ?other w:directedBy ?d }"),
              HasSubstr("no variable connects {"));
  EXPECT_THAT(error(std::string(kPrefix) + "SELECT ?film { ?film w:genre ?g }"),
              HasSubstr("?item or ?entity"));
  EXPECT_THAT(error("ASK {}"), HasSubstr("?item or ?entity"));
  RecommendOptions options;
  options.filter.pattern = std::string(kPrefix) + "SELECT ?entity { ?entity w:genre w:genre1 }";
  db.reset();
  EXPECT_EQ(recommender->Recommend("user-1", options).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Queries, LimitsEndAQuery) {
  SmallWorld world;
  const auto db = Imported(world);
  // 96 ^ 5 rows without a connection.
  const auto query = Ok(Query::Parse(
      "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }"));
  QueryOptions options;
  options.deadline_seconds = 0.05;
  EXPECT_EQ(db->Select(query, options).status().code(), absl::StatusCode::kDeadlineExceeded);
  Progress progress;
  std::thread cancel([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    progress.Cancel();
  });
  EXPECT_EQ(db->Select(query, {}, &progress).status().code(), absl::StatusCode::kCancelled);
  cancel.join();
  options = {};
  options.max_memory = 100000;
  EXPECT_EQ(Column(*db, "SELECT * { ?a ?b ?c . ?d ?e ?f }", options).status().code(),
            absl::StatusCode::kResourceExhausted);
  options = {};
  options.max_rows = 10;
  EXPECT_EQ(Column(*db, "SELECT ?a { ?a ?b ?c }", options).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Column(*db, "SELECT ?a { ?a ?b ?c } ORDER BY ?a", options).status().code(),
            absl::StatusCode::kResourceExhausted);
  // With LIMIT no more rows are held than are asked for.
  EXPECT_EQ(Ok(Column(*db, "SELECT ?a { ?a ?b ?c } ORDER BY ?a LIMIT 5", options)).size(), 5u);
}

TEST(Queries, WarningsNameWhatTheDatabaseLacks) {
  SmallWorld world;
  std::vector<std::string> log;
  DatabaseOptions options;
  options.log = [&](Severity, std::string_view message) { log.emplace_back(message); };
  const auto db = Imported(world, options);
  log.clear();
  EXPECT_TRUE(Ok(Column(*db, "SELECT ?a { ?a <http://world.example/genres> ?c }")).empty());
  ASSERT_EQ(log.size(), 1u);
  EXPECT_THAT(log[0], HasSubstr("did you mean <http://world.example/genre>?"));
  EXPECT_EQ(Column(*db, "SELECT ?a { $user u:interacted ?a }", {.params = {{"user", "nobody"}}})
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Column(*db, "CONSTRUCT WHERE { ?a ?b ?c }").status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Column(*db, "SELECT ?a { SERVICE <http://x/> { ?a ?b ?c } }").status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(Queries, EverySampleRuns) {
  const std::filesystem::path root(UNDULA_SOURCE_DIR);
  TempDir dir;
  const auto db = Ok(Database::Open(dir / "films.undula", {}));
  ASSERT_TRUE(db->ImportAll({(root / "data/samples/films.ttl").string(),
                             (root / "data/samples/catalogue.csv").string(),
                             (root / "data/samples/interactions.synthetic.tsv").string()})
                  .ok());
  LinkOptions link;
  link.require = {"year=http://undula.example/film/year"};
  ASSERT_TRUE(db->Link(link).ok());
  const std::string person = "<http://undula.example/film/person/";
  const std::map<std::string, std::string> values = {{"user", "user0001"},
                                                     {"actor", person + "harrison-ford>"},
                                                     {"person", person + "harrison-ford>"},
                                                     {"other", person + "ridley-scott>"},
                                                     {"name", "\"Komödie\""}};
  int samples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "queries/samples")) {
    if (entry.path().extension() != ".rq") continue;
    SCOPED_TRACE(entry.path().string());
    const std::string text = ReadFile(entry.path().string());
    QueryOptions options;
    for (const auto& [name, value] : values) {
      if (text.find("$" + name) != std::string::npos) options.params[name] = value;
    }
    const auto query = Query::Parse(text);
    ASSERT_TRUE(query.ok()) << query.status();
    auto result = db->Select(*query, options);
    ASSERT_TRUE(result.ok()) << result.status();
    // The sample data have no trust between users.
    const bool may_be_empty = entry.path().stem() == "trusted_friends";
    if (!may_be_empty) {
      EXPECT_TRUE(result->answer());
    }
    ++samples;
  }
  EXPECT_GE(samples, 12);
}

}  // namespace
}  // namespace undula
