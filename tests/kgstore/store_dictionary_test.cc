// Names <-> ids: odd texts, long texts, equal fingerprints.
#include <unordered_map>

#include "kgstore/hash.h"
#include "kgstore/labels.h"
#include "kgstore/literal_key.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

TEST(StoreDictionary, OddNames) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  std::vector<std::string> names = {"a",
                                    "http://example.org/Béta",
                                    "日本語",
                                    "\xF0\x9F\x8E\xAC",
                                    std::string("nul\0inside", 10),
                                    " ",
                                    "\n"};
  for (const size_t n : {111, 112, 113, 127, 128, 1000, 1999, 2000, 2001, 5000, 70000}) {
    names.push_back(std::string(n, 'x'));
    names.push_back("http://example.org/long/" + std::string(n, 'y') + "é");
  }
  for (int i = 0; i < 500; ++i) names.push_back("http://example.org/long/" + std::to_string(i * i));
  Import(*db, [&](Importer& importer) {
    for (const std::string& name : names) {
      ASSERT_OK(importer.AddTriple(Iri(name), Iri(name), Iri(name)));
      ASSERT_OK(importer.AddTriple(Iri(name), Iri(name), Text(name, "", "en")));
      ASSERT_OK(importer.AddInteraction(name, name, 1, 0));
    }
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("a"), Text("")));  // literals may be empty
  });
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.GetLiteral(view.FindLiteral({"", "", ""}).value())->text, "");
    for (const std::string& name : names) {
      const EntityId e = view.FindEntity(name).value();
      ASSERT_NE(e, kNone<EntityId>) << name;
      EXPECT_EQ(view.EntityName(e).value(), name);
      EXPECT_EQ(view.RelationName(view.FindRelation(name).value()).value(), name);
      EXPECT_EQ(view.UserName(view.FindUser(name).value()).value(), name);
      EXPECT_EQ(view.ItemName(view.FindItem(name).value()).value(), name);
      const LiteralId l = view.FindLiteral({name, "", "en"}).value();
      ASSERT_NE(l, kNone<LiteralId>);
      EXPECT_EQ(view.GetLiteral(l).value().text, name);
      EXPECT_EQ(view.FindEntity(name + "!").value(), kNone<EntityId>);
    }
    // Once more after an import that appends.
    Import(*db, [&](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("appended"), Iri("a2"), Text("later")));
      ASSERT_OK(importer.AddInteraction("appended", "appended", 1, 0));
    });
  }
}

TEST(StoreDictionary, GrowsByAppendingAndBySplittingBuckets) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  std::map<std::string, EntityId> ids;
  int next = 0;
  for (const int more : {1, 1, 14, 1, 30, 1, 200, 3, 2000, 1, 1}) {
    Import(*db, [&](Importer& importer) {
      for (int i = 0; i < more; ++i) {
        ASSERT_OK(importer.AddTriple(Iri("e" + std::to_string(next++)), Iri("r"), Iri("e0")));
      }
    });
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.counts().entities, static_cast<uint32_t>(next));
    for (int i = 0; i < next; ++i) {
      const std::string name = "e" + std::to_string(i);
      const EntityId id = view.FindEntity(name).value();
      ASSERT_NE(id, kNone<EntityId>) << name;
      EXPECT_TRUE(ids.emplace(name, id).first->second == id) << name;
      EXPECT_EQ(view.EntityName(id).value(), name);
    }
  }
}

TEST(StoreDictionary, EqualFingerprintsAreToldApart) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  // Two names whose hashes agree in the low 32 bits: a small dictionary has one bucket, so they
  // share bucket and fingerprint.
  std::unordered_map<uint32_t, std::string> seen;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; pairs.size() < 3; ++i) {
    std::string name = "name" + std::to_string(i);
    const auto fingerprint = static_cast<uint32_t>(internal::HashText(db->id_space(), name));
    const auto [it, fresh] = seen.emplace(fingerprint, name);
    if (!fresh) pairs.emplace_back(it->second, name);
  }
  Import(*db, [&](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri(pairs[0].first), Iri("r"), Iri(pairs[1].first)));
    ASSERT_OK(importer.AddTriple(Iri(pairs[1].second), Iri("r"), Iri(pairs[1].second)));
  });
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.EntityName(view.FindEntity(pairs[0].first).value()).value(), pairs[0].first);
    EXPECT_EQ(view.EntityName(view.FindEntity(pairs[1].first).value()).value(), pairs[1].first);
    EXPECT_EQ(view.EntityName(view.FindEntity(pairs[1].second).value()).value(), pairs[1].second);
    EXPECT_EQ(view.FindEntity(pairs[2].first).value(), kNone<EntityId>);
    if (round == 0) {
      EXPECT_EQ(view.FindEntity(pairs[0].second).value(), kNone<EntityId>);
      const ImportReport report = Import(*db, [&](Importer& importer) {
        ASSERT_OK(importer.AddTriple(Iri(pairs[0].second), Iri("r"), Iri(pairs[0].first)));
      });
      EXPECT_EQ(report.entities_new, 1u);
    } else {
      EXPECT_EQ(view.EntityName(view.FindEntity(pairs[0].second).value()).value(), pairs[0].second);
    }
  }
}

TEST(StoreDictionary, LiteralsByLexicalForm) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, [&](Importer& importer) {
    for (int i = 0; i < 300; ++i) {  // one text, many languages: one long bucket
      ASSERT_OK(importer.AddTriple(Iri("e"), Iri("r"), Text("same", "", "l" + std::to_string(i))));
      ASSERT_OK(importer.AddTriple(Iri("e"), Iri("r"), Text("other" + std::to_string(i))));
    }
  });
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_EQ(view.FindLiterals("same")->size(), 300u);
  EXPECT_EQ(view.FindLiterals("other7")->size(), 1u);
  EXPECT_TRUE(view.FindLiterals("sam")->empty());
}

TEST(StoreDictionary, LiteralKeys) {
  const Literal kCases[] = {{"", "", ""},
                            {"a", "", ""},
                            {"a", "", "en"},
                            {"", "", "de-CH"},
                            {"1", "http://www.w3.org/2001/XMLSchema#integer", ""},
                            {"1", "http://www.w3.org/2001/XMLSchema#", ""},
                            {"x", "http://example.org/t", ""},
                            {std::string("\0\1\2\3", 4), "", ""}};
  std::set<std::string> keys;
  for (const Literal& literal : kCases) {
    std::string key;
    ASSERT_OK(internal::EncodeLiteral(literal.text, literal.datatype, literal.language, &key));
    EXPECT_TRUE(keys.insert(key).second);
    ASSERT_OK_AND_ASSIGN(const Literal back, internal::DecodeLiteral(key));
    EXPECT_EQ(back.text, literal.text);
    EXPECT_EQ(back.datatype, literal.datatype);
    EXPECT_EQ(back.language, literal.language);
    EXPECT_EQ(internal::LexicalForm(key), literal.text);
  }
  std::string key;
  EXPECT_CODE(internal::EncodeLiteral("x", std::string(70000, 'd'), "", &key), kInvalidArgument);
  EXPECT_CODE(internal::DecodeLiteral("").status(), kDataLoss);
  EXPECT_CODE(internal::DecodeLiteral("\x07").status(), kDataLoss);
  EXPECT_CODE(internal::DecodeLiteral("ab\xFF\xFF\x01").status(), kDataLoss);
}

TEST(StoreDictionary, LabelRelations) {
  using internal::LabelRank;
  EXPECT_LT(LabelRank("http://www.w3.org/2000/01/rdf-schema#label"),
            LabelRank("http://www.w3.org/2004/02/skos/core#altLabel"));
  for (const char* name : {"label", "film.film.name", "http://x/y#Title", "ex:prefLabel",
                           "http://schema.org/name", "http://xmlns.com/foaf/0.1/name"}) {
    EXPECT_TRUE(LabelRank(name).has_value()) << name;
  }
  for (const char* name : {"", "labels", "http://x/subtitle", "surname", "http://x/label/"}) {
    EXPECT_FALSE(LabelRank(name).has_value()) << name;
  }
}

TEST(StoreDictionary, HashDependsOnEveryBitAndTheSeed) {
  const std::string text = "http://example.org/resource/12345";
  const uint64_t hash = internal::HashText(1, text);
  EXPECT_NE(hash, internal::HashText(2, text));
  EXPECT_EQ(internal::HashText(0, ""), internal::HashText(0, std::string_view()));
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      const uint64_t difference = hash ^ internal::HashText(1, other);
      EXPECT_GE(__builtin_popcountll(difference), 8);
      EXPECT_NE(static_cast<uint32_t>(difference), 0u);
    }
  }
  EXPECT_NE(internal::HashText(0, std::string(1, '\0')), internal::HashText(0, ""));
}

}  // namespace
}  // namespace undula::kgstore
