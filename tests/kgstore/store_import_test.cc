// Imports of graphs: every order against a plain set of triples, ids, views, rollback, threads.
#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "kgstore/take_snapshot.h"
#include "kgstore/write_links.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::HasSubstr;

// Reads the graph back through each of its three orders, and through a snapshot.
void ExpectGraph(const Database& db, const std::set<Edge>& expected) {
  ASSERT_OK_AND_ASSIGN(const ReadView view, db.Read());
  ASSERT_OK_AND_ASSIGN(const Snapshot snapshot, TakeSnapshot(db));
  std::vector<std::string> entity, relation;
  ASSERT_OK(view.ForEachEntityName([&](EntityId id, std::string_view name) {
    EXPECT_EQ(Index(id), entity.size());
    entity.emplace_back(name);
  }));
  for (uint32_t r = 0; r < view.counts().relations; ++r) {
    relation.push_back(view.RelationName(static_cast<RelationId>(r)).value());
  }
  std::set<Edge> out, in, by_relation, csr_out, csr_in;
  size_t n_out = 0, n_in = 0, n_by_relation = 0;
  for (uint32_t e = 0; e < entity.size(); ++e) {
    std::pair<RelationId, EntityId> last{kNone<RelationId>, kNone<EntityId>};
    ASSERT_OK(view.ForEachOutEdge(static_cast<EntityId>(e), [&](RelationId r, EntityId t) {
      out.emplace(entity[e], relation[Index(r)], entity[Index(t)]);
      ++n_out;
      const std::pair now{r, t};
      if (last.first != kNone<RelationId>) {
        EXPECT_LT(last, now);
      }
      last = now;
    }));
    ASSERT_OK(view.ForEachInEdge(static_cast<EntityId>(e), [&](RelationId r, EntityId h) {
      in.emplace(entity[Index(h)], relation[Index(r)], entity[e]);
      ++n_in;
    }));
    for (int64_t i = snapshot.out.ptr[e]; i < snapshot.out.ptr[e + 1]; ++i) {
      csr_out.emplace(entity[e], relation[Index(snapshot.out.relation[i])],
                      entity[Index(snapshot.out.entity[i])]);
    }
    for (int64_t i = snapshot.in.ptr[e]; i < snapshot.in.ptr[e + 1]; ++i) {
      csr_in.emplace(entity[Index(snapshot.in.entity[i])], relation[Index(snapshot.in.relation[i])],
                     entity[e]);
    }
  }
  for (uint32_t r = 0; r < relation.size(); ++r) {
    ASSERT_OK(view.ForEachRelationEdge(static_cast<RelationId>(r), [&](EntityId h, EntityId t) {
      by_relation.emplace(entity[Index(h)], relation[r], entity[Index(t)]);
      ++n_by_relation;
    }));
  }
  EXPECT_TRUE(out == expected);
  EXPECT_TRUE(in == expected);
  EXPECT_TRUE(by_relation == expected);
  EXPECT_TRUE(csr_out == expected);
  EXPECT_TRUE(csr_in == expected);
  EXPECT_EQ(n_out, expected.size());
  EXPECT_EQ(n_in, expected.size());
  EXPECT_EQ(n_by_relation, expected.size());
  EXPECT_EQ(snapshot.out.edges(), static_cast<int64_t>(expected.size()));
  EXPECT_EQ(view.counts().triples, expected.size());
}

TEST(StoreImport, EmptyDatabase) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  ExpectGraph(*db, {});
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.FindEntity("e").value(), kNone<EntityId>);
  EXPECT_CODE(view.EntityName(static_cast<EntityId>(0)).status(), kInvalidArgument);
  EXPECT_CODE(view.Links(static_cast<ItemId>(0)).status(), kInvalidArgument);
  const ImportReport report = Import(*db, [](Importer&) {});
  EXPECT_EQ(report.generation, 2u);
  ExpectGraph(*db, {});
}

TEST(StoreImport, GraphsOfSeveralShapes) {
  const struct {
    uint32_t entities, relations, edges;
  } kCases[] = {{1, 1, 1}, {2, 1, 3}, {17, 3, 200}, {300, 40, 5000}, {20000, 12, 30000}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.edges);
    TempFolder folder;
    const std::set<Edge> graph = MakeGraph(c.entities, c.relations, c.edges, c.edges);
    auto db = OpenOrDie(folder.File("a.undula"));
    const ImportReport report = Import(*db, [&](Importer& importer) {
      AddAll(graph, importer);
      AddAll(graph, importer);  // duplicates
    });
    EXPECT_EQ(report.triples_read, 2 * graph.size());
    EXPECT_EQ(report.triples_new, graph.size());
    ExpectGraph(*db, graph);
    db.reset();
    ExpectGraph(*OpenOrDie(folder.File("a.undula"), OpenMode::kOpen, true), graph);
  }
}

TEST(StoreImport, HubsInEveryOrder) {
  constexpr uint32_t kDegree = 120000;
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) {
    for (uint32_t i = 0; i < kDegree; ++i) {
      const std::string leaf = "leaf" + std::to_string(i);
      ASSERT_OK(importer.AddTriple(Iri("hub"), Iri("to"), Iri(leaf)));
      ASSERT_OK(importer.AddTriple(Iri(leaf), Iri(i % 2 == 0 ? "even" : "odd"), Iri("hub")));
    }
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  ASSERT_OK_AND_ASSIGN(const EntityId hub, view.FindEntity("hub"));
  EXPECT_EQ(Index(hub), 0u);  // ids by descending degree
  ASSERT_OK_AND_ASSIGN(const RelationId to, view.FindRelation("to"));
  ASSERT_OK_AND_ASSIGN(const RelationId even, view.FindRelation("even"));
  uint32_t out = 0, in = 0, triples = 0;
  uint32_t last = 0;
  ASSERT_OK(view.ForEachOutEdge(hub, [&](RelationId r, EntityId t) {
    EXPECT_EQ(r, to);
    EXPECT_GT(Index(t), last);
    last = Index(t);
    ++out;
  }));
  ASSERT_OK(view.ForEachInEdge(hub, [&](RelationId, EntityId) { ++in; }));
  ASSERT_OK(view.ForEachRelationEdge(to, [&](EntityId, EntityId) { ++triples; }));
  EXPECT_EQ(out, kDegree);
  EXPECT_EQ(in, kDegree);
  EXPECT_EQ(triples, kDegree);
  ASSERT_OK_AND_ASSIGN(const std::vector<EntityId> heads, view.Heads(even, hub));
  EXPECT_EQ(heads.size(), kDegree / 2);
  EXPECT_TRUE(std::is_sorted(heads.begin(), heads.end()));
  for (const uint32_t i : {0u, 1u, 2u, 59999u, 60000u, 119998u, 119999u}) {
    ASSERT_OK_AND_ASSIGN(const EntityId leaf, view.FindEntity("leaf" + std::to_string(i)));
    EXPECT_TRUE(view.HasTriple(hub, to, leaf).value());
    EXPECT_EQ(view.HasTriple(leaf, even, hub).value(), i % 2 == 0);
    EXPECT_FALSE(view.HasTriple(hub, even, leaf).value());
  }
  ASSERT_OK_AND_ASSIGN(const DatabaseStats stats, ReadStats(*db));
  EXPECT_EQ(stats.max_out_degree, kDegree);
  EXPECT_EQ(stats.max_in_degree, kDegree);
  EXPECT_EQ(stats.entities_without_edges, 0u);
}

TEST(StoreImport, SecondImportKeepsIds) {
  TempFolder folder;
  const std::set<Edge> first = MakeGraph(2000, 9, 6000, 1);
  const std::set<Edge> second = MakeGraph(4000, 12, 9000, 2);  // shares names with the first
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) {
    AddAll(first, importer);
    ASSERT_OK(importer.AddTriple(Iri("x"), Iri("label"), Text("X")));
    ASSERT_OK(importer.AddInteraction("u1", "i1", 1, 5));
  });
  std::map<std::string, EntityId> entities;
  std::map<std::string, RelationId> relations;
  Snapshot before = TakeSnapshot(*db).value();
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    ASSERT_OK(view.ForEachEntityName(
        [&](EntityId id, std::string_view name) { entities.emplace(name, id); }));
    for (uint32_t r = 0; r < view.counts().relations; ++r) {
      relations.emplace(view.RelationName(static_cast<RelationId>(r)).value(),
                        static_cast<RelationId>(r));
    }
  }
  const ImportReport report = Import(*db, [&](Importer& importer) {
    AddAll(second, importer);
    ASSERT_OK(importer.AddTriple(Iri("y"), Iri("label"), Text("Y")));
    ASSERT_OK(importer.AddInteraction("u2", "i2", 1, 5));
    ASSERT_OK(importer.AddInteraction("u1", "i2", 1, 5));
  });
  std::set<Edge> both = first;
  both.insert(second.begin(), second.end());
  EXPECT_EQ(report.triples_new, both.size() - first.size());
  ExpectGraph(*db, both);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  for (const auto& [name, id] : entities) EXPECT_EQ(view.FindEntity(name).value(), id);
  for (const auto& [name, id] : relations) EXPECT_EQ(view.FindRelation(name).value(), id);
  EXPECT_EQ(view.counts().entities, entities.size() + report.entities_new);
  EXPECT_EQ(Index(view.FindUser("u1").value()), 0u);
  EXPECT_EQ(Index(view.FindItem("i1").value()), 0u);
  EXPECT_EQ(before.id_space, view.id_space());
}

TEST(StoreImport, UntouchedTablesStay) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) { AddAll(MakeGraph(100, 3, 300, 3), importer); });
  Import(*db, [&](Importer& importer) { ASSERT_OK(importer.AddInteraction("u", "i", 1, 1)); });
  const std::string text = StatsText(*db);
  EXPECT_THAT(text, HasSubstr("\nout@2 "));
  EXPECT_THAT(text, HasSubstr("\nentity_terms@2 "));
  EXPECT_THAT(text, HasSubstr("\nuser_log@3 "));
  EXPECT_THAT(text, HasSubstr("\nuser_terms@3 "));
  EXPECT_THAT(text, HasSubstr("\nliteral_terms@1 "));
}

TEST(StoreImport, ViewsKeepTheirState) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db,
         [&](Importer& importer) { ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("b"))); });
  ASSERT_OK_AND_ASSIGN(const ReadView old, db->Read());
  for (int i = 0; i < 5; ++i) {
    Import(*db, [&](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("c" + std::to_string(i))));
    });
    EXPECT_EQ(old.counts().triples, 1u);
    int edges = 0;
    ASSERT_OK(
        old.ForEachOutEdge(old.FindEntity("a").value(), [&](RelationId, EntityId) { ++edges; }));
    EXPECT_EQ(edges, 1);
    EXPECT_EQ(old.FindEntity("c0").value(), kNone<EntityId>);
  }
  ASSERT_OK_AND_ASSIGN(const ReadView now, db->Read());
  EXPECT_EQ(now.counts().triples, 6u);
  EXPECT_GT(now.transaction(), old.transaction());
}

TEST(StoreImport, ManyImportsWithOneReaderProcessWorth) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  uint64_t bytes = 0;
  for (int i = 0; i < 40; ++i) {  // handles and pages of dead generations must be given back
    Import(*db, [&](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("e" + std::to_string(i)), Iri("r"), Iri("t")));
      ASSERT_OK(importer.AddTriple(Iri("e"), Iri("name"), Text("n" + std::to_string(i))));
      ASSERT_OK(importer.AddInteraction("u", "i" + std::to_string(i), 1, i));
      ASSERT_OK(importer.AddLink("i" + std::to_string(i), "t", 1, LinkMethod::kFile));
    });
    ASSERT_OK_AND_ASSIGN(const DatabaseStats stats, ReadStats(*db));
    EXPECT_EQ(stats.counts.triples, static_cast<uint64_t>(i) + 1);
    EXPECT_EQ(stats.imports.size(), static_cast<size_t>(i) + 1);
    if (i == 10) bytes = stats.file_bytes;
    if (i == 39) {
      EXPECT_LT(stats.file_bytes, 3 * bytes);
    }
  }
}

TEST(StoreImport, RollbackAndCancel) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) { AddAll(MakeGraph(50, 3, 90, 4), importer); });
  const std::string before = StatsText(*db);
  const std::vector<std::string> data = Dump(*db);
  {
    auto importer = Importer::Begin(*db).value();
    AddAll(MakeGraph(100, 3, 200, 5), *importer);
  }
  EXPECT_EQ(StatsText(*db), before);
  int stages = 0;
  for (int at = 0;; ++at) {  // cancelled at every report in turn
    auto importer = Importer::Begin(*db).value();
    AddAll(MakeGraph(100, 3, 200, 5), *importer);
    ASSERT_OK(importer->AddInteraction("u", "i", 1, 1));
    Progress* self = nullptr;
    int calls = 0;
    std::string last;
    Progress progress([&](int64_t, int64_t, std::string_view message) {
      if (message != last && calls++ == at) self->Cancel();
      last = message;
    });
    self = &progress;
    const auto report = importer->Commit(&progress);
    if (report.ok()) break;
    EXPECT_CODE(report.status(), kCancelled);
    EXPECT_CODE(importer->Commit().status(), kCancelled);
    importer.reset();
    EXPECT_EQ(StatsText(*db), before);
    EXPECT_EQ(Dump(*db), data);
    ++stages;
    ASSERT_LT(at, 100);
  }
  EXPECT_GE(stages, 1);
  EXPECT_GT(ReadStats(*db)->counts.triples, 90u);
}

TEST(StoreImport, OneWritingCallAtATime) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  auto first = Importer::Begin(*db).value();
  EXPECT_CODE(Importer::Begin(*db).status(), kFailedPrecondition);
  EXPECT_CODE(WriteLinks(*db, {}, LinkPolicy::kMerge).status(), kFailedPrecondition);
  ASSERT_OK(first->Commit().status());
  EXPECT_CODE(first->Commit().status(), kFailedPrecondition);
  EXPECT_TRUE(Importer::Begin(*db).ok());
}

TEST(StoreImport, ReadersBesideImports) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  constexpr int kImports = 15;
  std::atomic<bool> done{false};
  std::atomic<int> reads{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int thread = 0; thread < 3; ++thread) {
    readers.emplace_back([&] {
      TaskArena arena(1);
      while (!done.load()) {
        const auto view = db->Read();
        if (!view.ok()) {
          ++wrong;
          break;
        }
        // Import number n adds n triples: any other count is a mixture of two states.
        const uint64_t triples = view->counts().triples;
        bool ok = false;
        for (uint64_t n = 0; n <= kImports; ++n) ok = ok || n * (n + 1) / 2 == triples;
        const auto snapshot = TakeSnapshot(*view, arena);
        ok = ok && snapshot.ok() && snapshot->out.edges() == static_cast<int64_t>(triples) &&
             snapshot->by_user.size() == static_cast<int64_t>(view->counts().interactions) &&
             view->FindEntity("hub").ok();
        if (!ok) ++wrong;
        ++reads;
      }
    });
  }
  for (int n = 1; n <= kImports; ++n) {
    Import(*db, [&](Importer& importer) {
      for (int i = 0; i < n; ++i) {
        ASSERT_OK(importer.AddTriple(Iri("hub"), Iri("r"), Iri(Concat("e", n, "-", i))));
      }
      ASSERT_OK(importer.AddInteraction("u", Concat("i", n), 1, n));
    });
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 0);
}

TEST(StoreImport, SnapshotPartsAndThreads) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) {
    AddAll(MakeGraph(3000, 7, 20000, 6), importer);
    ASSERT_OK(importer.AddInteraction("u", "i", 1, 1));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  TaskArena one(1), four(4);
  ASSERT_OK_AND_ASSIGN(const Snapshot a, TakeSnapshot(view, one));
  ASSERT_OK_AND_ASSIGN(const Snapshot b, TakeSnapshot(view, four));
  EXPECT_EQ(a.out.ptr, b.out.ptr);
  EXPECT_TRUE(a.out.entity == b.out.entity && a.out.relation == b.out.relation);
  EXPECT_TRUE(a.in.entity == b.in.entity && a.in.relation == b.in.relation);
  SnapshotOptions options;
  options.graph = false;
  options.links = false;
  ASSERT_OK_AND_ASSIGN(const Snapshot part, TakeSnapshot(view, one, options));
  EXPECT_EQ(part.out.edges(), 0);
  EXPECT_EQ(part.by_user.size(), 1);
}

}  // namespace
}  // namespace undula::kgstore
