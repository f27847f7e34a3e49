#include "linking/label_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace undula::linking {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The plain table of Wagner and Fischer.
int EditDistance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int corner = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const int other = std::min({row[j] + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1])});
      corner = row[j];
      row[j] = other;
    }
  }
  return row[b.size()];
}

std::string RandomWord(std::mt19937* random, size_t least, size_t most) {
  std::string word;
  const size_t size = least + (*random)() % (most - least + 1);
  for (size_t i = 0; i < size; ++i) word += static_cast<char>('a' + (*random)() % 4);
  return word;
}

std::string Change(std::mt19937* random, std::string word, int edits) {
  for (int e = 0; e < edits; ++e) {
    const size_t at = (*random)() % word.size();
    const char letter = static_cast<char>('a' + (*random)() % 4);
    switch ((*random)() % 3) {
      case 0:
        word[at] = letter;
        break;
      case 1:
        word.insert(at, 1, letter);
        break;
      default:
        if (word.size() > 1) word.erase(at, 1);
    }
  }
  return word;
}

TEST(BoundedEditDistance, IsTheDistanceUpToTheBound) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    const std::string a = RandomWord(&random, 0, 12);
    const std::string b =
        a.empty() || trial % 3 == 0 ? RandomWord(&random, 0, 12) : Change(&random, a, trial % 5);
    const int distance = EditDistance(a, b);
    for (int most = 0; most <= 2; ++most) {
      ASSERT_EQ(BoundedEditDistance(a, b, most), std::min(distance, most + 1)) << a << " " << b;
    }
  }
}

TEST(LabelIndex, ApproximateSearchFindsExactlyWhatIsNear) {
  std::mt19937 random(2);
  std::set<std::string> words;
  while (words.size() < 3000) {
    const std::string word = RandomWord(&random, 4, 18);
    words.insert(word);
    words.insert(Change(&random, word, 1 + static_cast<int>(random() % 2)));
  }
  LabelIndex index;
  std::vector<std::string> names;
  for (const std::string& word : words) {
    const std::string key = *TitleKey(word);
    ASSERT_TRUE(
        index.Add(EntityId{static_cast<uint32_t>(names.size())}, word, LabelSource::kLabel).ok());
    names.push_back(key);
  }
  index.Build();
  for (int trial = 0; trial < 400; ++trial) {
    const std::string& from = names[random() % names.size()];
    if (from.size() < 3) continue;
    const std::string query = Change(&random, from, trial % 3);
    const int most = MaxEdits(query.size());
    std::map<uint32_t, int> expected, found;
    for (uint32_t e = 0; e < names.size(); ++e) {
      const int distance = EditDistance(query, names[e]);
      // Keys below 5 bytes are not indexed for approximate search.
      if (distance >= 1 && distance <= most && names[e].size() >= 5) expected[e] = distance;
    }
    index.FindNear(query, [&](std::span<const IndexedLabel> labels, int edits) {
      for (const IndexedLabel& label : labels) found[Index(label.entity)] = edits;
    });
    ASSERT_EQ(found, expected) << query;
  }
}

TEST(LabelIndex, FindsAllEntitiesOfALabelInOrder) {
  LabelIndex index;
  ASSERT_TRUE(index.Add(EntityId{7}, "The Fly (1958 film)", LabelSource::kLabel).ok());
  ASSERT_TRUE(index.Add(EntityId{3}, "Fly", LabelSource::kAlias).ok());
  ASSERT_TRUE(index.Add(EntityId{5}, "The Fly (1986 film)", LabelSource::kLabel).ok());
  ASSERT_TRUE(index.Add(EntityId{9}, "?", LabelSource::kLabel).ok());
  ASSERT_TRUE(index.Add(EntityId{9}, "bad \xFF", LabelSource::kLabel).ok());
  ASSERT_TRUE(index.Add(EntityId{9}, std::string(400, 'x'), LabelSource::kLabel).ok());
  index.Build();
  std::vector<uint32_t> entities;
  std::vector<int> years;
  for (const IndexedLabel& label : index.Find("fly")) {
    entities.push_back(Index(label.entity));
    years.push_back(label.year);
  }
  EXPECT_THAT(entities, ElementsAre(3, 5, 7));
  EXPECT_THAT(years, ElementsAre(0, 1986, 1958));
  EXPECT_EQ(index.qualifiers()[index.Find("fly")[1].qualifier], "film");
  EXPECT_THAT(index.Find("flies"), IsEmpty());
  EXPECT_EQ(index.rejected(), 2);
  EXPECT_GT(index.bytes(), 0);
}

TEST(LabelIndex, WithoutLabels) {
  LabelIndex index;
  EXPECT_THAT(index.Find("fly"), IsEmpty());
  index.Build();
  EXPECT_THAT(index.Find("fly"), IsEmpty());
  index.FindNear("a long title", [](std::span<const IndexedLabel>, int) { FAIL(); });
}

}  // namespace
}  // namespace undula::linking
