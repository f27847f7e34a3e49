// Names in running text, and the model that says which of them are mentions.
#include "linking/mention_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "linking/name_table.h"

namespace undula::linking {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Found(const NameTable& names, const std::string& text) {
  std::vector<std::string> found;
  const WordText words = SplitIntoWords(text);
  for (size_t w = 0; w < words.words.size();) {
    const NameTable::Match match = names.FindLongest(words, w);
    if (match.words > 0) found.emplace_back(names.Name(match.name));
    w += std::max<size_t>(match.words, 1);
  }
  return found;
}

class NameTableTest : public testing::Test {
 protected:
  void Add(uint32_t entity, const std::string& name) {
    ASSERT_TRUE(names_.Add(EntityId{entity}, name, true).ok());
  }
  NameTable names_;
};

TEST_F(NameTableTest, TheLongestNameAtWordBoundariesWins) {
  Add(1, "New York");
  Add(2, "New York Times");
  Add(3, "York");
  Add(4, "Paris (film)");
  Add(5, "Springfield, Illinois");
  Add(6, "É");
  Add(7, "1984");
  Add(8, "Москва");
  Add(9, "U.S.");
  names_.Build();
  EXPECT_THAT(Found(names_, "The NEW YORK times, new york; York's Newyork Yorkshire"),
              ElementsAre("new york times", "new york", "york"));
  EXPECT_THAT(Found(names_, "In Paris, not Parisian. Springfield!"),
              ElementsAre("paris", "springfield"));
  EXPECT_THAT(Found(names_, "В городе МОСКВА (Москваград)"), ElementsAre("москва"));
  EXPECT_THAT(Found(names_, "the U.S. and the u-s, but not us"), ElementsAre("u s", "u s"));
  EXPECT_THAT(Found(names_, "1984 é"), IsEmpty());  // a number, one letter: no names
  EXPECT_THAT(Found(names_, "New"), IsEmpty());
  EXPECT_THAT(Found(names_, ""), IsEmpty());
  EXPECT_THAT(Found(names_, "New \xFF\xFE York"), ElementsAre("new york"));  // no word between
}

TEST_F(NameTableTest, SeveralEntitiesHaveAName) {
  Add(5, "Paris");
  Add(2, "Paris");
  Add(2, "paris!");
  ASSERT_TRUE(names_.Add(EntityId{3}, "Paris", false).ok());
  names_.Build();
  ASSERT_EQ(names_.names(), 1);
  std::vector<uint32_t> entities;
  for (const NameTable::Entry& entry : names_.Entries(0)) entities.push_back(Index(entry.entity));
  EXPECT_THAT(entities, ElementsAre(2, 3, 5));
  EXPECT_EQ(names_.Entries(0)[1].kind, NameKind::kSurface);
  EXPECT_GT(names_.bytes(), 0);
}

TEST_F(NameTableTest, PartsOfLabelsAreNamesOfTheirOwnKind) {
  Add(1, "University of the Arts, Berlin");
  Add(2, "The Band");
  Add(3, "Ada Lovelace (person)");
  names_.Build();
  const auto kind = [&](const std::string& name) {
    const int64_t at = names_.Find(name);
    if (at < 0) return -1;
    const NameTable::Entry& entry = names_.Entries(static_cast<uint32_t>(at))[0];
    return static_cast<int>(entry.kind);
  };
  const auto is = [](NameKind k) { return static_cast<int>(k); };
  EXPECT_EQ(kind("Ada Lovelace"), is(NameKind::kBare));
  EXPECT_EQ(kind("University of the Arts"), is(NameKind::kComma));
  EXPECT_EQ(kind("Band"), is(NameKind::kArticle));
  EXPECT_EQ(kind("Lovelace"), is(NameKind::kSuffix));
  EXPECT_EQ(kind("Ada"), is(NameKind::kPrefix));
  EXPECT_EQ(kind("UAB"), is(NameKind::kAcronym));
  EXPECT_EQ(kind("University of"), -1);
  EXPECT_EQ(kind("the Band"), is(NameKind::kLabel));
  const auto lovelace = static_cast<uint32_t>(names_.Find("Lovelace"));
  EXPECT_TRUE(names_.IsOnlyPart(lovelace));
  EXPECT_EQ(names_.Name(names_.Entries(lovelace)[0].whole), "ada lovelace");
  EXPECT_THAT(Found(names_, "Lovelace and the UAB"), IsEmpty());  // parts are no names of their own
}

TEST_F(NameTableTest, NamesWithinLongerOnesAndPartsAreMarked) {
  Add(1, "New York Times");
  Add(2, "New York");
  Add(3, "Ada Lovelace");
  names_.Build();
  TaskArena arena(1);
  const std::vector<Document> documents = {
      {{"", "Lovelace read the New York Times; the lovelace ribbon is from New York's shops"}}};
  const DocumentNames found = (*FindNames(names_, documents, arena, nullptr))[0];
  std::vector<std::string> names;
  for (const NameInDocument& in : found.names) {
    names.push_back(std::string(names_.Name(in.name)) + " " + std::to_string(in.times) +
                    std::to_string(in.nested) + std::to_string(in.genitive));
  }
  EXPECT_THAT(names, ElementsAre("lovelace 100", "new york 211", "new york times 100"));
  EXPECT_EQ(found.length, 15);
}

TEST_F(NameTableTest, APartOfALabelMayHoldAName) {
  Add(1, "Tampa Police Department");
  Add(2, "Tampa");
  Add(3, "Old Tampa Police Band");
  names_.Build();
  TaskArena arena(1);
  const std::vector<Document> documents = {
      {{"", "we asked the Tampa Police, not the Tampa police"}},
      {{"", "we heard the Old Tampa Police Band of the town"}}};
  const auto found = *FindNames(names_, documents, arena, nullptr);
  const auto names = [&](const DocumentNames& document) {
    std::vector<std::string> list;
    for (const NameInDocument& in : document.names) list.emplace_back(names_.Name(in.name));
    return list;
  };
  EXPECT_THAT(names(found[0]), ElementsAre("tampa", "tampa police"));
  EXPECT_THAT(names(found[1]), ElementsAre("old tampa police band", "tampa"));
}

TEST_F(NameTableTest, LabelsAreKnownByHowTheyAreWritten) {
  Add(1, "Weight loss");
  Add(2, "University of the Arts, Berlin (school)");
  Add(3, "NFL");
  Add(4, "Class 6A");
  Add(4, "other");
  names_.Build();
  EXPECT_EQ(names_.Shape(EntityId{1}).rest, LabelShape::kLower);
  EXPECT_TRUE(names_.Shape(EntityId{1}).first_capital);
  const LabelShape school = names_.Shape(EntityId{2});
  EXPECT_EQ(school.rest, LabelShape::kCapital);
  EXPECT_TRUE(school.bracket && school.comma && !school.digit);
  EXPECT_EQ(school.words, 5);
  EXPECT_TRUE(names_.Shape(EntityId{3}).all_upper);
  EXPECT_EQ(names_.Shape(EntityId{3}).rest, LabelShape::kNone);
  EXPECT_TRUE(names_.Shape(EntityId{4}).digit);  // the first label counts
  EXPECT_EQ(names_.Shape(EntityId{0}).words, 0);
  EXPECT_EQ(names_.Shape(EntityId{99}).words, 0);
  EXPECT_NE(names_.Shape(EntityId{1}).Code(), names_.Shape(EntityId{3}).Code());
}

TEST(BoostedTrees, FindWhatOnlyTwoColumnsTogetherTell) {
  std::vector<float> rows;
  std::vector<uint8_t> labels;
  for (int i = 0; i < 4000; ++i) {
    const auto a = static_cast<float>(i % 7), b = static_cast<float>(i / 7 % 5);
    rows.insert(rows.end(), {a, b, static_cast<float>(i * 31 % 11)});
    labels.push_back((a > 3) != (b > 2));
  }
  BoostOptions options;
  options.columns = 1;
  const BoostedTrees trees = BoostedTrees::Train(rows, 3, labels, options);
  EXPECT_GT(trees.Logit(std::vector<float>{5, 0, 3}), 2);
  EXPECT_GT(trees.Logit(std::vector<float>{0, 4, 3}), 2);
  EXPECT_LT(trees.Logit(std::vector<float>{0, 0, 3}), -2);
  EXPECT_LT(trees.Logit(std::vector<float>{6, 3, 3}), -2);
  const BoostedTrees again = BoostedTrees::Train(rows, 3, labels, options);
  EXPECT_EQ(again.Logit(std::vector<float>{1, 1, 1}), trees.Logit(std::vector<float>{1, 1, 1}));
  EXPECT_EQ(BoostedTrees::Train({}, 3, {}, options).Logit(std::vector<float>{1, 1, 1}), 0);
}

TEST(NameTable, WithoutNames) {
  NameTable names;
  EXPECT_THAT(Found(names, "anything"), IsEmpty());
  names.Build();
  EXPECT_THAT(Found(names, "anything"), IsEmpty());
}

// 400 documents: "Apple" with a capital is the company (0), "apple" is no mention; "Bush" is the
// band (1) beside the guitarist (3), else the president (2).
class MentionsTest : public testing::Test {
 protected:
  MentionsTest() {
    EXPECT_TRUE(names_.Add(EntityId{0}, "Apple", true).ok());
    EXPECT_TRUE(names_.Add(EntityId{1}, "Bush", true).ok());
    EXPECT_TRUE(names_.Add(EntityId{2}, "Bush", true).ok());
    EXPECT_TRUE(names_.Add(EntityId{3}, "Gavin Rossdale", true).ok());
    names_.Build();
    csr_.ptr = {0, 0, 1, 1, 1};  // 1 -> 3
    csr_.relation = {RelationId{0}};
    csr_.entity = {EntityId{3}};
    back_.ptr = {0, 0, 0, 0, 1};
    back_.relation = {RelationId{0}};
    back_.entity = {EntityId{1}};
    for (int i = 0; i < 400; ++i) {
      switch (i / 3 % 4) {
        case 0:
          AddDocument(Words(i, 1) + "Apple " + Words(i, 2), {EntityId{0}});
          break;
        case 1:
          AddDocument(Words(i, 1) + "apple " + Words(i, 2), {});
          break;
        case 2:
          AddDocument(Words(i, 1) + "Bush " + Words(i, 2) + "Gavin Rossdale",
                      {EntityId{1}, EntityId{3}});
          break;
        default:
          AddDocument(Words(i, 1) + "Bush " + Words(i, 2), {EntityId{2}});
      }
    }
  }

  // One to four words that have nothing to do with the names.
  static std::string Words(int i, int stream) {
    static constexpr const char* kWords[] = {"yesterday ", "we ", "saw ",    "that ", "a ",
                                             "grew ",      "by ", "record ", "of ",   "here "};
    std::string words;
    for (int w = 0; w <= i * 7 / (stream + 4) % 4; ++w) {
      words += kWords[(i * 31 + stream * 17 + w * w * 13 + i / 10) % 10];
    }
    return words;
  }

  void AddDocument(const std::string& text, std::vector<EntityId> entities) {
    documents_.push_back({{"", text}});
    gold_.entities.push_back(std::move(entities));
    gold_.annotated.push_back(1);
  }
  std::vector<DocumentNames> Find(int threads = 1) {
    TaskArena arena(threads);
    return *FindNames(names_, documents_, arena, nullptr);
  }
  std::vector<EntityId> Sure(const MentionModel& model, size_t document) {
    std::vector<EntityId> sure;
    for (const Mention& mention : model.Weigh(Find()[document])) {
      if (mention.confidence > 0.5) sure.push_back(mention.entity);
    }
    std::sort(sure.begin(), sure.end());
    return sure;
  }

  NameTable names_;
  EdgeCsr csr_, back_;
  std::vector<Document> documents_;
  MentionGold gold_;
};

TEST_F(MentionsTest, CaseAndCoherenceDecide) {
  const size_t first = documents_.size();
  AddDocument("yesterday we saw Apple that grew here", {});
  AddDocument("yesterday we saw apple that grew here", {});
  AddDocument("a record by Bush here Gavin Rossdale", {});
  AddDocument("a record by Bush here", {});
  for (size_t d = first; d < documents_.size(); ++d) gold_.annotated[d] = 0;
  const Neighbors neighbors(csr_, back_);
  EXPECT_TRUE(neighbors.Connected(EntityId{3}, EntityId{1}));
  EXPECT_FALSE(neighbors.Connected(EntityId{3}, EntityId{2}));
  const auto model = MentionModel::Train(names_, neighbors, Find(), gold_, 4);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Sure(*model, first), ElementsAre(EntityId{0}));
  EXPECT_THAT(Sure(*model, first + 1), IsEmpty());
  EXPECT_THAT(Sure(*model, first + 2), ElementsAre(EntityId{1}, EntityId{3}));
  EXPECT_THAT(Sure(*model, first + 3), ElementsAre(EntityId{2}));
  EXPECT_THAT(ByLabel(names_, Find()[first + 2]), ElementsAre(EntityId{3}));
}

TEST_F(MentionsTest, NothingToLearnFromIsAnError) {
  const Neighbors neighbors(csr_, back_);
  std::fill(gold_.annotated.begin(), gold_.annotated.end(), 0);
  EXPECT_EQ(MentionModel::Train(names_, neighbors, Find(), gold_, 4).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(MentionsTest, NamesDoNotDependOnThreads) {
  const auto one = Find(1), four = Find(4);
  ASSERT_EQ(one.size(), four.size());
  for (size_t d = 0; d < one.size(); ++d) {
    ASSERT_EQ(one[d].names.size(), four[d].names.size());
    EXPECT_EQ(one[d].words, four[d].words);
    for (size_t i = 0; i < one[d].names.size(); ++i) {
      EXPECT_EQ(one[d].names[i].name, four[d].names[i].name);
      EXPECT_EQ(one[d].names[i].times, four[d].names[i].times);
    }
  }
}

TEST(MentionThreshold, MeanConfidenceReachesThePrecision) {
  const std::vector<std::vector<Mention>> mentions = {
      {{EntityId{0}, 0, 0.99}, {EntityId{1}, 0, 0.6}}, {{EntityId{0}, 0, 0.9}}, {}};
  EXPECT_EQ(MentionThreshold(mentions, 0.9, 0), 0.9);
  EXPECT_EQ(MentionThreshold(mentions, 0.8, 0), 0.6);
  EXPECT_EQ(MentionThreshold(mentions, 0.8, 0.7), 0.9);
  EXPECT_EQ(MentionThreshold({}, 0.8, 0), 1);
}

}  // namespace
}  // namespace undula::linking
