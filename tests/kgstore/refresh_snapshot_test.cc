// A refreshed snapshot beside one that is taken anew.
#include "kgstore/refresh_snapshot.h"

#include "kgstore/change_log.h"
#include "kgstore/updater.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

template <class A, class B>
void ExpectSameEdges(const A& a, const B& b) {
  EXPECT_TRUE(a.ptr == b.ptr);
  EXPECT_TRUE(a.relation == b.relation);
  EXPECT_TRUE(a.entity == b.entity);
}

template <class A>
void ExpectSameLog(const A& a, const A& b) {
  EXPECT_TRUE(a.ptr == b.ptr);
  EXPECT_TRUE(a.other == b.other);
  EXPECT_TRUE(a.weight == b.weight);
  EXPECT_TRUE(a.time == b.time);
}

void ExpectSame(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.n_entities, b.n_entities);
  EXPECT_EQ(a.n_relations, b.n_relations);
  EXPECT_EQ(a.n_users, b.n_users);
  EXPECT_EQ(a.n_items, b.n_items);
  EXPECT_EQ(a.id_space, b.id_space);
  EXPECT_EQ(a.transaction, b.transaction);
  EXPECT_EQ(a.change, b.change);
  ExpectSameEdges(a.out, b.out);
  ExpectSameEdges(a.in, b.in);
  ExpectSameLog(a.by_user, b.by_user);
  ExpectSameLog(a.by_item, b.by_item);
  EXPECT_TRUE(a.links.ptr == b.links.ptr && a.links.entity == b.links.entity &&
              a.links.confidence == b.links.confidence && a.links.method == b.links.method);
  EXPECT_TRUE(a.social.ptr == b.social.ptr && a.social.user == b.social.user &&
              a.social.weight == b.social.weight);
}

void RandomSteps(Random& random, int steps, Updater& updater) {
  for (int i = 0; i < steps; ++i) {
    const std::string e = random.Name("http://example.org/entity/e", 410);
    const std::string f = random.Name("http://example.org/entity/e", 7);
    const std::string r = random.Name("r", 4), u = random.Name("u", 120), v = random.Name("u", 9);
    const std::string item = random.Name("i", 130);
    switch (random(8)) {
      case 0:
      case 1:
        ASSERT_OK(updater.AddTriple(Iri(e), Iri(r), Iri(f)));
        break;
      case 2:
      case 3:
        ASSERT_OK(updater.RemoveTriple(Iri(e), Iri(r), Iri(f)));
        break;
      case 4:
        ASSERT_OK(updater.AddInteraction(u, item, static_cast<float>(random(5)), random(9)));
        break;
      case 5:
        ASSERT_OK(updater.RemoveInteraction(u, item, random(9)));
        break;
      case 6:
        ASSERT_OK(random(3) > 0 ? updater.AddLink(item, f, 0.5f, LinkMethod::kManual)
                                : updater.RemoveLink(item, f));
        break;
      default:
        ASSERT_OK(random(3) > 0 ? updater.AddSocial(u, v, 2) : updater.RemoveSocial(u, v));
    }
  }
}

void Start(Database& db) {
  Import(db, [](Importer& importer) {
    AddAll(MakeGraph(400, 4, 3000, 5), importer);
    for (int i = 0; i < 1500; ++i) {
      const std::string user = "u" + std::to_string(i % 110), item = "i" + std::to_string(i % 120);
      ASSERT_OK(importer.AddInteraction(user, item, 1, i % 9));
      ASSERT_OK(importer.AddSocial(user, "u" + std::to_string(i % 7), 1));
      ASSERT_OK(importer.AddLink(item, "http://example.org/entity/e" + std::to_string(i % 50), 1,
                                 LinkMethod::kFile));
    }
  });
}

Snapshot Refreshed(const Database& db, Snapshot old, const SnapshotOptions& options = {},
                   RefreshReport* report = nullptr) {
  const ReadView view = db.Read().value();
  auto snapshot = RefreshSnapshot(std::move(old), view, db.arena(), options, report);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return *std::move(snapshot);
}

TEST(RefreshSnapshot, RandomBatches) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    TempFolder folder;
    auto db = OpenOrDie(folder.File("a"));
    Snapshot kept = Refreshed(*db, Snapshot());  // of an empty database
    Start(*db);
    Random random(seed);
    uint64_t rows = 0;
    for (int batch = 0; batch < 60; ++batch) {
      SCOPED_TRACE(batch);
      const int commits = batch % 4 == 0 ? 3 : 1;
      for (int i = 0; i < commits; ++i) {
        Update(*db,
               [&](Updater& updater) { RandomSteps(random, batch % 15 == 14 ? 400 : 8, updater); });
      }
      RefreshReport report;
      kept = Refreshed(*db, std::move(kept), {}, &report);
      ExpectSame(kept, TakeSnapshot(*db).value());
      rows += report.rows;
      EXPECT_EQ(report.parts_read == 0, batch != 0 && batch % 15 != 14) << report.parts_read;
    }
    EXPECT_GT(rows, 500u);
  }
}

TEST(RefreshSnapshot, NothingChanged) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Start(*db);
  RefreshReport report;
  ExpectSame(Refreshed(*db, TakeSnapshot(*db).value(), {}, &report), TakeSnapshot(*db).value());
  EXPECT_EQ(report.rows, 0u);
  EXPECT_EQ(report.parts_read, 0);
}

TEST(RefreshSnapshot, OtherOptionsForgettingAndImports) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Start(*db);
  SnapshotOptions little;
  little.in_edges = little.social = little.interactions = false;
  const Snapshot old = TakeSnapshot(*db, little).value();
  Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(Iri("new"), Iri("r1"), Iri("http://example.org/entity/e1")));
  });
  ASSERT_OK(ForgetUser(*db, "u3").status());
  RefreshReport report;
  ExpectSame(Refreshed(*db, old, {}, &report), TakeSnapshot(*db).value());
  EXPECT_EQ(report.parts_read, 2 + 2 + 1);  // in takes out along; links are refreshed
  ExpectSame(Refreshed(*db, old, little, &report), TakeSnapshot(*db, little).value());
  EXPECT_EQ(report.parts_read, 0);
  EXPECT_EQ(report.rows, 1u);
  const Snapshot whole = TakeSnapshot(*db).value();
  Import(*db,
         [](Importer& importer) { ASSERT_OK(importer.AddInteraction("another", "i1", 1, 1)); });
  ExpectSame(Refreshed(*db, whole, {}, &report), TakeSnapshot(*db).value());
}

TEST(RefreshSnapshot, TheLogDoesNotReachBack) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Start(*db);
  const Snapshot old = TakeSnapshot(*db).value();
  auto updater = Updater::Begin(*db).value();
  for (uint64_t i = 0; i <= internal::kChangesKept; ++i) {
    ASSERT_OK(updater->AddInteraction("u1", "i1", 1, 100 + static_cast<int64_t>(i)));
    ASSERT_OK(updater->Commit().status());
  }
  RefreshReport report;
  ExpectSame(Refreshed(*db, old, {}, &report), TakeSnapshot(*db).value());
  EXPECT_EQ(report.parts_read, 6);
  Snapshot foreign = old;
  ++foreign.id_space;
  ExpectSame(Refreshed(*db, foreign, {}, &report), TakeSnapshot(*db).value());
  EXPECT_EQ(report.parts_read, 6);
}

}  // namespace
}  // namespace undula::kgstore
