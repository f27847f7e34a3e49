// Linking over a real database: the source reads what was imported, the found links are written.
#include "linking/store_link_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "kgstore/database.h"
#include "kgstore/importer.h"
#include "kgstore/write_links.h"
#include "linking/linker.h"
#include "tests/base/temp_dir.h"

namespace undula::linking {
namespace {

using kgstore::Term;
using kgstore::TermKind;
using testing::ElementsAre;

constexpr std::string_view kLabel = "http://www.w3.org/2000/01/rdf-schema#label";

Term Iri(std::string_view text) { return {.kind = TermKind::kIri, .text = text}; }
Term Text(std::string_view text, std::string_view language = "") {
  return {.kind = TermKind::kLiteral, .text = text, .language = language};
}

class StoreLinkSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    auto database = kgstore::Database::Open(dir_.File("a.undula"),
                                            {.mode = kgstore::OpenMode::kCreate, .threads = 1});
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    auto importer = kgstore::Importer::Begin(*database_);
    ASSERT_TRUE(importer.ok()) << importer.status();
    kgstore::Importer& in = **importer;
    for (const char* film : {"x:solaris-1972", "x:solaris-2002"}) {
      ASSERT_TRUE(in.AddTriple(Iri(film), Iri(kLabel), Text("Solaris", "en")).ok());
      ASSERT_TRUE(
          in.AddTriple(Iri(film), Iri("x:year"), Text(std::string_view(film).substr(10))).ok());
    }
    ASSERT_TRUE(in.AddTriple(Iri("x:amelie"), Iri(kLabel), Text("Amélie", "fr")).ok());
    ASSERT_TRUE(in.AddTriple(Iri("x:amelie"), Iri("x:imdb"), Text("tt0211915")).ok());
    const auto item = [&in](std::string_view id, std::string_view title, std::string_view year) {
      const kgstore::ItemColumn columns[] = {{"title", title}, {"year", year}};
      return in.AddItem(id, columns);
    };
    ASSERT_TRUE(item("v1", "AMELIE", "2001").ok());
    ASSERT_TRUE(item("v2", "solaris", "2002").ok());
    ASSERT_TRUE(item("v3", "Nothing", "1999").ok());
    ASSERT_TRUE(in.AddInteraction("u", "x:amelie", 1, 0).ok());  // an item without a row
    const auto report = in.Commit();
    ASSERT_TRUE(report.ok()) << report.status();
  }

  LinkResult Find(const LinkOptions& options) {
    const auto view = database_->Read();
    EXPECT_TRUE(view.ok()) << view.status();
    auto result = FindLinks(StoreLinkSource(*view), options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : LinkResult();
  }
  void Write(const LinkResult& result) {
    std::vector<kgstore::LinkRecord> records;
    for (const FoundLink& link : result.links) {
      records.push_back({link.item, link.entity, link.confidence, link.method});
    }
    const auto written =
        kgstore::WriteLinks(*database_, records, kgstore::LinkPolicy::kMerge, nullptr);
    ASSERT_TRUE(written.ok()) << written.status();
  }
  std::string BestEntity(std::string_view item) {
    const auto view = database_->Read();
    const auto links = view->Links(*view->FindItem(item));
    EXPECT_TRUE(links.ok()) << links.status();
    return links->empty() ? "" : *view->EntityName(links->front().entity);
  }

  TempDir dir_;
  std::unique_ptr<kgstore::Database> database_;
};

TEST_F(StoreLinkSourceTest, LabelsThenYearsThenIdentity) {
  const LinkResult by_label = Find({});
  EXPECT_EQ(by_label.items, 4);
  EXPECT_EQ(by_label.linked, 1);
  ASSERT_EQ(by_label.ambiguous_cases.size(), 1u);
  EXPECT_EQ(by_label.ambiguous_cases[0].item, "v2");
  EXPECT_THAT(by_label.ambiguous_cases[0].candidates,
              testing::UnorderedElementsAre("x:solaris-1972", "x:solaris-2002"));
  Write(by_label);
  EXPECT_EQ(BestEntity("v1"), "x:amelie");

  const LinkResult by_year = Find({.require = {"year=x:year"}});
  EXPECT_EQ(by_year.already, 1);
  EXPECT_EQ(by_year.linked, 1);
  Write(by_year);
  EXPECT_EQ(BestEntity("v2"), "x:solaris-2002");

  const LinkResult by_identity = Find({.method = "identity"});
  EXPECT_EQ(by_identity.already, 2);
  EXPECT_EQ(by_identity.linked, 1);
  Write(by_identity);
  EXPECT_EQ(BestEntity("x:amelie"), "x:amelie");
  EXPECT_EQ(BestEntity("v3"), "");
}

TEST_F(StoreLinkSourceTest, UnknownNamesAreErrors) {
  const auto view = database_->Read();
  ASSERT_TRUE(view.ok());
  const StoreLinkSource source(*view);
  EXPECT_EQ(FindLinks(source, {.require = {"year=x:yaer"}}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(FindLinks(source, {.column = "titel"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto by_value = source.EntitiesByValue(*source.FindRelation("x:imdb"), "tt0211915");
  ASSERT_TRUE(by_value.ok()) << by_value.status();
  EXPECT_THAT(*by_value, ElementsAre(*source.FindEntity("x:amelie")));
}

TEST_F(StoreLinkSourceTest, AnEmptyDatabaseHasNothingToLink) {
  const auto empty = kgstore::Database::Open(dir_.File("b.undula"),
                                             {.mode = kgstore::OpenMode::kCreate, .threads = 1});
  ASSERT_TRUE(empty.ok()) << empty.status();
  const auto view = (*empty)->Read();
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(FindLinks(StoreLinkSource(*view), {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace undula::linking
