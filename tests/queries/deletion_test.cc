// Are the reasons true? On ml-100k: take the triple of the reason shown first out of the user's
// memory, score again, and compare with taking out a random other slot of the same hop.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../api/small_world.h"
#include "../shared_path.h"
#include "base/rng.h"
#include "kgstore/importer.h"
#include "kgstore/schema.h"
#include "kgstore/table_reader.h"
#include "kgstore/take_snapshot.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/trainer.h"
#include "queries/explain.h"
#include "queries/load_catalog.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

// A trained ripplenet over ml-100k with all that queries need.
class DeletionTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = SharedPath("data/movielens-100k-kg");
    if (folder.empty()) GTEST_SKIP() << "no data/movielens-100k-kg in UNDULA_SHARED";
    auto db = kgstore::Database::Open(dir_ / "ml.undula",
                                      {.mode = kgstore::OpenMode::kCreate, .threads = 2});
    ASSERT_TRUE(db.ok()) << db.status();
    const std::pair<const char*, const char*> files[] = {{"ml-100k.kg.xz", "recbole-kg"},
                                                         {"ml-100k.inter.xz", "recbole-inter"},
                                                         {"ml-100k.link", "recbole-link"}};
    for (const auto& [file, format] : files) {
      auto importer = kgstore::Importer::Begin(**db);
      ASSERT_TRUE(importer.ok()) << importer.status();
      const auto schema = kgstore::FindSchema(format);
      ASSERT_TRUE(schema.ok()) << schema.status();
      const auto read = kgstore::ReadTable(folder + "/" + file, *schema, {}, **importer, nullptr);
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_TRUE((*importer)->Commit().ok());
    }
    auto view = (*db)->Read();
    ASSERT_TRUE(view.ok());
    auto snapshot = kgstore::TakeSnapshot(*view, workers_);
    ASSERT_TRUE(snapshot.ok());
    snapshot_ = std::make_shared<const Snapshot>(*std::move(snapshot));
    auto catalog = LoadCatalog(*view, *snapshot_, {});
    ASSERT_TRUE(catalog.ok());
    catalog_ = *std::move(catalog);

    auto model = models::MakeModel("ripplenet", {});
    ASSERT_TRUE(model.ok());
    models::SplitOptions split_options;
    split_options.protocol = "ctr";
    split_options.positive_threshold = 4;
    const auto split = models::MakeSplit(*snapshot_, split_options);
    ASSERT_TRUE(split.ok()) << split.status();
    const auto data = models::MakeTrainingData(snapshot_, split->train, 1);
    models::TrainOptions options;
    options.epochs = 6;
    options.metric = "auc";
    models::TrainContext context;
    context.workers = &workers_;
    const auto report = models::Train(model->get(), data, *split, options, context);
    ASSERT_TRUE(report.ok()) << report.status();
    auto scorer = (*model)->MakeScorer(workers_);
    ASSERT_TRUE(scorer.ok());
    scorer_ = *std::move(scorer);
    context_.catalog = catalog_.get();
    context_.snapshot = snapshot_.get();
    context_.scorer = scorer_.get();
  }

  test::TempDir dir_;
  TaskArena workers_{2};
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<models::Scorer> scorer_;
  Context context_;
};

TEST_F(DeletionTest, TheShownReasonMovesTheScoreMoreThanRandomSlots) {
  constexpr int kCases = 500;
  int cases = 0, wins = 0;
  double shown_sum = 0, random_sum = 0;
  models::RankScratch scratch;
  models::TileOptions top;
  top.k = 1;
  for (uint32_t u = 0; u < snapshot_->n_users && cases < kCases; ++u) {
    const models::UserQuery query{UserId{u}, {}};
    if (!scorer_->KnowsUser(UserId{u})) continue;
    std::vector<models::ScoredItem> best;
    ASSERT_TRUE(models::RankOne(*scorer_, query, {}, top, &scratch, &best).ok());
    const ItemId item = best.at(0).item;
    const auto attention = scorer_->Explain(query, item);
    ASSERT_TRUE(attention.ok());
    const auto reasons = BestReasons(context_, query, item, 1);
    ASSERT_TRUE(reasons.ok());
    ASSERT_EQ(reasons->size(), 1u);
    const int hop = reasons->front().hop;
    const PathEdge& edge = reasons->front().path.back();
    const std::vector<AttentionSlot>& slots = attention->hops[static_cast<size_t>(hop) - 1];
    // The slot of the reason's last edge, and one other of the hop, drawn uniformly.
    size_t shown = slots.size();
    for (size_t i = 0; i < slots.size(); ++i) {
      if (catalog_->entities[Index(slots[i].head)] == edge.head &&
          catalog_->relations[Index(slots[i].relation)] == edge.relation &&
          catalog_->entities[Index(slots[i].tail)] == edge.tail) {
        shown = i;
      }
    }
    ASSERT_LT(shown, slots.size()) << "the reason names a triple that the model did not look at";
    if (slots.size() < 2) continue;
    size_t other = Rng(1, RngStream::kTest, u).Below(0, static_cast<uint32_t>(slots.size() - 1));
    if (other >= shown) ++other;
    const auto moved = [&](size_t slot) {
      const auto score = scorer_->ScoreWithout(query, item, hop, std::span(&slots[slot], 1));
      EXPECT_TRUE(score.ok());
      return std::fabs(double{*score} - attention->score);
    };
    const double a = moved(shown), b = moved(other);
    shown_sum += a;
    random_sum += b;
    wins += a > b ? 1 : 0;
    ++cases;
  }
  ASSERT_EQ(cases, kCases);
  std::printf("deletion: %d of %d cases; mean move %.4f for the reason, %.4f for a random slot\n",
              wins, cases, shown_sum / cases, random_sum / cases);
  EXPECT_GE(wins, kCases * 8 / 10);
}

}  // namespace
}  // namespace undula::queries
