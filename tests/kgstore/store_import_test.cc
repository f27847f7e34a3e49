// Imports and what can be read back: against plain sets of the same records.
#include <algorithm>
#include <map>
#include <numeric>

#include "base/text/normalize.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/write_links.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

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
      csr_in.emplace(entity[Index(snapshot.in.entity[i])],
                     relation[Index(snapshot.in.relation[i])], entity[e]);
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
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("b")));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView old, db->Read());
  for (int i = 0; i < 5; ++i) {
    Import(*db, [&](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("c" + std::to_string(i))));
    });
    EXPECT_EQ(old.counts().triples, 1u);
    int edges = 0;
    ASSERT_OK(old.ForEachOutEdge(old.FindEntity("a").value(), [&](RelationId, EntityId) { ++edges; }));
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

TEST(StoreImport, AttributesLabelsAndValues) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  constexpr char kLabel[] = "http://www.w3.org/2000/01/rdf-schema#label";
  constexpr char kAlt[] = "http://www.w3.org/2004/02/skos/core#altLabel";
  constexpr char kXsd[] = "http://www.w3.org/2001/XMLSchema#";
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kLabel), Text("The Matrix", "", "en")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kLabel), Text("Matrix", "", "de")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kAlt), Text("MATRIX I", "", "en")));
    ASSERT_OK(importer.AddTriple(Iri("m2"), Iri("film.title"), Text("Le Fabuleux Destin d'Amélie")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri(kLabel), Text("Matrix")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri("imdb"), Text("tt0133093")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri("year"), Text("1999", std::string(kXsd) + "gYear")));
    ASSERT_OK(importer.AddTriple(Iri("m2"), Iri("year"), Text("1999", std::string(kXsd) + "integer")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri("code"), Text("1999", "http://example.org/type")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri("year"), Text("")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri("same"), Text("s", std::string(kXsd) + "string")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri("same"), Text("s")));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  const EntityId m1 = view.FindEntity("m1").value(), m2 = view.FindEntity("m2").value(),
                 m3 = view.FindEntity("m3").value();
  EXPECT_EQ(view.counts().triples, 0u);
  EXPECT_EQ(view.counts().attributes, 11u);  // "s" and "s"^^xsd:string are one literal
  EXPECT_THAT(view.Attributes(m1).value(), testing::SizeIs(5));
  EXPECT_EQ(view.BestLabel(m1, std::vector<std::string>{"de", "en"}).value(), "Matrix");
  EXPECT_EQ(view.BestLabel(m1, std::vector<std::string>{"EN"}).value(), "The Matrix");
  EXPECT_EQ(view.BestLabel(m1).value(), "The Matrix");  // the smallest literal id
  EXPECT_EQ(view.BestLabel(m2).value(), "Le Fabuleux Destin d'Amélie");
  EXPECT_THAT(view.EntitiesByLabel("matrix").value(), ElementsAre(std::min(m1, m3), std::max(m1, m3)));
  EXPECT_THAT(view.EntitiesByLabel("matrix i").value(), ElementsAre(m1));
  EXPECT_THAT(view.EntitiesByLabel(NormalizeText("LE FABULEUX destin d'amelie").value()).value(),
              ElementsAre(m2));
  EXPECT_THAT(view.EntitiesByLabel("none").value(), IsEmpty());
  EXPECT_THAT(view.EntitiesByLabel("").value(), IsEmpty());
  const RelationId year = view.FindRelation("year").value();
  EXPECT_THAT(view.EntitiesByValue(year, "1999").value(),
              ElementsAre(std::min(m1, m2), std::max(m1, m2)));
  EXPECT_THAT(view.EntitiesByAnyValue("1999").value(), testing::SizeIs(3));
  EXPECT_THAT(view.EntitiesByValue(view.FindRelation("imdb").value(), "tt0133093").value(),
              ElementsAre(m1));
  EXPECT_THAT(view.EntitiesByValue(year, "").value(), ElementsAre(m3));
  EXPECT_THAT(view.EntitiesByValue(year, "2000").value(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const LiteralId gyear, view.FindLiteral({"1999", std::string(kXsd) + "gYear", ""}));
  ASSERT_NE(gyear, kNone<LiteralId>);
  EXPECT_EQ(view.GetLiteral(gyear).value().datatype, std::string(kXsd) + "gYear");
  EXPECT_EQ(view.GetLiteral(gyear).value().text, "1999");
  EXPECT_EQ(view.FindLiteral({"1999", "", "en"}).value(), kNone<LiteralId>);
  // A second import merges labels and attributes.
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("m4"), Iri(kLabel), Text("matrix")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kLabel), Text("Matrix", "", "de")));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView later, db->Read());
  EXPECT_THAT(later.EntitiesByLabel("matrix").value(), testing::SizeIs(3));
  EXPECT_EQ(later.counts().attributes, 12u);
  EXPECT_EQ(later.counts().labels, view.counts().labels + 1);
  ASSERT_OK_AND_ASSIGN(const DatabaseStats stats, ReadStats(*db));
  for (const RelationStats& r : stats.relations) {
    if (r.name == kLabel) {
      EXPECT_EQ(r.attributes, 4u);
    }
    EXPECT_EQ(r.triples, 0u);
  }
}

TEST(StoreImport, Interactions) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  std::map<std::tuple<std::string, int64_t, std::string>, float> expected;
  const auto add = [&](Importer& importer, const std::string& u, const std::string& i, float w,
                       int64_t t) {
    ASSERT_OK(importer.AddInteraction(u, i, w, t));
    expected[{u, t, i}] = w;
  };
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 2; ++round) {
    Import(*db, [&](Importer& importer) {
      for (int k = 0; k < 3000; ++k) {  // one heavy user: several blocks
        add(importer, "heavy", "i" + std::to_string((k * 7919) % 500), 0.5f * (k % 11),
            (k * 104729) % 1000 - round);
      }
      add(importer, "edge", "i1", -0.0f, -kMax - 1);
      add(importer, "edge", "i1", 3.25f, kMax);
      add(importer, "edge", "i2", 1, 0);
      add(importer, "edge", "i2", 2, 0);  // the later weight holds
      for (int u = 0; u < 100; ++u) add(importer, "u" + std::to_string(u), "i" + std::to_string(u), 1, 0);
    });
  }
  ASSERT_OK_AND_ASSIGN(const Snapshot snapshot, TakeSnapshot(*db));
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.counts().interactions, expected.size());
  std::map<std::tuple<std::string, int64_t, std::string>, float> logs, by_user, by_item;
  for (uint32_t u = 0; u < view.counts().users; ++u) {
    const std::string user = view.UserName(static_cast<UserId>(u)).value();
    int64_t i = snapshot.by_user.ptr[u];
    for (const Interaction& x : Take(view.UserLog(static_cast<UserId>(u)))) {
      logs[{user, x.time, view.ItemName(x.item).value()}] = x.weight;
      ASSERT_LT(i, snapshot.by_user.ptr[u + 1]);
      EXPECT_EQ(snapshot.by_user.other[i], x.item);
      EXPECT_EQ(snapshot.by_user.time[i], x.time);
      if (i > snapshot.by_user.ptr[u]) {
        EXPECT_LT(std::pair(snapshot.by_user.time[i - 1], snapshot.by_user.other[i - 1]),
                  std::pair(x.time, x.item));
      }
      ++i;
    }
    EXPECT_EQ(i, snapshot.by_user.ptr[u + 1]);
  }
  for (uint32_t item = 0; item < view.counts().items; ++item) {
    const std::string name = view.ItemName(static_cast<ItemId>(item)).value();
    for (int64_t i = snapshot.by_item.ptr[item]; i < snapshot.by_item.ptr[item + 1]; ++i) {
      by_item[{view.UserName(snapshot.by_item.other[i]).value(), snapshot.by_item.time[i], name}] =
          snapshot.by_item.weight[i];
    }
  }
  EXPECT_TRUE(logs == expected);
  EXPECT_TRUE(by_item == expected);
}

TEST(StoreImport, CatalogueAndLinks) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  using Columns = std::vector<ItemColumn>;
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddItem("i1", Columns{{"title", "Alien"}, {"imdb", "tt0078748"}}));
    ASSERT_OK(importer.AddItem("i2", Columns{{"title", ""}}));
    ASSERT_OK(importer.AddItem("i3", {}));
    ASSERT_OK(importer.AddItem("i1", Columns{{"title", "Alien (1979)"}}));
    ASSERT_OK(importer.AddLink("i1", "e1", 0.5f, LinkMethod::kLabel));
    ASSERT_OK(importer.AddLink("i1", "e2", 0.75f, LinkMethod::kFile));
    ASSERT_OK(importer.AddLink("i4", "e2", 1, LinkMethod::kExternalId));
  });
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddItem("i1", Columns{{"year", "1979"}, {"imdb", "78748"}}));
    ASSERT_OK(importer.AddLink("i1", "e1", 1, LinkMethod::kManual));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.counts().items, 4u);
  EXPECT_EQ(view.counts().links, 3u);
  EXPECT_EQ(view.counts().linked_items, 2u);
  const ItemId i1 = view.FindItem("i1").value(), i3 = view.FindItem("i3").value(),
               i4 = view.FindItem("i4").value();
  EXPECT_THAT(view.ItemColumns(i1).value(), ElementsAre(Pair("imdb", "78748"),
                                                        Pair("title", "Alien (1979)"),
                                                        Pair("year", "1979")));
  EXPECT_THAT(view.ItemColumns(i3).value(), IsEmpty());
  const std::vector<Link> links = view.Links(i1).value();
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(view.EntityName(links[0].entity).value(), "e1");
  EXPECT_EQ(links[0].confidence, 1);
  EXPECT_EQ(links[0].method, LinkMethod::kManual);
  EXPECT_EQ(links[1].confidence, 0.75f);

  const EntityId e1 = view.FindEntity("e1").value(), e2 = view.FindEntity("e2").value();
  const auto write = [&](std::vector<LinkRecord> records, LinkPolicy policy) {
    auto report = WriteLinks(*db, records, policy);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(LinkReport());
  };
  EXPECT_EQ(write({{i3, e1, 1, LinkMethod::kLabel}}, LinkPolicy::kMerge).links, 4u);
  EXPECT_EQ(write({{i1, e2, 1, LinkMethod::kLabel}}, LinkPolicy::kReplaceItems).links, 3u);
  EXPECT_EQ(TakeSnapshot(*db)->links.best(i1), e2);
  EXPECT_EQ(TakeSnapshot(*db)->links.best(view.FindItem("i2").value()), kNone<EntityId>);
  const LinkReport all = write({{i4, e1, 0.25f, LinkMethod::kLabel}}, LinkPolicy::kReplaceAll);
  EXPECT_EQ(all.links, 1u);
  EXPECT_EQ(all.linked_items, 1u);
  EXPECT_CODE(WriteLinks(*db, std::vector<LinkRecord>{{i1, e1, 0, LinkMethod::kFile}},
                         LinkPolicy::kMerge).status(), kInvalidArgument);
  EXPECT_CODE(WriteLinks(*db, std::vector<LinkRecord>{{i1, static_cast<EntityId>(99), 1, LinkMethod::kFile}},
                         LinkPolicy::kMerge).status(), kInvalidArgument);
  EXPECT_EQ(TakeSnapshot(*db)->links.entity.size(), 1u);
}

TEST(StoreImport, BadRecordsEndTheImport) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) { AddAll(MakeGraph(50, 3, 90, 4), importer); });
  const std::string before = StatsText(*db);
  const auto fails = [&](const std::function<absl::Status(Importer&)>& add) {
    auto importer = Importer::Begin(*db).value();
    EXPECT_TRUE(importer->AddTriple(Iri("new"), Iri("r"), Iri("t")).ok());
    EXPECT_CODE(add(*importer), kInvalidArgument);
    EXPECT_CODE(importer->AddTriple(Iri("new2"), Iri("r"), Iri("t")), kInvalidArgument);  // sticky
    EXPECT_CODE(importer->Commit().status(), kInvalidArgument);
  };
  fails([](Importer& i) { return i.AddInteraction("u", "i", std::nanf(""), 0); });
  fails([](Importer& i) { return i.AddInteraction("u", "i", INFINITY, 0); });
  fails([](Importer& i) { return i.AddLink("i", "e", 1.5f, LinkMethod::kFile); });
  fails([](Importer& i) { return i.AddLink("i", "e", std::nanf(""), LinkMethod::kFile); });
  fails([](Importer& i) { return i.AddTriple(Text("l"), Iri("r"), Iri("t")); });
  EXPECT_EQ(StatsText(*db), before);
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

TEST(StoreImport, BlankNodesOfTwoDocuments) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  const Term blank{TermKind::kBlank, "b0", {}, {}};
  Import(*db, [&](Importer& importer) {
    importer.SetBlankScope("1-");
    ASSERT_OK(importer.AddTriple(blank, Iri("r"), Iri("x")));
    importer.SetBlankScope("2-");
    ASSERT_OK(importer.AddTriple(blank, Iri("r"), Iri("x")));
    ASSERT_OK(importer.AddTriple(Iri("x"), Iri("r"), blank));
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_NE(view.FindEntity("_:1-b0").value(), kNone<EntityId>);
  EXPECT_NE(view.FindEntity("_:2-b0").value(), kNone<EntityId>);
  EXPECT_EQ(view.counts().triples, 3u);
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
  ASSERT_OK_AND_ASSIGN(const Snapshot part, TakeSnapshot(view, one, {false, true, false}));
  EXPECT_EQ(part.out.edges(), 0);
  EXPECT_EQ(part.by_user.size(), 1);
}

}  // namespace
}  // namespace undula::kgstore
