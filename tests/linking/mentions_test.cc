// Names in running text, and the model that says which of them are mentions.
#include "linking/mentions.h"

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
  EXPECT_FALSE(names_.Entries(0)[1].is_label);
  EXPECT_GT(names_.bytes(), 0);
}

TEST(NameTable, WithoutNames) {
  NameTable names;
  EXPECT_THAT(Found(names, "anything"), IsEmpty());
  names.Build();
  EXPECT_THAT(Found(names, "anything"), IsEmpty());
}

// 200 documents: "Apple" with a capital is the company (0), "apple" is no mention; "Bush" is the
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
    for (int i = 0; i < 200; ++i) {
      switch (i % 4) {
        case 0:
          AddDocument("we saw that Apple sells phones", {EntityId{0}});
          break;
        case 1:
          AddDocument("we saw an apple on the tree", {});
          break;
        case 2:
          AddDocument("on stage were Bush and Gavin Rossdale tonight", {EntityId{1}, EntityId{3}});
          break;
        default:
          AddDocument("in the house president Bush spoke", {EntityId{2}});
      }
    }
  }

  void AddDocument(const std::string& text, std::vector<EntityId> entities) {
    documents_.push_back({{"", text}});
    gold_.entities.push_back(std::move(entities));
    gold_.annotated.push_back(1);
  }
  std::vector<std::vector<NameInDocument>> Find(int threads = 1) {
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
  AddDocument("yesterday the maker Apple grew", {});
  AddDocument("yesterday the apple grew", {});
  AddDocument("a record by Bush with Gavin Rossdale", {});
  AddDocument("a speech by president Bush", {});
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
    ASSERT_EQ(one[d].size(), four[d].size());
    for (size_t i = 0; i < one[d].size(); ++i) {
      EXPECT_EQ(one[d][i].name, four[d][i].name);
      EXPECT_EQ(one[d][i].times, four[d][i].times);
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
