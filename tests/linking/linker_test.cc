#include "linking/linker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/status.h"
#include "tests/linking/memory_source.h"

namespace undula::linking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LinkerTest : public testing::Test {
 protected:
  LinkerTest() {
    amelie_ = source_.AddEntity("film:amelie", {"Amélie", "Le Fabuleux Destin d'Amélie Poulain"},
                                {{"year", "2001"}, {"imdb", "tt0211915"}});
    solaris_ = source_.AddEntity("film:solaris-1972", {"Solaris", "Солярис"},
                                 {{"year", "1972"}, {"imdb", "tt0069293"}});
    solaris_us_ = source_.AddEntity("film:solaris-2002", {"Solaris"},
                                    {{"year", "2002"}, {"imdb", "tt0307479"}});
    source_.AddEntity("film:undated", {"Undated"});
  }

  LinkResult Find(const LinkOptions& options) {
    auto result = FindLinks(source_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    EXPECT_EQ(result->items,
              result->linked + result->already + result->ambiguous + result->unlinked);
    EXPECT_EQ(static_cast<size_t>(result->linked), result->links.size());
    return *std::move(result);
  }
  absl::Status ErrorOf(const LinkOptions& options) { return FindLinks(source_, options).status(); }

  MemorySource source_;
  EntityId amelie_, solaris_, solaris_us_;
};

TEST_F(LinkerTest, ByLabelReportsWhatIsAmbiguousAndWhatIsMissing) {
  source_.AddItem({"i0", {{"title", "AMELIE"}}});
  source_.AddItem({"i1", {{"title", "solaris!"}}});
  source_.AddItem({"i2", {{"title", "Unknown Film"}}});
  source_.AddItem({"i3", {{"title", "???"}}});
  source_.AddItem({"i4", {{"year", "1999"}}});
  source_.AddItem({"i5", {{"title", "СОЛЯРИС"}}});
  source_.AddItem({"i6", {{"title", "Amélie"}}, true});
  const LinkResult result = Find({});
  EXPECT_EQ(result.items, 7);
  EXPECT_EQ(result.linked, 2);
  EXPECT_EQ(result.already, 1);
  EXPECT_EQ(result.ambiguous, 1);
  EXPECT_EQ(result.unlinked, 3);
  EXPECT_EQ(result.links[0].item, ItemId{0});
  EXPECT_EQ(result.links[0].entity, amelie_);
  EXPECT_EQ(result.links[0].method, LinkMethod::kLabel);
  EXPECT_EQ(result.links[0].confidence, kLabelConfidence);
  EXPECT_EQ(result.links[1].entity, solaris_);  // its Russian label is its own
  ASSERT_EQ(result.ambiguous_cases.size(), 1u);
  EXPECT_EQ(result.ambiguous_cases[0].item, "i1");
  EXPECT_EQ(result.ambiguous_cases[0].text, "solaris!");
  EXPECT_THAT(result.ambiguous_cases[0].candidates,
              ElementsAre("film:solaris-1972", "film:solaris-2002"));
  ASSERT_EQ(result.unlinked_cases.size(), 3u);
  EXPECT_EQ(result.unlinked_cases[0].reason, Unlinked::kNoCandidate);
  EXPECT_EQ(result.unlinked_cases[1].reason, Unlinked::kNoText);
  EXPECT_EQ(result.unlinked_cases[1].text, "???");
  EXPECT_EQ(result.unlinked_cases[2].reason, Unlinked::kNoText);
}

TEST_F(LinkerTest, ConditionsFilterAndNeverRank) {
  source_.AddItem({"right year", {{"title", "Solaris"}, {"year", "2002"}}});
  source_.AddItem({"no such year", {{"title", "Solaris"}, {"year", "2003"}}});
  source_.AddItem({"no year", {{"title", "Solaris"}}});
  source_.AddItem({"unique but wrong", {{"title", "Amélie"}, {"year", "2002"}}});
  source_.AddItem({"entity without year", {{"title", "Undated"}, {"year", "2002"}}});
  LinkOptions options;
  options.require = {"year=year"};
  const LinkResult result = Find(options);
  ASSERT_EQ(result.linked, 1);
  EXPECT_EQ(result.links[0].item, ItemId{0});
  EXPECT_EQ(result.links[0].entity, solaris_us_);
  ASSERT_EQ(result.unlinked_cases.size(), 4u);
  EXPECT_EQ(result.unlinked_cases[0].reason, Unlinked::kConditions);
  EXPECT_EQ(result.unlinked_cases[1].reason, Unlinked::kConditionText);
  EXPECT_EQ(result.unlinked_cases[2].reason, Unlinked::kConditions);
  EXPECT_EQ(result.unlinked_cases[3].reason, Unlinked::kConditions);
}

TEST_F(LinkerTest, ByIdentity) {
  source_.AddItem({"film:amelie", {}});
  source_.AddItem({"FILM:AMELIE", {}});  // names are compared as they stand
  LinkOptions options;
  options.method = "identity";
  const LinkResult result = Find(options);
  ASSERT_EQ(result.linked, 1);
  EXPECT_EQ(result.links[0].entity, amelie_);
  EXPECT_EQ(result.links[0].method, LinkMethod::kExternalId);
  EXPECT_EQ(result.links[0].confidence, kIdConfidence);
  EXPECT_EQ(result.unlinked, 1);
}

TEST_F(LinkerTest, ByColumnWithEntityNames) {
  source_.AddItem({"1", {{"iri", "film:solaris-1972"}}});
  source_.AddItem({"2", {{"iri", "film:nothing"}}});
  LinkOptions options;
  options.method = "column";
  options.column = "iri";
  const LinkResult result = Find(options);
  ASSERT_EQ(result.linked, 1);
  EXPECT_EQ(result.links[0].entity, solaris_);
}

TEST_F(LinkerTest, ByExternalId) {
  source_.AddEntity("film:copy", {}, {{"imdb", "tt0069293"}});
  source_.AddItem({"1", {{"imdb_id", "tt0307479"}}});
  source_.AddItem({"2", {{"imdb_id", "tt0069293"}}});  // two entities claim it
  source_.AddItem({"3", {{"imdb_id", "2001"}}});       // a value of another relation
  LinkOptions options;
  options.method = "value";
  options.column = "imdb_id";
  options.relation = "imdb";
  const LinkResult result = Find(options);
  ASSERT_EQ(result.linked, 1);
  EXPECT_EQ(result.links[0].entity, solaris_us_);
  EXPECT_EQ(result.ambiguous, 1);
  EXPECT_THAT(result.ambiguous_cases[0].candidates, ElementsAre("film:solaris-1972", "film:copy"));
  EXPECT_EQ(result.unlinked, 1);
}

TEST_F(LinkerTest, ReplaceLooksAtLinkedItemsToo) {
  source_.AddItem({"1", {{"title", "Amélie"}}, true});
  LinkOptions options;
  EXPECT_EQ(Find(options).already, 1);
  options.replace = true;
  EXPECT_EQ(Find(options).linked, 1);
}

TEST_F(LinkerTest, ListsAreCutButCountsAreNot) {
  for (int i = 0; i < 1500; ++i) source_.AddItem({std::to_string(i), {{"title", "nowhere"}}});
  for (int i = 0; i < 25; ++i) source_.AddEntity("many:" + std::to_string(i), {"Many"});
  source_.AddItem({"many", {{"title", "many"}}});
  const LinkResult result = Find({});
  EXPECT_EQ(result.unlinked, 1500);
  EXPECT_EQ(result.unlinked_cases.size(), kMaxCases);
  EXPECT_EQ(result.ambiguous_cases[0].candidates.size(), kMaxCandidates);
}

TEST_F(LinkerTest, MistakesOfTheCallerAreErrors) {
  EXPECT_EQ(ErrorOf({}).code(), absl::StatusCode::kFailedPrecondition);  // no items
  source_.AddItem({"1", {{"title", "Amélie"}, {"year", "2001"}}});
  const auto expect = [&](const LinkOptions& options, absl::StatusCode code, const char* text) {
    const absl::Status status = ErrorOf(options);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(text));
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  expect({.method = "lable"}, kInvalid, "did you mean label?");
  expect({.method = "guess"}, kInvalid, "use label, identity, column or value");
  expect({.column = "titel"}, kInvalid, "did you mean 'title'?");
  expect({.column = "isbn"}, kInvalid, "the catalogue has title, year");
  expect({.column = ""}, kInvalid, "needs a column");
  expect({.method = "value"}, kInvalid, "needs the relation");
  expect({.method = "value", .relation = "imbd"}, absl::StatusCode::kNotFound, "'imbd'");
  expect({.relation = "imdb"}, kInvalid, "method value only");
  expect({.require = {"year"}}, kInvalid, "column=relation");
  expect({.require = {"=year"}}, kInvalid, "column=relation");
  expect({.require = {"yaer=year"}}, kInvalid, "did you mean 'year'?");
  expect({.require = {"year=http://x/y"}}, absl::StatusCode::kNotFound, "http://x/y");
}

TEST_F(LinkerTest, InvalidUtf8NamesTheItem) {
  source_.AddItem({"bad", {{"title", "\xff"}}});
  const absl::Status status = ErrorOf({});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("item 'bad', column title"));
}

TEST_F(LinkerTest, ProgressCancels) {
  source_.AddItem({"1", {{"title", "Amélie"}}});
  Progress progress;
  progress.Cancel();
  EXPECT_EQ(FindLinks(source_, {}, &progress).status().code(), absl::StatusCode::kCancelled);
}

TEST(ReasonTextTest, EveryReasonHasItsText) {
  std::vector<std::string_view> texts;
  for (const Unlinked reason : {Unlinked::kNoText, Unlinked::kNoCandidate, Unlinked::kConditionText,
                                Unlinked::kConditions}) {
    EXPECT_FALSE(ReasonText(reason).empty());
    EXPECT_EQ(std::count(texts.begin(), texts.end(), ReasonText(reason)), 0);
    texts.push_back(ReasonText(reason));
  }
}

}  // namespace
}  // namespace undula::linking
