// Reasons made from a given attention over a hand-made graph.
#include "queries/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "queries/connections/connection_reasons.h"
#include "queries/explanation_quality.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

constexpr EntityId kAlien{0}, kScott{1}, kBladeRunner{2}, kHorror{3}, kGladiator{4};
constexpr RelationId kDirector{0}, kGenre{1};
constexpr ItemId kAlienItem{0}, kBladeRunnerItem{1}, kGladiatorItem{2}, kUnlinkedItem{3};

// Answers Explain with what the test put in.
class GivenAttention final : public models::Scorer {
 public:
  models::Explanation explanation;

  absl::Status Score(const models::UserQuery&, models::ItemRange range, std::span<float> out,
                     propagation::Arena&) const override {
    for (uint32_t i = range.begin; i < range.end; ++i)
      out[i - range.begin] = -static_cast<float>(i);
    return absl::OkStatus();
  }
  absl::Status ScoreItems(const models::UserQuery&, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena&) const override {
    for (size_t i = 0; i < items.size(); ++i) out[i] = -static_cast<float>(Index(items[i]));
    return absl::OkStatus();
  }
  absl::StatusOr<models::Explanation> Explain(const models::UserQuery&, ItemId) const override {
    return explanation;
  }
  uint32_t n_users() const override { return 1; }
  uint32_t n_items() const override { return 4; }
  bool KnowsUser(UserId) const override { return true; }
};

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    for (const char* name : {"x:alien", "x:scott", "x:blade", "x:horror", "x:gladiator"}) {
      catalog_.entities.Add(name);
    }
    for (const char* label : {"Alien", "Ridley Scott", "Blade Runner", "", "Gladiator"}) {
      catalog_.entity_labels.Add(label);
    }
    catalog_.relations.Add("http://x/directedBy");
    catalog_.relations.Add("http://x/genre");
    catalog_.relation_labels.Add(WordsOfName("http://x/directedBy"));
    catalog_.relation_labels.Add("genre");
    for (const char* item : {"i0", "i1", "i2", "i3"}) catalog_.items.Add(item);
    for (const char* title : {"ALIEN", "Blade Runner", "Gladiator", ""}) catalog_.titles.Add(title);
    catalog_.item_entity = {kAlien, kBladeRunner, kGladiator, kNone<EntityId>};
    catalog_.users.Add("anna");
    catalog_.BuildIndexes();
    // Alien directedBy Scott, genre horror; Blade Runner directedBy Scott; Gladiator directedBy
    // Scott.
    snapshot_.n_entities = 5;
    snapshot_.n_items = 4;
    snapshot_.n_users = 1;
    snapshot_.out.ptr = {0, 2, 2, 3, 3, 4};
    snapshot_.out.relation = {kDirector, kGenre, kDirector, kDirector};
    snapshot_.out.entity = {kScott, kHorror, kScott, kScott};
    snapshot_.by_user.ptr = {0, 1};
    snapshot_.by_user.other = {kAlienItem};
    context_.catalog = &catalog_;
    context_.snapshot = &snapshot_;
    snapshot_.in.ptr = {0, 0, 3, 3, 4, 4};
    snapshot_.in.relation = {kDirector, kDirector, kDirector, kGenre};
    snapshot_.in.entity = {kAlien, kBladeRunner, kGladiator, kAlien};
    snapshot_.by_user.weight = {1};
    snapshot_.by_user.time = {0};
    spec_.capabilities.explains = true;
    context_.spec = &spec_;
    context_.workers = &workers_;
    context_.connections = &connections_;
    context_.scorer = &scorer_;
    scorer_.explanation.seeds = {kAlienItem};
    scorer_.explanation.hops = {
        {{kAlien, kGenre, kHorror, 0.7f}, {kAlien, kDirector, kScott, 0.3f}},
        {{kBladeRunner, kDirector, kScott, 0.9f, true}, {kAlien, kGenre, kHorror, 0.1f}}};
  }

  Catalog catalog_;
  Snapshot snapshot_;
  GivenAttention scorer_;
  models::ModelSpec spec_{};
  TaskArena workers_{1};
  Context context_;
  ConnectionSource connections_{context_};
};

TEST_F(ExplainTest, PathsLeadBackToTheHistory) {
  const auto why = Explain(context_, {UserId{0}, {}}, kBladeRunnerItem, {.slots = 0});
  ASSERT_TRUE(why.ok());
  ASSERT_EQ(why->hops.size(), 2u);
  EXPECT_DOUBLE_EQ(why->hop_weight_shown[0], double{0.7f} + double{0.3f});
  const Reason& walked = why->hops[1][0];
  ASSERT_EQ(walked.path.size(), 2u);
  EXPECT_EQ(walked.path[0].head, "x:alien");
  EXPECT_EQ(walked.path[0].tail, "x:scott");
  EXPECT_EQ(walked.path[1].head, "x:blade");  // as stored, though walked from its tail
  EXPECT_EQ(walked.seed_item, "i0");
  EXPECT_EQ(walked.seed_title, "ALIEN");
  EXPECT_TRUE(walked.shared);
  EXPECT_EQ(
      walked.sentence,
      "Alien has directed by Ridley Scott, Blade Runner has directed by Ridley Scott: this is "
      "Blade Runner");
  // A copied hop starts at the history at once.
  EXPECT_EQ(why->hops[1][1].path.size(), 1u);
  EXPECT_EQ(why->hops[1][1].sentence, "Alien has genre horror");
}

TEST_F(ExplainTest, OneSlotPerHopAndItsWeight) {
  const auto why = Explain(context_, {UserId{0}, {}}, kGladiatorItem, {.slots = 1});
  ASSERT_TRUE(why.ok());
  EXPECT_EQ(why->hops[0].size(), 1u);
  EXPECT_FLOAT_EQ(static_cast<float>(why->hop_weight_shown[0]), 0.7f);
  EXPECT_FALSE(why->hops[0][0].shared);
}

TEST_F(ExplainTest, BestReasonsPutWhatTheItemSharesFirst) {
  const auto reasons = BestReasons(context_, {UserId{0}, {}}, kGladiatorItem, 2);
  ASSERT_TRUE(reasons.ok());
  ASSERT_EQ(reasons->size(), 2u);
  EXPECT_TRUE((*reasons)[0].shared);
  EXPECT_EQ((*reasons)[0].sentence, "Alien has directed by Ridley Scott; so has Gladiator");
  EXPECT_FALSE((*reasons)[1].shared);
  // An item without a link shares nothing, but is still explained.
  const auto unlinked = BestReasons(context_, {UserId{0}, {}}, kUnlinkedItem, 9);
  ASSERT_TRUE(unlinked.ok());
  ASSERT_EQ(unlinked->size(), 3u);  // four slots, one triple twice
  for (const Reason& r : *unlinked) EXPECT_FALSE(r.shared);
}

TEST_F(ExplainTest, ConnectionsOfOneKindAreOneReason) {
  const std::vector<ItemId> history = {kAlienItem, kGladiatorItem, kUnlinkedItem};
  const auto reasons = ConnectionReasons(context_, {kNone<UserId>, history}, kBladeRunnerItem, 3);
  ASSERT_EQ(reasons.size(), 1u);
  const Reason& reason = reasons[0].reason;
  EXPECT_EQ(reasons[0].edges.size(), 3u);
  EXPECT_EQ(reason.kind, Reason::Kind::kConnection);
  EXPECT_EQ(reason.supports, (std::vector<std::string>{"i2", "i0"}));  // the latest first
  EXPECT_EQ(reason.seed_title, "Gladiator");
  EXPECT_EQ(reason.hop, 2);
  EXPECT_EQ(reason.bits, 3);  // two steps of half a bit; one of three films of the director
  EXPECT_EQ(reason.sentence,
            "Gladiator and ALIEN have directed by Ridley Scott; so has Blade Runner");
  ASSERT_EQ(reason.path.size(), 2u);
  EXPECT_EQ(reason.path[1].head, "x:blade");  // as stored
  EXPECT_EQ(reason.path[1].tail, "x:scott");
  const std::vector<ItemId> unlinked = {kUnlinkedItem};
  EXPECT_TRUE(ConnectionReasons(context_, {kNone<UserId>, unlinked}, kBladeRunnerItem, 3).empty());
  // Where nothing connects the two: what others think of the item, if anything.
  EXPECT_TRUE(ConnectionReasons(context_, {kNone<UserId>, history}, kUnlinkedItem, 3).empty());
  snapshot_.by_item.ptr = {0, 0, 0, 0, 3};
  snapshot_.by_item.weight = {1, 1, -1};
  const auto popular = ConnectionReasons(context_, {kNone<UserId>, history}, kUnlinkedItem, 3);
  ASSERT_EQ(popular.size(), 1u);
  EXPECT_EQ(popular[0].reason.kind, Reason::Kind::kPopularity);
  EXPECT_EQ(popular[0].reason.sentence, "2 users liked i3");
}

TEST_F(ExplainTest, ConnectionsAreThereForEveryModel) {
  spec_.capabilities.explains = false;
  const auto why = Explain(context_, {UserId{0}, {}}, kGladiatorItem, {.connections = 2});
  ASSERT_TRUE(why.ok());
  EXPECT_TRUE(why->hops.empty());
  EXPECT_FLOAT_EQ(static_cast<float>(why->score), -static_cast<float>(Index(kGladiatorItem)));
  ASSERT_EQ(why->connections.size(), 1u);
  EXPECT_EQ(why->connections[0].sentence, "ALIEN has directed by Ridley Scott; so has Gladiator");
  const auto list = Recommend(context_, {UserId{0}, {}}, {.k = 1, .connections = 1});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ((*list)[0].reasons.size(), 1u);
  EXPECT_EQ((*list)[0].reasons[0].kind, Reason::Kind::kConnection);
}

TEST_F(ExplainTest, QualityCountsWhatIsThere) {
  const auto quality = MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 2}, nullptr);
  ASSERT_TRUE(quality.ok()) << quality.status();
  ASSERT_EQ(quality->size(), 2u);
  // Three items are recommended: two with a link, which share the director with Alien.
  const ExplanationQuality& model = (*quality)[0];
  const ExplanationQuality& connection = (*quality)[1];
  EXPECT_EQ(model.kind, "model");
  EXPECT_EQ(connection.kind, "connection");
  EXPECT_EQ(connection.users, 1);
  EXPECT_EQ(connection.items, 3);
  EXPECT_EQ(connection.reasons, 2);
  EXPECT_DOUBLE_EQ(connection.coverage, 2. / 3);
  EXPECT_DOUBLE_EQ(connection.faithful, 1);
  EXPECT_DOUBLE_EQ(connection.bits, 3);
  EXPECT_DOUBLE_EQ(connection.recency, 1);     // the only interaction
  EXPECT_DOUBLE_EQ(connection.popularity, 1);  // the only director
  EXPECT_DOUBLE_EQ(connection.diversity, 1);
  EXPECT_DOUBLE_EQ(model.coverage, 1);
  EXPECT_DOUBLE_EQ(model.touching, 2. / 3);
  EXPECT_DOUBLE_EQ(model.faithful, 1);
  EXPECT_EQ(model.deletions, 0);  // this scorer cannot leave anything out
  // A path that the graph does not have is found out.
  scorer_.explanation.hops[0][0] = {kGladiator, kGenre, kHorror, 0.9f};
  scorer_.explanation.hops[1].clear();
  const auto wrong = MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 1}, nullptr);
  ASSERT_TRUE(wrong.ok());
  EXPECT_LT((*wrong)[0].faithful, 1);
  EXPECT_EQ(MeasureExplanations(context_, {.k = 0}, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  snapshot_.by_user.ptr = {0, 0};
  EXPECT_EQ(MeasureExplanations(context_, {}, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// By hand: averages 1, 1, 1.3, 2.11 of 1, 1, 2, 4.
TEST(ExplanationQuality, SmoothedRanks) {
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

// A negative rating is no reason.
TEST_F(ExplainTest, OnlyWhatCountsAsPositiveConnects) {
  context_.positive_threshold = 2;
  EXPECT_TRUE(ConnectionReasons(context_, {UserId{0}, {}}, kGladiatorItem, 2).empty());
}

TEST_F(ExplainTest, RecommendLeavesOutWhatWasSeen) {
  const auto list = Recommend(context_, {UserId{0}, {}}, {.k = 10});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ((*list)[0].item, "i1");
  EXPECT_EQ((*list)[2].title, "i3");  // neither title nor link: the id
}

TEST(Catalog, NamesBecomeWords) {
  EXPECT_EQ(WordsOfName("http://x.org/ns#directedBy"), "directed by");
  EXPECT_EQ(WordsOfName("film.film.starring"), "starring");
  EXPECT_EQ(WordsOfName("http://x.org/release_date"), "release date");
  EXPECT_EQ(WordsOfName("http://x.org/"), "http://x.org/");
}

TEST(Catalog, FindsNamesAndSuggestsTheNearest) {
  Catalog catalog;
  for (int i = 0; i < 1000; ++i) catalog.users.Add("user" + std::to_string(i));
  catalog.BuildIndexes();
  for (uint32_t i = 0; i < 1000; ++i) {
    const auto found = catalog.FindUser("user" + std::to_string(i));
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, UserId{i});
  }
  const absl::Status missing = catalog.FindUser("user17x").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), testing::HasSubstr("did you mean 'user17"));
  EXPECT_FALSE(catalog.FindItem("anything").ok());
}

}  // namespace
}  // namespace undula::queries
