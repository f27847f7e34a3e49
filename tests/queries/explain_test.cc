// Reasons made from a given attention over a hand-made graph.
#include "queries/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "queries/connections/connection_reasons.h"
#include "queries/explanation_quality.h"
#include "queries/graph_pictures.h"
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
  // What each tail is worth; nothing: this scorer can leave nothing out.
  std::map<EntityId, float> worth;
  absl::StatusOr<float> ScoreWithout(const models::UserQuery&, ItemId, int,
                                     std::span<const AttentionSlot> removed) const override {
    if (worth.empty()) return absl::UnimplementedError("");
    float score = 10;
    std::set<EntityId> gone;
    for (const AttentionSlot& slot : removed) gone.insert(slot.tail);
    for (const EntityId tail : gone) score -= worth.contains(tail) ? worth.at(tail) : 0;
    return score;
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
  snapshot_.by_item.other = {UserId{0}, UserId{1}, UserId{2}};
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
  const auto quality =
      MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 2}, {}, nullptr);
  ASSERT_TRUE(quality.ok()) << quality.status();
  ASSERT_EQ(quality->size(), 6u);
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
  const auto wrong = MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 1}, {}, nullptr);
  ASSERT_TRUE(wrong.ok());
  EXPECT_LT((*wrong)[0].faithful, 1);
  EXPECT_EQ(MeasureExplanations(context_, {.k = 0}, {}, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  snapshot_.by_user.ptr = {0, 0};
  EXPECT_EQ(MeasureExplanations(context_, {}, {}, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// Attention over the item's own neighbors: the order is that of what each is worth.
TEST_F(ExplainTest, WhereAttentionStartsAtTheItemTheLossDecides) {
  scorer_.explanation.seeds.clear();
  scorer_.explanation.hops.resize(1);
  const auto first = [&] {
    const auto reasons = BestReasons(context_, {UserId{0}, {}}, kAlienItem, 1);
    return reasons.ok() ? (*reasons)[0].path[0].tail : std::string("failed");
  };
  scorer_.worth = {{kScott, 2}, {kHorror, 1}};
  EXPECT_EQ(first(), "x:scott");
  scorer_.worth = {{kScott, -1}, {kHorror, 1}};
  EXPECT_EQ(first(), "x:horror");
  scorer_.worth.clear();
  EXPECT_EQ(first(), "x:horror");  // by weight, among what the item touches
}

// Two of the three others who liked Alien liked the item without a link.
TEST_F(ExplainTest, UsersStandInForPaths) {
  snapshot_.by_item.ptr = {0, 4, 4, 4, 7};
  for (const uint32_t user : {0u, 1u, 2u, 3u, 1u, 3u, 5u}) {
    snapshot_.by_item.other.push_back(UserId{user});
    snapshot_.by_item.weight.push_back(1);
    snapshot_.by_item.time.push_back(0);
  }
  const auto reasons = ConnectionReasons(context_, {UserId{0}, {}}, kUnlinkedItem, 3);
  ASSERT_EQ(reasons.size(), 1u);
  const Reason& reason = reasons[0].reason;
  EXPECT_EQ(reason.kind, Reason::Kind::kUsers);
  EXPECT_EQ(reason.sentence, "2 users who liked ALIEN liked i3 too");
  EXPECT_EQ(reason.supports, std::vector<std::string>{"i0"});
  EXPECT_TRUE(reason.path.empty());
  EXPECT_EQ(reason.bits, 3.75);  // 1 for two steps + log2(13 / 2) = 2.70, in eighths
  // A path of the graph comes first, and where one user liked both that user is not shown.
  EXPECT_EQ(ConnectionReasons(context_, {UserId{0}, {}}, kGladiatorItem, 3)[0].reason.kind,
            Reason::Kind::kConnection);
  snapshot_.by_item.weight[4] = -1;
  EXPECT_EQ(ConnectionReasons(context_, {UserId{0}, {}}, kUnlinkedItem, 3)[0].reason.kind,
            Reason::Kind::kPopularity);
  const auto quality =
      MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 2}, {}, nullptr);
  ASSERT_TRUE(quality.ok());
  EXPECT_EQ((*quality)[2].kind, "users");
  EXPECT_DOUBLE_EQ((*quality)[2].coverage, 0);
  EXPECT_EQ((*quality)[4].kind, "any");
  EXPECT_DOUBLE_EQ((*quality)[4].coverage, 2. / 3);
  EXPECT_EQ((*quality)[5].kind, "all");
  EXPECT_DOUBLE_EQ((*quality)[5].coverage, 1);
}

// Two users who liked the item without a link liked Alien, too; one of them a film of its director.
TEST_F(ExplainTest, TheGraphLeadsOnFromWhatUsersLikedToo) {
  const auto fill = [](auto* csr, const std::vector<std::vector<uint32_t>>& rows) {
    csr->ptr = {0};
    csr->other.clear();
    for (const auto& row : rows) {
      for (const uint32_t other : row) {
        csr->other.push_back(typename std::decay_t<decltype(csr->other)>::value_type{other});
      }
      csr->ptr.push_back(static_cast<int64_t>(csr->other.size()));
    }
    csr->weight.assign(csr->other.size(), 1);
    csr->time.assign(csr->other.size(), 0);
  };
  fill(&snapshot_.by_user, {{3}, {0, 3}, {0, 2, 3}});
  fill(&snapshot_.by_item, {{1, 2}, {}, {2}, {0, 1, 2}});
  const auto reasons = ConnectionReasons(context_, {UserId{0}, {}}, kGladiatorItem, 3);
  ASSERT_EQ(reasons.size(), 1u);
  const Reason& reason = reasons[0].reason;
  EXPECT_EQ(reason.kind, Reason::Kind::kUsers);
  EXPECT_EQ(reason.sentence,
            "2 users who liked i3 liked ALIEN too; ALIEN has directed by Ridley Scott; so has "
            "Gladiator");
  EXPECT_EQ(reason.seed_item, "i3");
  EXPECT_EQ(reason.hop, 4);
  ASSERT_EQ(reason.path.size(), 2u);
  EXPECT_EQ(reason.path[0].head, "x:alien");
  EXPECT_EQ(reasons[0].edges.size(), 2u);
  // 1 for two steps + log2(12 / 2) of users in eighths, then 1 + log2(1 + 3) of the graph.
  EXPECT_EQ(reason.bits, 1 + 2.625 + 3);
  const auto quality =
      MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 2}, {}, nullptr);
  ASSERT_TRUE(quality.ok());
  // Recommended: Alien (two liked it with i3), Blade Runner and Gladiator (by their director).
  EXPECT_EQ((*quality)[3].kind, "users+graph");
  EXPECT_DOUBLE_EQ((*quality)[3].coverage, 2. / 3);
  EXPECT_DOUBLE_EQ((*quality)[3].faithful, 1);
  EXPECT_DOUBLE_EQ((*quality)[2].coverage, 1. / 3);
  EXPECT_DOUBLE_EQ((*quality)[4].coverage, 1);
  // One user alone is not shown.
  fill(&snapshot_.by_user, {{3}, {0, 3}, {2, 3}});
  fill(&snapshot_.by_item, {{1}, {}, {2}, {0, 1, 2}});
  EXPECT_EQ(ConnectionReasons(context_, {UserId{0}, {}}, kGladiatorItem, 3)[0].reason.kind,
            Reason::Kind::kPopularity);
}

TEST_F(ExplainTest, QualityOfDeletionHistoriesAndOtherSeeds) {
  // The item without a link has the reasons of the others; each is worth 1, the director 3.
  scorer_.worth = {{kScott, 3}, {kHorror, 1}};
  spec_.capabilities.fold_in = true;
  GivenAttention other_scorer;
  other_scorer.explanation = scorer_.explanation;
  other_scorer.explanation.hops = {{{kAlien, kGenre, kHorror, 1}}};
  Context other = context_;
  other.scorer = &other_scorer;
  const Context* const others[] = {&other};
  const auto quality =
      MeasureExplanations(context_, {.users = 0, .k = 3, .reasons = 1}, others, nullptr);
  ASSERT_TRUE(quality.ok()) << quality.status();
  const ExplanationQuality& model = (*quality)[0];
  const ExplanationQuality& connection = (*quality)[1];
  ASSERT_EQ(model.deletions, 3);
  // Blade Runner and Gladiator: the director; the third: its heaviest slot, which is the
  // director's too.
  EXPECT_DOUBLE_EQ(model.drop, 3);
  EXPECT_DOUBLE_EQ(model.score, 10);
  EXPECT_DOUBLE_EQ(model.score_of_none, 6);
  EXPECT_EQ(connection.deletions, 2);
  EXPECT_DOUBLE_EQ(connection.drop, 3);
  // The other model says horror throughout; connections are no model's.
  EXPECT_EQ(model.pairs, 3);
  EXPECT_DOUBLE_EQ(model.stability, 0);
  EXPECT_EQ(connection.pairs, 3);
  EXPECT_DOUBLE_EQ(connection.stability, 1);
  // The whole history is Alien, where all reasons start.
  EXPECT_EQ(connection.histories, 2);
  EXPECT_DOUBLE_EQ(connection.sufficiency, 1);
  models::ModelSpec stranger;
  other.spec = &stranger;
  EXPECT_EQ(MeasureExplanations(context_, {}, others, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ExplainTest, StepsHaveARange) {
  for (const int steps : {0, 7}) {
    EXPECT_EQ(Explain(context_, {UserId{0}, {}}, kGladiatorItem, {.steps = steps}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  const auto far = Explain(context_, {UserId{0}, {}}, kGladiatorItem, {.steps = 6});
  ASSERT_TRUE(far.ok());
  ASSERT_EQ(far->connections.size(), 1u);
  EXPECT_EQ(far->connections[0].sentence, "ALIEN has directed by Ridley Scott; so has Gladiator");
}

TEST_F(ExplainTest, GraphVizOfAnExplanation) {
  catalog_.item_entity[Index(kAlienItem)] = kAlien;
  const auto why = Explain(context_, {UserId{0}, {}}, kGladiatorItem, {.slots = 1});
  ASSERT_TRUE(why.ok());
  EXPECT_EQ(ToDot(*why),
            "digraph G {\n"
            "rankdir=LR;\n"
            "0[label=\"Alien\", shape=box];\n"
            "1[label=\"horror\"];\n"
            "2[label=\"Ridley Scott\"];\n"
            "3[label=\"Blade Runner\"];\n"
            "4[label=\"Gladiator\", shape=doublecircle];\n"
            "0->1 [label=\"genre\", penwidth=3.8];\n"
            "0->2 [label=\"directed by\", penwidth=1];\n"
            "3->2 [label=\"directed by\", penwidth=4.6];\n"
            "4->2 [label=\"directed by\", style=dashed];\n"
            "}\n");
  Explanation hostile;
  hostile.title = "a\"];\\b\nc";
  EXPECT_THAT(ToDot(hostile), testing::HasSubstr("[label=\"a\\\"];\\\\b c\", shape"));
}

TEST_F(ExplainTest, AroundAnEntity) {
  const auto around = Around(context_, "i0", 10);  // by its item
  ASSERT_TRUE(around.ok()) << around.status();
  ASSERT_EQ(around->vertices.size(), 5u);
  EXPECT_EQ(around->vertices[0].name, "x:alien");
  EXPECT_EQ(around->vertices[1].name, "x:horror");  // has fewer edges than the director
  EXPECT_EQ(around->vertices[2].label, "Ridley Scott");
  EXPECT_EQ(around->edges.size(), 4u);
  EXPECT_EQ(around->left_out, 0);
  double low = 1, high = 0;
  for (const Neighborhood::Vertex& v : around->vertices) {
    for (const double at : {v.x, v.y}) {
      EXPECT_GE(at, 0);
      EXPECT_LE(at, 1);
    }
    low = std::min(low, v.x);
    high = std::max(high, v.x);
  }
  EXPECT_EQ(low, 0);
  EXPECT_EQ(high, 1);
  const auto small = Around(context_, "x:alien", 2);
  ASSERT_TRUE(small.ok());
  EXPECT_EQ(small->vertices.size(), 2u);
  EXPECT_EQ(small->edges.size(), 1u);
  EXPECT_EQ(small->left_out, 1);
  EXPECT_TRUE(Around(context_, "x:alien", 1).ok());
  EXPECT_EQ(Around(context_, "x:nothing", 5).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Around(context_, "i3", 5).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Around(context_, "i0", 0).status().code(), absl::StatusCode::kInvalidArgument);
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
