// Database::Profile on a world whose shape is known, and what an evaluation says beside its
// metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::SizeIs;

// Three films and a book: a and b share a director, c stands alone with its genre, d has no link.
std::unique_ptr<Database> TinyDatabase(const test::TempDir& dir) {
  test::WriteFile(dir / "g.nt",
                  "<x:a> <x:director> <x:kim> .\n"
                  "<x:b> <x:director> <x:kim> .\n"
                  "<x:b> <x:director> <x:lee> .\n"
                  "<x:c> <x:genre> <x:noir> .\n"
                  "<x:a> <http://www.w3.org/2000/01/rdf-schema#label> \"A\" .\n");
  test::WriteFile(dir / "items.csv", "item,title,node\n1,A,x:a\n2,B,x:b\n3,C,x:c\n4,D,x:none\n");
  test::WriteFile(
      dir / "i.tsv",
      "user\titem\tweight\ttime\nu\t1\t1\t100\nu\t4\t1\t90\nv\t4\t1\t200\nv\t1\t1\t150\n"
      "v\t2\t1\t120\n");
  auto database = Database::Open(dir / "t.undula");
  EXPECT_TRUE(database.ok()) << database.status();
  for (const auto& [file, format] :
       {std::pair("g.nt", "ntriples"), {"items.csv", "items-csv"}, {"i.tsv", "tsv"}}) {
    const auto imported = (*database)->Import(dir / file, {.format = format});
    EXPECT_TRUE(imported.ok()) << imported.status();
  }
  const auto linked = (*database)->Link({.method = "column", .column = "node"});
  EXPECT_TRUE(linked.ok()) << linked.status();
  return std::move(*database);
}

TEST(Profile, CountsATinyGraphByHand) {
  const test::TempDir dir;
  const std::unique_ptr<Database> database = TinyDatabase(dir);
  const auto profile = database->Profile({.unlinked = 1, .users = 5});
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_THAT(profile->relations, SizeIs(2));
  const DataProfile::Relation& director = profile->relations[0];
  EXPECT_EQ(director.relation, "x:director");
  EXPECT_EQ(director.triples, 3);
  EXPECT_EQ(director.heads, 2);
  EXPECT_EQ(director.tails, 2);
  EXPECT_EQ(director.most_tails, 2);
  EXPECT_EQ(director.items, 0.5);
  EXPECT_EQ(profile->relations[1].items, 0.25);
  EXPECT_EQ(profile->components, 2);
  EXPECT_EQ(profile->largest_component, 4);
  // a 1, b 2, c 1, kim 2, lee 1, noir 1.
  EXPECT_THAT(profile->degrees, ElementsAre(Pair(1, 6), Pair(2, 2)));
  EXPECT_THAT(profile->items_by_hops, ElementsAre(1, 1, 2));
  EXPECT_EQ(profile->unlinked_items, 1);
  EXPECT_EQ(profile->unlinked_interactions, 2);
  ASSERT_THAT(profile->unlinked, SizeIs(1));
  EXPECT_EQ(profile->unlinked[0].item, "4");
  EXPECT_EQ(profile->unlinked[0].title, "D");
  EXPECT_EQ(profile->unlinked[0].interactions, 2);
  EXPECT_EQ(std::accumulate(std::begin(profile->link_confidence),
                            std::end(profile->link_confidence), int64_t{0}),
            3);
  ASSERT_THAT(profile->link_methods, SizeIs(1));
  EXPECT_EQ(profile->link_methods[0].second, 3);
  EXPECT_THAT(profile->history_lengths, ElementsAre(Pair(2, 2)));  // 2 and 3
  EXPECT_THAT(profile->item_popularity, ElementsAre(Pair(0, 1), Pair(1, 1), Pair(2, 2)));
  EXPECT_EQ(profile->first_time, 90);
  EXPECT_EQ(profile->last_time, 200);
  EXPECT_THAT(profile->users, testing::UnorderedElementsAre("u", "v"));
  EXPECT_EQ(database->Profile({.users = 1})->users, database->Profile({.users = 1})->users);
}

TEST(Profile, AnEmptyDatabaseHasAnEmptyOne) {
  const test::TempDir dir;
  auto database = Database::Open(dir / "e.undula");
  ASSERT_TRUE(database.ok());
  const auto profile = (*database)->Profile();
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_THAT(profile->relations, SizeIs(0));
  EXPECT_THAT(profile->users, SizeIs(0));
}

TEST(Evaluate, DifferencesToBaselinesAndSharesOfTheLists) {
  const test::SmallWorld world;
  auto database = Database::Open(world.database);
  ASSERT_TRUE(database.ok());
  for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
    ASSERT_TRUE((*database)->Import(file).ok());
  }
  TrainOptions train{.model = "most_popular"};
  ASSERT_TRUE((*database)->Train(train).ok());
  EvaluateOptions options{.name = "most_popular", .at = {5}, .differences = true};
  const auto report = (*database)->Evaluate(options);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_THAT(report->rows, SizeIs(3));
  EXPECT_EQ(report->rows[1].model, "item_log_odds");
  const EvaluationRow& difference = report->rows[2];
  EXPECT_EQ(difference.model, "most_popular - item_log_odds");
  ASSERT_THAT(difference.metrics, SizeIs(2));
  EXPECT_NEAR(difference.metrics[0].value,
              report->rows[0].metrics[0].value - report->rows[1].metrics[0].value, 1e-12);
  const std::vector<double>& deciles = report->rows[0].deciles;
  ASSERT_THAT(deciles, SizeIs(10));
  EXPECT_NEAR(std::accumulate(deciles.begin(), deciles.end(), 0.0), 1, 1e-12);
  EXPECT_GT(deciles[0], deciles[9]);
  const std::vector<double>& lorenz = report->rows[0].lorenz;
  ASSERT_THAT(lorenz, SizeIs(21));
  EXPECT_EQ(lorenz.front(), 0);
  EXPECT_EQ(lorenz.back(), 1);
  EXPECT_TRUE(std::is_sorted(lorenz.begin(), lorenz.end()));
}

}  // namespace
}  // namespace undula
