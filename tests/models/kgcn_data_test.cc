// KGCN on the authors' Last.FM rows, with their program's options (`code`, Adam and L2 over whole
// tables, batch 128, 10 epochs, no selection): section 10, item 10 of the specification. Popularity
// alone and the model without the graph reach the same.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "base/rng.h"
#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "models/train/trainer.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/models/unpack.h"
#include "tests/shared_path.h"

namespace undula::models {
namespace {

struct LastFm {
  std::shared_ptr<Snapshot> snapshot;
  std::vector<LabeledPair> rows;
};

LastFm Read(const std::string& folder) {
  std::istringstream graph(Unpack(folder + "/kg_final.txt.xz"));
  std::vector<TinyTriple> triples;
  uint32_t n_entities = 0, n_relations = 0, n_users = 0, n_items = 0;
  for (TinyTriple t{}; graph >> t.head >> t.relation >> t.tail;) {
    triples.push_back(t);
    n_entities = std::max({n_entities, t.head + 1, t.tail + 1});
    n_relations = std::max(n_relations, t.relation + 1);
  }
  LastFm data;
  std::istringstream ratings(Unpack(folder + "/ratings_final.txt.xz"));
  uint32_t user = 0, item = 0, label = 0;
  while (ratings >> user >> item >> label) {
    data.rows.push_back({UserId{user}, ItemId{item}, static_cast<float>(label)});
    n_users = std::max(n_users, user + 1);
    n_items = std::max(n_items, item + 1);
  }
  std::vector<int> identity(n_items);  // the item is the entity of the same number
  std::iota(identity.begin(), identity.end(), 0);
  data.snapshot = TinySnapshot(n_entities, n_relations, n_users, triples, identity);
  return data;
}

// 60 / 20 / 20 of the rows at random.
Split Cut(const LastFm& data, uint64_t seed) {
  std::vector<std::pair<uint64_t, size_t>> order;
  const Rng rng(seed, RngStream::kTest);
  for (size_t i = 0; i < data.rows.size(); ++i) order.emplace_back(rng.Bits64(i), i);
  std::sort(order.begin(), order.end());
  std::vector<LabeledPair> part[3];
  for (size_t i = 0; i < order.size(); ++i) {
    part[i * 10 < order.size() * 6   ? 0
         : i * 10 < order.size() * 8 ? 1
                                     : 2]
        .push_back(data.rows[order[i].second]);
  }
  auto split = SplitFromRows(*data.snapshot, part[0], part[1], part[2], "test");
  EXPECT_TRUE(split.ok()) << split.status();
  return *std::move(split);
}

TEST(KgcnData, LastFmIsAsPublishedAndNoMoreThanPopularity) {
  const std::string folder = SharedPath("data/lastfm-kgcn");
  if (folder.empty()) GTEST_SKIP() << "no data/lastfm-kgcn in UNDULA_SHARED";
  const LastFm lastfm = Read(folder);
  if (lastfm.rows.empty()) GTEST_SKIP() << "the program xz is missing";
  TaskArena workers;
  TrainOptions options;
  options.epochs = 10;
  options.batch_size = 128;
  options.chunk = 1;
  options.optimizer = "adam";
  options.learning_rate = 5e-4;
  options.metric = "none";
  constexpr int kSplits = 3;
  double kgcn = 0, without = 0, popular = 0;
  for (int split_seed = 1; split_seed <= kSplits; ++split_seed) {
    const Split split = Cut(lastfm, static_cast<uint64_t>(split_seed));
    const TrainingData data = MakeTrainingData(lastfm.snapshot, split.train, 1);
    const auto auc = [&](const char* name, const OptionMap& model_options) {
      auto model = MakeModel(name, model_options, DType::kF32);
      EXPECT_TRUE(model.ok()) << model.status();
      TrainContext context;
      context.workers = &workers;
      const auto report = Train(model->get(), data, split, options, context);
      EXPECT_TRUE(report.ok()) << report.status();
      const auto scorer = (*model)->MakeScorer(workers);
      EvalOptions eval;
      eval.bootstrap = 0;
      const auto result = EvaluateCtr(**scorer, split, eval, workers, nullptr);
      EXPECT_TRUE(result.ok()) << result.status();
      return result->auc.value / kSplits;
    };
    const OptionMap authors = {{"dim", "16"},        {"hops", "1"},         {"neighbors", "8"},
                               {"preset", "code"},   {"l2_weight", "1e-4"}, {"l2_mode", "tables"},
                               {"aggregator", "sum"}};
    OptionMap off = authors;
    off["kg"] = "false";
    kgcn += auc("kgcn", authors);
    without += auc("kgcn", off);
    popular += auc("most_popular", {});
  }
  EXPECT_NEAR(kgcn, 0.80, 0.006);
  EXPECT_NEAR(popular, 0.797, 0.004);
  EXPECT_NEAR(without, kgcn, 0.003);
  RecordProperty("kgcn_auc", std::to_string(kgcn));
  RecordProperty("kg_off_auc", std::to_string(without));
  RecordProperty("most_popular_auc", std::to_string(popular));
}

}  // namespace
}  // namespace undula::models
