// Propagation models have the same bits for any number of threads, and their batch scores for any
// number of threads and shards.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;

template <class T>
T Ok(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

struct Case {
  std::string name, model;
  std::map<std::string, std::string> options;
};

class BitEquality : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Database> Open(int threads) {
    DatabaseOptions options;
    options.threads = threads;
    return Ok(Database::Open(world_.database, options));
  }
  void SetUp() override {
    auto db = Open(1);
    for (const std::string& file : {world_.graph, world_.catalogue, world_.interactions}) {
      ASSERT_TRUE(db->Import(file).ok());
    }
    ASSERT_TRUE(db->Link().ok());
  }
  TrainOptions Training() const {
    TrainOptions options;
    options.model = GetParam().model;
    options.model_options = GetParam().options;
    options.train_options = {{"epochs", "3"}, {"batch_size", "128"}, {"learning_rate", "0.02"}};
    options.split_options = {{"protocol", "user"}};
    options.device = "cpu";
    return options;
  }

  SmallWorld world_;
};

TEST_P(BitEquality, TrainingForAnyNumberOfThreads) {
  for (const char* chunk : {"1", "8"}) {
    std::map<std::string, std::string> checksum;
    for (const int threads : {1, 2, 4}) {
      auto db = Open(threads);
      TrainOptions training = Training();
      training.train_options["chunk"] = chunk;
      training.name = "t" + std::to_string(threads);
      ASSERT_TRUE(db->Train(training).ok());
      for (const StoredModel& m : Ok(db->Models())) checksum[m.name] = m.metadata.at("checksum");
    }
    ASSERT_EQ(checksum.size(), 3u);
    EXPECT_EQ(checksum["t2"], checksum["t1"]) << "chunk " << chunk;
    EXPECT_EQ(checksum["t4"], checksum["t1"]) << "chunk " << chunk;
  }
}

TEST_P(BitEquality, ScoresForAnyNumberOfThreadsAndShards) {
  ASSERT_TRUE(Open(2)->Train(Training()).ok());
  std::string whole;
  for (const int threads : {1, 2, 4}) {
    auto recommender = Ok(Open(threads)->LoadRecommender());
    for (const int shards : {1, 3, 7}) {
      std::string joined;
      for (int shard = 1; shard <= shards; ++shard) {
        ScoreBatchOptions job;
        job.output = world_.dir / "scores.tsv";
        job.k = SmallWorld::kFilms;  // every score that is not masked
        job.part_users = 8;
        job.shard = shard;
        job.shards = shards;
        EXPECT_GT(Ok(recommender->ScoreBatch(job)).rows, 0);
        joined += ReadFile(job.output);
      }
      if (whole.empty()) whole = joined;
      EXPECT_EQ(joined, whole) << threads << " threads, " << shards << " shards";
    }
  }
  EXPECT_GT(whole.size(), 10000u);
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> kCases = {
      {"ripplenet", "ripplenet", {{"dim", "8"}, {"memory", "8"}}},
      // Scored in block form.
      {"ripplenet_code",
       "ripplenet",
       {{"dim", "32"}, {"memory", "8"}, {"scoring", "code"}, {"item_update", "plus_transform"}}},
      {"kgcn", "kgcn", {{"dim", "8"}, {"hops", "2"}, {"aggregator", "concat"}}},
      {"kgnn_ls", "kgnn_ls", {{"dim", "8"}, {"hops", "2"}, {"ls_weight", "0.5"}}},
  };
  return kCases;
}

INSTANTIATE_TEST_SUITE_P(, BitEquality, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace undula
