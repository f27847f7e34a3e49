// Imports of attributes, labels, interactions, catalogues and links, and bad records.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/text/normalize.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/write_links.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(StoreRecords, AttributesLabelsAndValues) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  constexpr char kLabel[] = "http://www.w3.org/2000/01/rdf-schema#label";
  constexpr char kAlt[] = "http://www.w3.org/2004/02/skos/core#altLabel";
  constexpr char kXsd[] = "http://www.w3.org/2001/XMLSchema#";
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kLabel), Text("The Matrix", "", "en")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kLabel), Text("Matrix", "", "de")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri(kAlt), Text("MATRIX I", "", "en")));
    ASSERT_OK(
        importer.AddTriple(Iri("m2"), Iri("film.title"), Text("Le Fabuleux Destin d'Amélie")));
    ASSERT_OK(importer.AddTriple(Iri("m3"), Iri(kLabel), Text("Matrix")));
    ASSERT_OK(importer.AddTriple(Iri("m1"), Iri("imdb"), Text("tt0133093")));
    ASSERT_OK(
        importer.AddTriple(Iri("m1"), Iri("year"), Text("1999", std::string(kXsd) + "gYear")));
    ASSERT_OK(
        importer.AddTriple(Iri("m2"), Iri("year"), Text("1999", std::string(kXsd) + "integer")));
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
  EXPECT_THAT(view.EntitiesByLabel("matrix").value(),
              ElementsAre(std::min(m1, m3), std::max(m1, m3)));
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
  ASSERT_OK_AND_ASSIGN(const LiteralId gyear,
                       view.FindLiteral({"1999", std::string(kXsd) + "gYear", ""}));
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

TEST(StoreRecords, Interactions) {
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
      for (int u = 0; u < 100; ++u)
        add(importer, "u" + std::to_string(u), "i" + std::to_string(u), 1, 0);
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

TEST(StoreRecords, CatalogueAndLinks) {
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
  EXPECT_THAT(
      view.ItemColumns(i1).value(),
      ElementsAre(Pair("imdb", "78748"), Pair("title", "Alien (1979)"), Pair("year", "1979")));
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
  EXPECT_CODE(
      WriteLinks(*db, std::vector<LinkRecord>{{i1, e1, 0, LinkMethod::kFile}}, LinkPolicy::kMerge)
          .status(),
      kInvalidArgument);
  EXPECT_CODE(
      WriteLinks(*db,
                 std::vector<LinkRecord>{{i1, static_cast<EntityId>(99), 1, LinkMethod::kFile}},
                 LinkPolicy::kMerge)
          .status(),
      kInvalidArgument);
  EXPECT_EQ(TakeSnapshot(*db)->links.entity.size(), 1u);
}

TEST(StoreRecords, BadRecordsEndTheImport) {
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
  // Empty names: an empty user would be a forgotten one.
  const Term no_label{TermKind::kBlank, "", {}, {}};
  fails([](Importer& i) { return i.AddInteraction("", "i", 1, 0); });
  fails([](Importer& i) { return i.AddInteraction("u", "", 1, 0); });
  fails([](Importer& i) { return i.AddUser("", {}); });
  fails([](Importer& i) { return i.AddItem("", {}); });
  fails([](Importer& i) { return i.AddSocial("u", "", 1); });
  fails([](Importer& i) { return i.AddLink("i", "", 1, LinkMethod::kFile); });
  fails([](Importer& i) { return i.AddTriple(Iri(""), Iri("r"), Iri("t")); });
  fails([](Importer& i) { return i.AddTriple(Iri("h"), Iri(""), Iri("t")); });
  fails([](Importer& i) { return i.AddTriple(Iri("h"), Iri("r"), Iri("")); });
  fails([&](Importer& i) { return i.AddTriple(Iri("h"), Iri("r"), no_label); });
  fails([&](Importer& i) { return i.AddQuad(Iri("h"), Iri("r"), Iri("t"), no_label); });
  EXPECT_EQ(StatsText(*db), before);
}

TEST(StoreRecords, BlankNodesOfTwoDocuments) {
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

}  // namespace
}  // namespace undula::kgstore
