// Which labels and years of a stored graph the linker sees.
#include "linking/universe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/snapshot.h"
#include "kgstore/database.h"
#include "kgstore/importer.h"
#include "kgstore/take_snapshot.h"
#include "linking/match.h"
#include "tests/base/temp_dir.h"

namespace undula::linking {
namespace {

using kgstore::Term;
using kgstore::TermKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Term Iri(std::string_view text) { return {.kind = TermKind::kIri, .text = text}; }
Term Text(std::string_view text, std::string_view language = "") {
  return {.kind = TermKind::kLiteral, .text = text, .language = language};
}

class UniverseTest : public testing::Test {
 protected:
  void SetUp() override {
    auto database = kgstore::Database::Open(dir_.File("a.undula"),
                                            {.mode = kgstore::OpenMode::kCreate, .threads = 1});
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    auto importer = kgstore::Importer::Begin(*database_);
    ASSERT_TRUE(importer.ok()) << importer.status();
    kgstore::Importer& in = **importer;
    const auto add = [&in](std::string_view head, std::string_view relation, const Term& tail) {
      ASSERT_TRUE(in.AddTriple(Iri(head), Iri(relation), tail).ok());
    };
    add("http://x/Solaris_(1972_film)", "http://x/director", Iri("http://x/Andrei_Tarkovsky"));
    add("http://x/A1", "http://www.w3.org/2000/01/rdf-schema#label", Text("Stalker", "en"));
    add("http://x/A1", "http://www.w3.org/2004/02/skos/core#altLabel", Text("Сталкер", "ru"));
    add("http://x/A1", "http://x/releaseDate", Text("1979-05-25"));
    add("http://x/A1", "http://x/rereleaseYear", Text("2017"));
    add("http://x/A1", "http://x/catalogueName", Text("Zone Film", ""));
    ASSERT_TRUE(in.Commit().ok());
  }

  absl::StatusOr<Universe> Load(const LabelOptions& options) {
    const auto view = database_->Read();
    EXPECT_TRUE(view.ok());
    auto snapshot = kgstore::TakeSnapshot(*view, database_->arena(), {});
    EXPECT_TRUE(snapshot.ok());
    snapshot_ = *std::move(snapshot);
    return LoadUniverse(*view, snapshot_.out, snapshot_.in, options, nullptr);
  }
  // Names of the entities with this label.
  std::vector<std::string> Find(const Universe& universe, const std::string& label) {
    std::vector<std::string> names;
    const auto view = database_->Read();
    for (const IndexedLabel& found : universe.labels.Find(*TitleKey(label))) {
      names.push_back(*view->EntityName(found.entity));
    }
    return names;
  }

  TempDir dir_;
  std::unique_ptr<kgstore::Database> database_;
  Snapshot snapshot_;
};

TEST_F(UniverseTest, LabelsAliasesLocalNamesAndYears) {
  const auto universe = Load({});
  ASSERT_TRUE(universe.ok()) << universe.status();
  EXPECT_THAT(Find(*universe, "stalker"), ElementsAre("http://x/A1"));
  EXPECT_THAT(Find(*universe, "СТАЛКЕР"), ElementsAre("http://x/A1"));
  EXPECT_THAT(Find(*universe, "Solaris"), ElementsAre("http://x/Solaris_(1972_film)"));
  EXPECT_THAT(Find(*universe, "A1"), IsEmpty());  // it has labels of its own
  EXPECT_EQ(universe->labels.Find("solaris")[0].year, 1972);
  EXPECT_EQ(universe->labels.Find("solaris")[0].source, LabelSource::kLocalName);
  EXPECT_EQ(universe->labels.Find("сталкер")[0].source, LabelSource::kAlias);
  EXPECT_EQ(universe->year[Index(universe->labels.Find("stalker")[0].entity)], 1979);
  EXPECT_EQ(universe->name_hash[Index(universe->labels.Find("stalker")[0].entity)],
            NameHash("The Stalker"));
  LabelOptions german;
  german.title_languages = *TitleLanguages::Of(std::vector<std::string>{"de"});
  const auto other = Load(german);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE(MatchTitle(other->labels, "The Stalker", false, 9).matches.empty());
  EXPECT_EQ(MatchTitle(other->labels, "Das Stalker", false, 9).matches.size(), 1u);
  EXPECT_EQ(MatchTitle(universe->labels, "The Stalker", false, 9).matches.size(), 1u);
  // The tail of the one edge ranks above its head.
  const EntityId film = universe->labels.Find("solaris")[0].entity;
  EXPECT_GT(universe->page_rank[Index(universe->out->entity[0])], universe->page_rank[Index(film)]);
}

TEST_F(UniverseTest, OptionsPickRelationsLanguagesAndLocalNames) {
  LabelOptions options;
  options.local_names = "never";  // entities without a label are no candidates
  options.languages = {"en"};
  auto universe = Load(options);
  ASSERT_TRUE(universe.ok()) << universe.status();
  EXPECT_THAT(Find(*universe, "Solaris"), IsEmpty());
  EXPECT_THAT(Find(*universe, "Сталкер"), IsEmpty());
  EXPECT_EQ(universe->labels.labels(), 1);
  options = {};
  options.labels = {"http://x/catalogueName"};
  options.local_names = "always";
  universe = Load(options);
  ASSERT_TRUE(universe.ok()) << universe.status();
  EXPECT_THAT(Find(*universe, "Zone Film"), ElementsAre("http://x/A1"));
  EXPECT_THAT(Find(*universe, "A1"), ElementsAre("http://x/A1"));
  EXPECT_THAT(Find(*universe, "Stalker"), IsEmpty());
  EXPECT_THAT(Find(*universe, "Сталкер"), ElementsAre("http://x/A1"));
}

TEST_F(UniverseTest, MistakesAreNamed) {
  LabelOptions options;
  options.labels = {"http://x/none"};
  EXPECT_EQ(Load(options).status().code(), absl::StatusCode::kNotFound);
  options = {};
  options.local_names = "sometimes";
  EXPECT_EQ(Load(options).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Load(options).status().message()), HasSubstr("sometimes"));
}

}  // namespace
}  // namespace undula::linking
