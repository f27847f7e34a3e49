// RippleNet on MovieLens-1M with the graph of MKR, authors' click-through protocol: popularity
// alone is strong there (AUC above .88), and the graph has to add to it (specification §13, test
// 10).
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "models/train/trainer.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/models/unpack.h"
#include "tests/shared_path.h"

namespace undula::models {
namespace {

std::shared_ptr<Snapshot> MovieLens(const std::string& folder) {
  std::map<int, uint32_t> item_of_movie;  // the item is the entity of the same number
  std::istringstream links(Unpack(folder + "/mkr/kg_final.txt.xz"));
  std::vector<TinyTriple> triples;
  uint32_t n_entities = 0, n_relations = 0;
  for (TinyTriple t{}; links >> t.head >> t.relation >> t.tail;) {
    triples.push_back(t);
    n_entities = std::max({n_entities, t.head + 1, t.tail + 1});
    n_relations = std::max(n_relations, t.relation + 1);
  }
  if (FILE* file = fopen((folder + "/mkr/item_index2entity_id.txt").c_str(), "r")) {
    int movie;
    for (uint32_t entity; fscanf(file, "%d %u", &movie, &entity) == 2;)
      item_of_movie[movie] = entity;
    fclose(file);
  }
  std::vector<int> identity(item_of_movie.size());
  std::iota(identity.begin(), identity.end(), 0);
  std::vector<std::vector<std::pair<uint32_t, float>>> likes;
  std::map<int, uint32_t> users;
  std::istringstream rows(Unpack(folder + "/interactions.tsv.xz"));
  std::string line;
  std::getline(rows, line);
  while (std::getline(rows, line)) {
    int user, movie, like;
    if (sscanf(line.c_str(), "%d\t%d\t%d", &user, &movie, &like) != 3) continue;
    const auto item = item_of_movie.find(movie);
    if (item == item_of_movie.end()) continue;
    const uint32_t u = users.emplace(user, users.size()).first->second;
    likes.resize(users.size());
    likes[u].emplace_back(item->second, static_cast<float>(like));
  }
  auto s =
      TinySnapshot(n_entities, n_relations, static_cast<uint32_t>(users.size()), triples, identity);
  for (size_t u = 0; u < likes.size(); ++u) {
    std::sort(likes[u].begin(), likes[u].end());
    for (const auto& [item, like] : likes[u]) {
      s->by_user.other.push_back(ItemId{item});
      s->by_user.weight.push_back(like);
      s->by_user.time.push_back(0);
    }
    s->by_user.ptr[u + 1] = s->by_user.size();
  }
  return s;
}

TEST(RippleNetData, BeatsPopularityOnMovieLens) {
  const std::string folder = SharedPath("data/movielens-1m");
  if (folder.empty()) GTEST_SKIP() << "no data/movielens-1m in UNDULA_SHARED";
  const auto snapshot = MovieLens(folder);
  if (snapshot->by_user.size() == 0) GTEST_SKIP() << "the program xz is missing";
  SplitOptions split_options;
  split_options.protocol = "ctr";
  split_options.positive_threshold = 1;
  split_options.linked_items_only = true;
  const auto split = MakeSplit(*snapshot, split_options);
  ASSERT_TRUE(split.ok()) << split.status();
  const TrainingData data = MakeTrainingData(snapshot, split->train, 1);
  TaskArena workers;

  const auto auc = [&](const char* name, const TrainOptions& options) {
    auto model = MakeModel(name, {}, DType::kF32);
    EXPECT_TRUE(model.ok()) << model.status();
    TrainContext context;
    context.workers = &workers;
    const auto report = Train(model->get(), data, *split, options, context);
    EXPECT_TRUE(report.ok()) << report.status();
    const auto scorer = (*model)->MakeScorer(workers);
    EvalOptions eval;
    eval.bootstrap = 0;
    const auto result = EvaluateCtr(**scorer, *split, eval, workers, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return result->auc.value;
  };
  TrainOptions options;
  options.epochs = 10;
  options.chunk = 32;
  options.learning_rate = 0.01;
  options.metric = "auc";
  const double popular = auc("most_popular", options), ripple = auc("ripplenet", options);
  EXPECT_GE(popular, 0.88);
  EXPECT_GE(ripple, popular + 0.02);
  RecordProperty("most_popular_auc", std::to_string(popular));
  RecordProperty("ripplenet_auc", std::to_string(ripple));
}

}  // namespace
}  // namespace undula::models
