// Nearest-neighbor search through the public API: stored with the model, damaged, for new users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "tests/api/small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using test::TempDir;
using test::WriteFile;
using testing::HasSubstr;

template <class T>
T Ok(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return std::move(*value);
}

struct Fixture {
  SmallWorld world;
  std::vector<std::string> warnings;

  Fixture() {
    auto db = Open();
    for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
      EXPECT_TRUE(db->Import(file).ok());
    }
    TrainOptions options;
    options.model = "bpr_mf";
    options.model_options = {{"dim", "8"}};
    options.train_options = {{"epochs", "5"}};
    const auto report = db->Train(options);
    EXPECT_TRUE(report.ok()) << report.status();
  }
  std::unique_ptr<Database> Open() {
    DatabaseOptions options;
    options.log = [this](Severity severity, std::string_view message) {
      if (severity == Severity::kWarning) warnings.emplace_back(message);
    };
    return Ok(Database::Open(world.database, options));
  }
};

std::vector<std::string> Names(const std::vector<Recommendation>& list) {
  std::vector<std::string> out;
  for (const Recommendation& r : list) out.push_back(r.item);
  return out;
}

TEST(Retrieval, AnIndexIsStoredWithTheModelAndSurvivesDamage) {
  Fixture f;
  std::vector<std::string> exact;
  {
    auto db = f.Open();
    exact = Names(Ok(Ok(db->LoadRecommender())->Similar("f-5", 6)));
    ASSERT_EQ(exact.size(), 6u);
    for (const char* kind : {"ivf", "exact", "hnsw"}) {
      const IndexReport report = Ok(db->BuildIndex("", {{"kind", kind}, {"recall", "1"}}));
      EXPECT_EQ(report.kind, kind);
      EXPECT_EQ(report.items, SmallWorld::kFilms);
      EXPECT_EQ(report.recall, 1);
      EXPECT_EQ(Names(Ok(Ok(db->LoadRecommender())->Similar("f-5", 6))), exact);
    }
    EXPECT_EQ(db->BuildIndex("", {{"kinds", "ivf"}}).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(db->BuildIndex("other").status().code(), absl::StatusCode::kNotFound);
    ASSERT_TRUE(db->ExportModel("bpr_mf", f.world.dir / "m.safetensors").ok());
  }
  EXPECT_TRUE(f.warnings.empty());
  const TensorMap stored = Ok(ReadSafetensors(f.world.dir / "m.safetensors"));
  const NamedTensor* links = stored.Find("derived/index/base");
  ASSERT_NE(links, nullptr);
  std::string file = ReadFile(f.world.database);
  const std::string_view bytes(reinterpret_cast<const char*>(links->bytes.data()),
                               links->bytes.size());
  size_t hit = 0;
  for (size_t at = 0; (at = file.find(bytes, at)) != std::string::npos; ++at, ++hit) {
    file[at + 40] ^= 1;
  }
  ASSERT_GE(hit, 1u);
  WriteFile(f.world.database, file);
  auto db = f.Open();
  {
    auto recommender = Ok(db->LoadRecommender());
    ASSERT_EQ(f.warnings.size(), 1u);
    EXPECT_THAT(f.warnings[0], HasSubstr("'bpr_mf'"));
    EXPECT_THAT(f.warnings[0], HasSubstr("derived/index/base"));
    EXPECT_THAT(f.warnings[0], HasSubstr("undula index"));
    EXPECT_EQ(Names(Ok(recommender->Similar("f-5", 6))), exact);
    EXPECT_TRUE(recommender->Recommend("user-1").ok());
  }
  Ok(db->BuildIndex("bpr_mf"));
  f.warnings.clear();
  EXPECT_EQ(Names(Ok(Ok(db->LoadRecommender())->Similar("f-5", 6))), exact);
  EXPECT_TRUE(f.warnings.empty());
}

TEST(Retrieval, NewItemsAreFoundByTheirFeatures) {
  Fixture f;
  auto db = f.Open();
  ASSERT_TRUE(db->Link().ok());
  const auto index = db->BuildIndex("", {{"kind", "hnsw"}});
  ASSERT_TRUE(index.ok()) << index.status();
  // A film of director 3 and genre 1 that nobody has seen, and an item of which nothing is known.
  std::string patch;
  for (const char* edge :
       {"directedBy> <http://world.example/director3>", "genre> <http://world.example/genre1>"}) {
    patch += std::string("A <http://world.example/filmNew> <http://world.example/") + edge + " .\n";
  }
  patch += "A\titem\tf-new\ttitle=New\nA\titem\tf-bare\ttitle=Bare\n";
  patch += "A\tlink\tf-new\thttp://world.example/filmNew\n";
  WriteFile(f.world.dir / "items.patch", patch);
  const auto updated = db->Update(f.world.dir / "items.patch");
  ASSERT_TRUE(updated.ok()) << updated.status();
  auto recommender = Ok(db->LoadRecommender());
  const auto like = Ok(recommender->Similar("f-new", 5));
  ASSERT_EQ(like.size(), 5u);
  const auto all = Names(Ok(recommender->Similar(like[0].item, SmallWorld::kFilms)));
  EXPECT_EQ(std::count(all.begin(), all.end(), "f-new"), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), "f-bare"), 0);
  EXPECT_EQ(recommender->Similar("f-bare").status().code(), absl::StatusCode::kFailedPrecondition);
  const std::vector<std::string> history = {"f-new"};
  EXPECT_EQ(Names(Ok(recommender->Retrieve("", history, 5))), Names(like));
}

TEST(Retrieval, AroundWhatAUserDid) {
  Fixture f;
  auto db = f.Open();
  // Somebody whom the training did not know.
  WriteFile(f.world.dir / "new.patch",
            "A\tinteraction\tnewcomer\tf-1\t1\t2000000\n"
            "A\tinteraction\tnewcomer\tf-9\t1\t2000500\n");
  const auto updated = db->Update(f.world.dir / "new.patch");
  ASSERT_TRUE(updated.ok()) << updated.status();
  auto recommender = Ok(db->LoadRecommender());
  EXPECT_EQ(recommender->Recommend("newcomer").status().code(), absl::StatusCode::kNotFound);
  for (const char* by : {"clusters", "recent", "mean"}) {
    const auto list = Names(Ok(recommender->Retrieve("newcomer", {}, 7, {}, {{"by", by}})));
    EXPECT_EQ(list.size(), 7u) << by;
    EXPECT_EQ(std::set<std::string>(list.begin(), list.end()).size(), 7u);
    EXPECT_EQ(std::count(list.begin(), list.end(), "f-1"), 0);
    const std::vector<std::string> history = {"f-1", "f-9"};
    // Two likes a moment apart weigh the same as two of unknown time.
    EXPECT_EQ(Names(Ok(recommender->Retrieve("", history, 7, {}, {{"by", by}}))), list) << by;
    ItemFilter only;
    only.allow = {"f-1", "f-2", "f-3"};
    EXPECT_EQ(Ok(recommender->Retrieve("newcomer", {}, 7, only, {{"by", by}})).size(), 2u);
    only.exclude_seen = false;
    EXPECT_EQ(Ok(recommender->Retrieve("newcomer", {}, 7, only, {{"by", by}})).size(), 3u);
  }
  // Around the latest item alone: what is similar to it.
  ItemFilter filter;
  filter.deny = {"f-1"};
  EXPECT_EQ(Names(Ok(recommender->Retrieve("newcomer", {}, 5, {},
                                           {{"by", "recent"}, {"interests", "1"}}))),
            Names(Ok(recommender->Similar("f-9", 5, filter))));
  EXPECT_EQ(recommender->Retrieve("", {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(recommender->Retrieve("nobody", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(recommender->Retrieve("newcomer", {}, 5, {}, {{"by", "stars"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(recommender->Retrieve("newcomer", {}, 0).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula
