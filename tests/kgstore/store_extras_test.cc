// Checksums and sums, named graphs, numbers, users, social edges, the change log.
#include <algorithm>
#include <cmath>

#include "kgstore/change_log.h"
#include "kgstore/hash.h"
#include "kgstore/literal_key.h"
#include "kgstore/number_key.h"
#include "kgstore/store.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/value_set.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kXsd[] = "http://www.w3.org/2001/XMLSchema#";

std::string Xsd(const char* type) { return std::string(kXsd) + type; }

std::optional<Literal> Bound(const char* text, const char* type) {
  return Literal{text, Xsd(type), ""};
}

// The names of the graphs of a triple, "" for the default graph.
std::vector<std::string> GraphNames(const ReadView& view, const char* head, const char* tail) {
  std::vector<std::string> names;
  const auto graphs = view.Graphs(view.FindEntity(head).value(), view.FindRelation("r").value(),
                                  view.FindEntity(tail).value());
  for (const EntityId graph : Take(graphs)) {
    names.push_back(graph == kNone<EntityId> ? "" : view.EntityName(graph).value());
  }
  return names;
}

TEST(StoreExtras, SumsAreThoseOfTheEntries) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(500, 3, 2000, 5), importer); });
  Import(*db, [](Importer& importer) {
    AddAll(MakeGraph(600, 3, 500, 6), importer);
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Text("1", Xsd("integer")), Iri("g")));
    ASSERT_OK(importer.AddSocial("u", "v", 1));
    ASSERT_OK(importer.AddInteraction("u", "i", 1, 2));
  });
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.state().state().change, 2u);
  EXPECT_NE(view.state().state().table_sum[static_cast<size_t>(Table::kOut)], 0u);
}

TEST(StoreExtras, EveryByteOfAnEntryCounts) {
  std::string value(300, 'x');
  const uint64_t hash = internal::HashEntry(1, "key", value);
  for (size_t i = 0; i < value.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      value[i] = static_cast<char>(value[i] ^ (1 << bit));
      EXPECT_NE(static_cast<uint32_t>(internal::HashEntry(1, "key", value)),
                static_cast<uint32_t>(hash));
      value[i] = static_cast<char>(value[i] ^ (1 << bit));
    }
  }
  EXPECT_NE(internal::HashEntry(2, "key", value), hash);
  EXPECT_NE(internal::HashEntry(1, "kez", value), hash);
  EXPECT_NE(internal::HashEntry(1, "", std::string("\0", 1)), internal::HashEntry(1, "", ""));
}

TEST(StoreExtras, NamedGraphs) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Import(*db, [](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("c")));
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Iri("c"), Iri("g1")));
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Iri("d"), Iri("g1")));
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Iri("d"), {TermKind::kBlank, "g", {}, {}}));
  });
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_THAT(GraphNames(view, "a", "b"), ElementsAre(""));
    EXPECT_THAT(GraphNames(view, "a", "c"), ElementsAre("g1", ""));
    EXPECT_THAT(GraphNames(view, "a", "d"), ElementsAre("g1", "_:g"));
    EXPECT_THAT(GraphNames(view, "b", "a"), IsEmpty());
    EXPECT_EQ(view.counts().triples, 3u);
    EXPECT_EQ(view.counts().quads, 3u);
  }
  const ImportReport report = Import(*db, [](Importer& importer) {
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Iri("b"), Iri("g2")));  // stored in the default
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Iri("c"), Iri("g1")));  // known
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("d")));  // now in the default as well
    ASSERT_OK(importer.AddQuad(Iri("a"), Iri("r"), Text("t"), Iri("g2")));
  });
  EXPECT_EQ(report.quads_read, 3u);
  EXPECT_EQ(report.quads_new, 2u);
  EXPECT_EQ(report.triples_new, 0u);
  EXPECT_EQ(report.attributes_new, 1u);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_THAT(GraphNames(view, "a", "b"), ElementsAre("g2", ""));
  EXPECT_THAT(GraphNames(view, "a", "c"), ElementsAre("g1", ""));
  EXPECT_THAT(GraphNames(view, "a", "d"), ElementsAre("g1", "_:g", ""));
  const auto of_text = view.Graphs(view.FindEntity("a").value(), view.FindRelation("r").value(),
                                   view.FindLiteral({"t", "", ""}).value());
  EXPECT_THAT(Take(of_text), ElementsAre(view.FindEntity("g2").value()));
  EXPECT_EQ(view.counts().quads, 5u);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  auto importer = Importer::Begin(*db).value();
  EXPECT_CODE(importer->AddQuad(Iri("a"), Iri("r"), Iri("b"), Text("g")), kInvalidArgument);
}

TEST(StoreExtras, OrderOfNumbersAndDates) {
  const auto key = [](const char* text, const char* type) {
    std::string literal;
    EXPECT_TRUE(internal::EncodeLiteral(text, Xsd(type), "", &literal).ok());
    return internal::NumberKey(literal);
  };
  const std::vector<std::optional<uint64_t>> ascending = {
      key("-INF", "double"),
      key("-1e300", "double"),
      key("-2", "integer"),
      key("-0.5", "decimal"),
      key("0", "byte"),
      key("+0.5", "decimal"),
      key(" 1 ", "integer"),
      key("2", "int"),
      key("4503599627370496", "long"),
      key("INF", "float"),
      key("0001", "gYear"),
      key("1969-12-31", "date"),
      key("1970", "gYear"),
      key("1970-02", "gYearMonth"),
      key("1999-12-31T23:59:59+01:00", "dateTime"),
      key("1999-12-31T23:59:59Z", "dateTime"),
      key("2000-01-01Z", "date")};
  for (const auto& k : ascending) ASSERT_TRUE(k.has_value());
  for (size_t i = 1; i < ascending.size(); ++i) EXPECT_LT(*ascending[i - 1], *ascending[i]) << i;
  EXPECT_EQ(key("-0", "integer"), key("0", "double"));
  EXPECT_EQ(key("1990", "gYear"), key("1990-01-01", "date"));
  for (const char* bad : {"", "-", "x", "nan", "infinity", "1 2", "0x1", "1e999", "--1"}) {
    EXPECT_FALSE(key(bad, "double").has_value()) << bad;
  }
  EXPECT_FALSE(key("1990", "string").has_value());
  EXPECT_FALSE(key("12345-01-01", "date").has_value());
  EXPECT_FALSE(internal::NumberKey("").has_value());
  EXPECT_FALSE(internal::DecodeNumberEntry("short").has_value());
  const internal::NumberEntry entry{7, ~uint64_t{5}, 9};
  EXPECT_EQ(internal::DecodeNumberEntry(internal::EncodeNumberEntry(entry)), entry);
}

TEST(StoreExtras, Ranges) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  for (int part = 0; part < 2; ++part) {
    Import(*db, [&](Importer& importer) {
      for (int year = 1980 + part; year < 2000; year += 2) {
        const std::string text = std::to_string(year);
        ASSERT_OK(importer.AddTriple(Iri("film" + text), Iri("year"), Text(text, Xsd("integer"))));
        ASSERT_OK(importer.AddTriple(Iri("film" + text), Iri("born"), Text(text, Xsd("gYear"))));
        ASSERT_OK(importer.AddTriple(Iri("film" + text), Iri("plain"), Text(text)));
      }
    });
  }
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.counts().numbers, 40u);
  const auto count = [&](const char* relation, std::optional<Literal> from,
                         std::optional<Literal> to) {
    return Take(view.EntitiesByRange(view.FindRelation(relation).value(), from, to)).size();
  };
  EXPECT_EQ(count("year", Bound("1985", "integer"), Bound("1989.5", "decimal")), 5u);
  EXPECT_EQ(count("year", Bound("1990", "integer"), std::nullopt), 10u);
  EXPECT_EQ(count("year", std::nullopt, Bound("1980", "int")), 1u);
  EXPECT_EQ(count("year", Bound("3", "int"), Bound("2", "int")), 0u);
  EXPECT_EQ(count("born", Bound("1990-01-01", "date"), Bound("1992-06-01", "date")), 3u);
  EXPECT_EQ(count("born", std::nullopt, Bound("1981-06-01", "date")), 2u);
  EXPECT_EQ(count("born", Bound("1998-06-01", "date"), std::nullopt), 1u);
  EXPECT_EQ(count("plain", Bound("0", "int"), std::nullopt), 0u);
  const RelationId year = view.FindRelation("year").value();
  const auto literals = Take(view.LiteralsByRange(year, Bound("1998", "int"), std::nullopt));
  ASSERT_EQ(literals.size(), 2u);
  EXPECT_EQ(view.GetLiteral(literals[1])->text, "1999");
  EXPECT_CODE(view.EntitiesByRange(year, std::nullopt, std::nullopt).status(), kInvalidArgument);
  EXPECT_CODE(view.EntitiesByRange(year, Literal{"x", "", ""}, std::nullopt).status(),
              kInvalidArgument);
  EXPECT_CODE(view.EntitiesByRange(year, Bound("1", "int"), Bound("2000-01-01", "date")).status(),
              kInvalidArgument);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
}

TEST(StoreExtras, UsersAndSocialEdges) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  const std::vector<ItemColumn> ann = {{"age", "30"}, {"city", "Oslo"}};
  const std::vector<ItemColumn> older = {{"age", "31"}};
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddUser("ann", ann));
    ASSERT_OK(importer.AddSocial("ann", "bob", 1));
    ASSERT_OK(importer.AddSocial("ann", "cid", 2));
    ASSERT_OK(importer.AddSocial("ann", "bob", 0.5));  // the later weight holds
  });
  const ImportReport report = Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddUser("ann", older));
    ASSERT_OK(importer.AddSocial("ann", "ann", 3));
    ASSERT_OK(importer.AddSocial("cid", "ann", -1));
    ASSERT_OK(importer.AddSocial("ann", "cid", 7));
  });
  EXPECT_EQ(report.social_new, 2u);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  const UserId user = view.FindUser("ann").value();
  using Column = std::pair<std::string, std::string>;
  EXPECT_THAT(Take(view.UserColumns(user)),
              ElementsAre(Column("age", "31"), Column("city", "Oslo")));
  std::vector<std::pair<uint32_t, float>> edges;
  for (const SocialLink& link : Take(view.Social(user)))
    edges.emplace_back(Index(link.user), link.weight);
  EXPECT_THAT(edges, ElementsAre(std::pair(0u, 3.0f), std::pair(1u, 0.5f), std::pair(2u, 7.0f)));
  EXPECT_THAT(Take(view.UserColumns(view.FindUser("bob").value())), IsEmpty());
  EXPECT_CODE(view.Social(static_cast<UserId>(9)).status(), kInvalidArgument);
  ASSERT_OK_AND_ASSIGN(const Snapshot snapshot, TakeSnapshot(*db));
  EXPECT_THAT(snapshot.social.ptr, ElementsAre(0, 3, 3, 4));
  EXPECT_THAT(snapshot.social.weight, ElementsAre(3, 0.5, 7, -1));
  EXPECT_EQ(view.counts().social, 4u);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  auto importer = Importer::Begin(*db).value();
  EXPECT_CODE(importer->AddSocial("a", "b", INFINITY), kInvalidArgument);
}

TEST(StoreExtras, ValuesRoundTrip) {
  std::vector<uint32_t> graphs;
  EXPECT_TRUE(internal::DecodeGraphs(internal::EncodeGraphs({0, 3, kNoIndex}), &graphs));
  EXPECT_THAT(graphs, ElementsAre(0, 3, kNoIndex));
  EXPECT_FALSE(internal::DecodeGraphs("", &graphs));
  EXPECT_FALSE(internal::DecodeGraphs(std::string("\1\0", 2), &graphs));  // twice the same
  std::vector<internal::SocialEdge> edges;
  EXPECT_FALSE(internal::DecodeSocial("\1abc", &edges));
  internal::ColumnMap columns;
  EXPECT_TRUE(internal::DecodeColumns(internal::EncodeColumns({{1, "x"}, {5, ""}}), &columns));
  EXPECT_THAT(columns, ElementsAre(std::pair(1u, "x"), std::pair(5u, "")));
  EXPECT_FALSE(internal::DecodeColumns("\1\5x", &columns));

  internal::ChangeRecord record;
  record[0].rows = {1, 5, 1000000};
  record[3].all = true;
  const std::string bytes = internal::EncodeChangeRecord(record);
  const auto back = internal::DecodeChangeRecord(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ((*back)[0].rows, record[0].rows);
  EXPECT_TRUE((*back)[3].all);
  EXPECT_FALSE((*back)[1].all);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(internal::DecodeChangeRecord(bytes.substr(0, n)).has_value());
  }
}

}  // namespace
}  // namespace undula::kgstore
