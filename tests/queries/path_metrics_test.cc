// Measures of paths against values worked by hand.
#include "queries/path_metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace undula::queries {
namespace {

// By hand: averages 1, 1, 1.3, 2.11 of 1, 1, 2, 4.
TEST(PathMetrics, SmoothedRanks) {
  const std::vector<double> values = {1, 1, 2, 4};
  const std::vector<double> ranks = SmoothedRanks(values);
  ASSERT_EQ(ranks.size(), 4u);
  EXPECT_NEAR(ranks[0], 0, 1e-12);
  EXPECT_NEAR(ranks[1], 0, 1e-12);
  EXPECT_NEAR(ranks[2], .3 / 1.11, 1e-12);
  EXPECT_NEAR(ranks[3], 1, 1e-12);
  EXPECT_EQ(SmoothedRanks(std::vector<double>{5, 5}), (std::vector<double>{1, 1}));
  EXPECT_TRUE(SmoothedRanks({}).empty());
}

// Five paths: two films, three entities, types 3 + 2 of four possible, four patterns.
TEST(PathMetrics, Variety) {
  const std::vector<ShownPath> paths = {{"alien", "scott", "director", "director director"},
                                        {"alien", "scott", "director", "actor director"},
                                        {"heat", "mann", "director", "director director"},
                                        {"heat", "drama", "genre", "genre genre"},
                                        {"", "drama", "genre", "actor genre"}};
  const PathVariety variety = VarietyOf(paths, 4);
  EXPECT_DOUBLE_EQ(variety.starts, 2. / 4);  // of those that start at a film
  EXPECT_DOUBLE_EQ(variety.entities, 3. / 5);
  EXPECT_DOUBLE_EQ(variety.patterns, 4. / 5);
  EXPECT_DOUBLE_EQ(variety.types, 2. / 4);
  EXPECT_DOUBLE_EQ(variety.evenness, 1 - (3. * 2 + 2 * 1) / (5 * 4));
  EXPECT_DOUBLE_EQ(VarietyOf(paths, 100).types, 2. / 5);
  const PathVariety one = VarietyOf(std::vector<ShownPath>{paths[0]}, 4);
  EXPECT_DOUBLE_EQ(one.starts, 1);
  EXPECT_DOUBLE_EQ(one.types, 1);
  EXPECT_DOUBLE_EQ(one.evenness, 0);
  EXPECT_DOUBLE_EQ(VarietyOf({}, 4).entities, 0);
}

TEST(PathMetrics, JaccardIndex) {
  const std::set<std::string> abc = {"a", "b", "c"}, bcd = {"b", "c", "d"}, none;
  EXPECT_DOUBLE_EQ(Jaccard(abc, bcd), 2. / 4);
  EXPECT_DOUBLE_EQ(Jaccard(abc, abc), 1);
  EXPECT_DOUBLE_EQ(Jaccard(abc, none), 0);
  EXPECT_DOUBLE_EQ(Jaccard(none, none), 1);
}

}  // namespace
}  // namespace undula::queries
