// Updates in place: hubs, dictionaries, reports, forgetting a user, readers beside them, kills.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "kgstore/adjacency.h"
#include "kgstore/change_log.h"
#include "kgstore/model_store.h"
#include "kgstore/store.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/updater.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(StoreUpdate, HubsGrowAndShrinkInEveryOrder) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  constexpr int kEdges = 5000;
  const auto name = [](int i) { return "n" + std::to_string(i); };
  const auto out_degree = [&] {
    const ReadView view = db->Read().value();
    int degree = 0;
    EXPECT_TRUE(
        view.ForEachOutEdge(view.FindEntity("hub").value(), [&](RelationId, EntityId) { ++degree; })
            .ok());
    return degree;
  };
  for (int part = 0; part < 10; ++part) {
    const UpdateReport report = Update(*db, [&](Updater& updater) {
      for (int i = part; i < kEdges; i += 10) {
        ASSERT_OK(updater.AddTriple(Iri("hub"), Iri("r"), Iri(name(i))));
      }
    });
    EXPECT_EQ(report.added, kEdges / 10u);
  }
  EXPECT_EQ(out_degree(), kEdges);
  EXPECT_GT(ReadStats(*db)->max_out_degree, 4999u);
  for (int i = 0; i < kEdges - 3; i += 500) {
    const UpdateReport report = Update(*db, [&](Updater& updater) {
      for (int k = i; k < i + 500 && k < kEdges - 3; ++k) {
        ASSERT_OK(updater.RemoveTriple(Iri("hub"), Iri("r"), Iri(name(k))));
      }
      ASSERT_OK(updater.RemoveTriple(Iri("hub"), Iri("r"), Iri("never stored")));
    });
    EXPECT_EQ(report.unchanged, 1u);
    EXPECT_THAT(SumErrors(*db), IsEmpty());
  }
  EXPECT_EQ(out_degree(), 3);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  const auto hubs = view.state().Walk(Table::kOutHubs);
  EXPECT_FALSE(*(*hubs)->First());                                      // back in its bucket
  EXPECT_EQ(view.FindEntity("never stored").value(), kNone<EntityId>);  // removing needs no name
}

// Lists that are short enough for their bucket, but whose bucket is full: they stand among the
// hubs, and an edit that changes nothing leaves them there.
TEST(StoreUpdate, FullBucketsKeepTheirShortLists) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  constexpr uint32_t kHeads = 48, kTails = 40000;
  Random random(17);
  const auto add_all = [](Updater& updater, const std::set<Edge>& edges) {
    for (const auto& [h, r, t] : edges) ASSERT_OK(updater.AddTriple(Iri(h), Iri(r), Iri(t)));
  };
  std::set<Edge> edges, heads;
  for (uint32_t i = 0; i < kTails; ++i) edges.insert({"root", "r", Concat("t", i)});
  Import(*db, [&](Importer& importer) { AddAll(edges, importer); });
  // 100 tails each, 200 bytes a list, 3200 a bucket.
  for (uint32_t i = 0; i < kHeads * 100; ++i) {
    heads.insert({Concat("h", i / 100), "r", random.Name("t", kTails)});
  }
  Import(*db, [&](Importer& importer) { AddAll(heads, importer); });
  edges.insert(heads.begin(), heads.end());
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  ASSERT_OK_AND_ASSIGN(const auto hubs, view.state().Walk(Table::kOutHubs));
  ASSERT_TRUE(*hubs->Last());
  EXPECT_GT(internal::LoadBigEndian(hubs->key().data()), kTails);  // of a head, not of the root
  const std::vector<std::string> before = Dump(*db);
  const UpdateReport same = Update(*db, [&](Updater& updater) { add_all(updater, edges); });
  EXPECT_EQ(same.added, 0u);
  EXPECT_EQ(same.unchanged, edges.size());
  EXPECT_EQ(Dump(*db), before);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  for (int round = 0; round < 20; ++round) {
    Update(*db, [&](Updater& updater) {
      for (int i = 0; i < 30; ++i) {
        const Edge edge{random.Name("h", kHeads), "r", random.Name("t", kTails)};
        const auto& [h, r, t] = edge;
        if (random(2) == 0) {
          edges.insert(edge);
          ASSERT_OK(updater.AddTriple(Iri(h), Iri(r), Iri(t)));
        } else {
          edges.erase(edge);
          ASSERT_OK(updater.RemoveTriple(Iri(h), Iri(r), Iri(t)));
        }
      }
      add_all(updater, {*edges.begin(), *edges.rbegin()});
    });
    EXPECT_EQ(db->Read()->counts().triples, edges.size());
  }
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const ReadView after, db->Read());
  std::set<Edge> stored;
  ASSERT_OK(after.ForEachEntityName([&](EntityId head, std::string_view name) {
    ASSERT_OK(after.ForEachOutEdge(head, [&](RelationId, EntityId tail) {
      stored.insert({std::string(name), "r", after.EntityName(tail).value()});
    }));
  }));
  EXPECT_EQ(stored, edges);
}

TEST(StoreUpdate, DictionariesGrowAndSplitTheirBuckets) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Random random(5);
  std::vector<std::string> names;
  for (int batch = 0; batch < 30; ++batch) {
    Update(*db, [&](Updater& updater) {
      for (int i = 0; i < 40; ++i) {
        std::string text = Concat("name/", batch, "/", i);
        if (random(9) == 0) text += std::string(random(3000), 'x');  // kept aside
        ASSERT_OK(updater.AddTriple(Iri(text), Iri("r"), Text(text)));
        names.push_back(text);
      }
    });
  }
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_GT(view.state().state().bucket_bits[0], 3);
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(view.FindEntity(names[i]).value(), static_cast<EntityId>(i));
    ASSERT_EQ(view.EntityName(static_cast<EntityId>(i)).value(), names[i]);
    ASSERT_EQ(Take(view.FindLiterals(names[i])).size(), 1u);
  }
  EXPECT_THAT(SumErrors(*db), IsEmpty());
}

TEST(StoreUpdate, Reports) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  UpdateReport report = Update(*db, [](Updater&) {});
  EXPECT_EQ(report.change, 0u);  // nothing written
  report = Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.RemoveTriple(Iri("x"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.AddInteraction("u", "i", 1, 1));
    EXPECT_EQ(updater.pending(), 4u);
  });
  EXPECT_EQ(report.added, 2u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_EQ(report.names_new, 5u);
  EXPECT_EQ(report.change, 1u);
  report = Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(static_cast<EntityId>(1), static_cast<RelationId>(0),
                                static_cast<EntityId>(0)));
    ASSERT_OK(updater.RemoveTriple(static_cast<EntityId>(0), static_cast<RelationId>(0),
                                   static_cast<EntityId>(1)));
    ASSERT_OK(updater.AddInteraction("u", "i", 2, 1));
  });
  EXPECT_EQ(report.added, 1u);
  EXPECT_EQ(report.removed, 1u);
  EXPECT_EQ(report.replaced, 1u);
  EXPECT_EQ(ReadStats(*db)->relations[0].triples, 1u);
  EXPECT_EQ(ReadStats(*db)->generation, 1u);

  auto updater = Updater::Begin(*db).value();
  EXPECT_CODE(Updater::Begin(*db).status(), kFailedPrecondition);
  EXPECT_CODE(Importer::Begin(*db).status(), kFailedPrecondition);
  EXPECT_CODE(updater->AddTriple(Text("a"), Iri("r"), Iri("b")), kInvalidArgument);
  EXPECT_CODE(updater->Commit().status(), kInvalidArgument);  // sticky
  updater->Discard();
  EXPECT_CODE(updater->AddInteraction("u", "i", NAN, 1), kInvalidArgument);
  updater->Discard();
  EXPECT_CODE(updater->AddLink("i", "a", 2, LinkMethod::kFile), kInvalidArgument);
  updater->Discard();
  EXPECT_CODE(updater->AddTriple(static_cast<EntityId>(99), static_cast<RelationId>(0),
                                 static_cast<EntityId>(0)),
              kInvalidArgument);
  updater->Discard();
  ASSERT_OK(updater->Commit().status());
  updater.reset();
  db.reset();
  auto reader = OpenOrDie(folder.File("a"), OpenMode::kOpen, true);
  EXPECT_CODE(Updater::Begin(*reader).status(), kFailedPrecondition);
}

TEST(StoreUpdate, ForgetUser) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  const std::vector<ItemColumn> row = {{"mail", "secret@example.org"}};
  Update(*db, [&](Updater& updater) {
    for (int i = 0; i < 400; ++i) {
      ASSERT_OK(updater.AddInteraction("ann", "i" + std::to_string(i % 9), 1, i));
      ASSERT_OK(updater.AddInteraction("bob", "i" + std::to_string(i % 5), 1, i));
    }
    ASSERT_OK(updater.SetUser("ann", row));
    ASSERT_OK(updater.AddSocial("ann", "bob", 1));
    ASSERT_OK(updater.AddSocial("bob", "ann", 1));
    ASSERT_OK(updater.AddSocial("bob", "cid", 1));
  });
  auto models = OpenModelStore(*db).value();
  const auto put = [&](const char* name, const char* users) {
    TensorMap model;
    if (users[0] != '\0') model.metadata[std::string(kTrainedUsersKey)] = users;
    ASSERT_OK(models->Put(name, model));
  };
  put("before", "0");
  put("after", "3");
  put("unknown", "");
  ASSERT_OK_AND_ASSIGN(const ForgetReport report, ForgetUser(*db, "ann"));
  EXPECT_EQ(report.interactions, 400u);
  EXPECT_EQ(report.social, 2u);
  EXPECT_THAT(report.models, ElementsAre("after", "unknown"));
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.FindUser("ann").value(), kNone<UserId>);
    EXPECT_EQ(view.FindUser("").value(), kNone<UserId>);
    EXPECT_EQ(view.UserName(static_cast<UserId>(0)).value(), "");
    EXPECT_EQ(view.counts().interactions, 400u);
    EXPECT_EQ(view.counts().users, 3u);
    EXPECT_EQ(view.counts().social, 1u);
    EXPECT_THAT(Take(view.UserColumns(static_cast<UserId>(0))), IsEmpty());
    // No record of the log lists the user but the one that says that it was forgotten.
    int listed = 0;
    const auto cursor = *view.state().Walk(Table::kChanges);
    for (auto more = cursor->First(); *more; more = cursor->Next()) {
      const auto record = internal::DecodeChangeRecord(cursor->value());
      for (const auto& changed : *record) {
        listed += std::count(changed.rows.begin(), changed.rows.end(), 0u) > 0 &&
                  (&changed == &(*record)[2] || &changed == &(*record)[5]);
      }
    }
    EXPECT_EQ(listed, 1);
  }
  ASSERT_OK_AND_ASSIGN(const Snapshot snapshot, TakeSnapshot(*db));
  EXPECT_EQ(snapshot.by_user.row(0).size(), 0u);
  EXPECT_EQ(snapshot.by_item.size(), 400);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  EXPECT_CODE(ForgetUser(*db, "ann").status(), kNotFound);
  Update(*db, [](Updater& updater) { ASSERT_OK(updater.AddInteraction("ann", "i1", 1, 1)); });
  EXPECT_EQ(db->Read()->FindUser("ann").value(), static_cast<UserId>(3));  // a new user
  Import(*db, [](Importer& importer) {  // splits the buckets anew
    for (int u = 0; u < 500; ++u)
      ASSERT_OK(importer.AddInteraction("v" + std::to_string(u), "i", 1, 1));
  });
  EXPECT_EQ(db->Read()->FindUser("").value(), kNone<UserId>);
}

TEST(StoreUpdate, EmptyNamesAreRefused) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Update(*db, [](Updater& updater) { ASSERT_OK(updater.AddInteraction("u", "i", 1, 1)); });
  const std::string before = StatsText(*db);
  auto updater = Updater::Begin(*db).value();
  const Term no_label{TermKind::kBlank, "", {}, {}}, graph = Iri("");
  const auto refused = [&](const absl::Status& status) {
    EXPECT_CODE(status, kInvalidArgument);
    EXPECT_CODE(updater->Commit().status(), kInvalidArgument);
    updater->Discard();
  };
  refused(updater->AddInteraction("", "i", 1, 0));
  refused(updater->RemoveInteraction("", "i", 0));
  refused(updater->AddInteraction("u", "", 1, 0));
  refused(updater->SetUser("", {}));
  refused(updater->SetItem("", {}));
  refused(updater->AddSocial("", "u", 1));
  refused(updater->AddLink("i", "", 1, LinkMethod::kManual));
  refused(updater->AddTriple(Iri("h"), Iri(""), Iri("t")));
  refused(updater->AddTriple(no_label, Iri("r"), Iri("t")));
  refused(updater->AddTriple(Iri("h"), Iri("r"), Iri("t"), &graph));
  ASSERT_OK(updater->AddTriple(Iri("h"), Iri("r"), Text("")));  // a literal may be empty
  updater->Discard();
  updater.reset();
  EXPECT_EQ(StatsText(*db), before);
  EXPECT_CODE(ForgetUser(*db, "").status(), kNotFound);
}

// The sum of all weights is 0 after each commit: what a reader sees must be whole.
TEST(StoreUpdate, ReadersSeeWholeTransactions) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Update(*db, [](Updater& updater) {
    for (int i = 0; i < 50; ++i) ASSERT_OK(updater.AddInteraction("u", Concat("i", i), 0, i));
  });
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0, reads = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!done) {
        const auto view = db->Read();
        if (!view.ok()) {
          ++wrong;
          break;
        }
        const auto log = view->UserLog(view->FindUser("u").value());
        double sum = 0;
        for (const Interaction& x : *log) sum += x.weight;
        if (sum != 0 || log->size() < 50) ++wrong;
        ++reads;
      }
    });
  }
  auto updater = Updater::Begin(*db).value();
  Random random(9);
  for (int n = 1; n <= 150; ++n) {
    const uint32_t a = random(50), b = (a + 1 + random(49)) % 50;
    const auto weight = [&](uint32_t i) {
      const ReadView view = db->Read().value();
      return Take(view.UserLog(view.FindUser("u").value()))[i].weight;
    };
    ASSERT_OK(updater->AddInteraction("u", Concat("i", a), weight(a) + static_cast<float>(n), a));
    ASSERT_OK(updater->AddInteraction("u", Concat("i", b), weight(b) - static_cast<float>(n), b));
    ASSERT_OK(updater->Commit().status());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 0);
}

TEST(StoreUpdate, OldViewsStayAsTheyWere) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(100, 2, 500, 4), importer); });
  ASSERT_OK_AND_ASSIGN(const ReadView old, db->Read());
  const uint64_t before = old.counts().triples;
  Update(*db, [](Updater& updater) {
    for (const auto& [h, r, t] : MakeGraph(100, 2, 500, 4)) {
      ASSERT_OK(updater.RemoveTriple(Iri(h), Iri(r), Iri(t)));
    }
  });
  EXPECT_EQ(db->Read()->counts().triples, 0u);
  uint64_t seen = 0;
  for (uint32_t e = 0; e < old.counts().entities; ++e) {
    ASSERT_OK(old.ForEachOutEdge(static_cast<EntityId>(e), [&](RelationId, EntityId) { ++seen; }));
  }
  EXPECT_EQ(seen, before);
}

TEST(StoreUpdate, KilledBetweenCommits) {
  TempFolder folder;
  const std::string path = folder.File("a");
  { auto db = OpenOrDie(path); }
  for (int round = 0; round < 8; ++round) {
    const int code = RunInChild([&] {
      const pid_t self = getpid();
      auto db = OpenOrDie(path);
      auto updater = Updater::Begin(*db).value();
      const pid_t killer = fork();
      if (killer == 0) {
        usleep(static_cast<useconds_t>(2000 + round * 7000));
        kill(self, SIGKILL);
        _exit(0);
      }
      for (int n = 0;; ++n) {
        for (int i = 0; i < 30; ++i) {  // each batch is 30 triples and 30 interactions
          const std::string name = Concat("r", round, "-", n, "-", i);
          if (!updater->AddTriple(Iri("hub"), Iri("r"), Iri(name)).ok()) return 1;
          if (!updater->AddInteraction("u", name, 1, n).ok()) return 1;
        }
        if (!updater->Commit().ok()) return 1;
      }
    });
    ASSERT_EQ(code, -SIGKILL);
    absl::StatusOr<std::unique_ptr<Database>> db = absl::UnknownError("");
    for (int i = 0; i < 500 && !db.ok(); ++i) {  // the killer shares the lock until it is gone
      db = Database::Open(path);
      if (!db.ok()) usleep(10000);
    }
    ASSERT_TRUE(db.ok()) << db.status();
    const Counts counts = (*db)->Read()->counts();
    EXPECT_EQ(counts.triples % 30, 0u);
    EXPECT_EQ(counts.triples, counts.interactions);
    EXPECT_THAT(SumErrors(**db), IsEmpty());
    ASSERT_OK(TakeSnapshot(**db).status());
  }
}

}  // namespace
}  // namespace undula::kgstore
