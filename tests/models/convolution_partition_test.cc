// Layer-wise inference in partitions: the same bits for any number of them and as the scorer's, no
// vector computed twice, and damaged files named.
#include "models/convolution/partition.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "models/train/trainer.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

class Partitions : public testing::Test {
 protected:
  void SetUp() override {
    world_ = MakePlantedWorld(3, 10, 8);
    data_ = MakeTrainingData(world_.snapshot, world_.split.train, 5);
    model_.reset(static_cast<ConvModel*>(kPinSageSpec
                                             .make({{"dim", "16"},
                                                    {"hidden", "12"},
                                                    {"layers", "2"},
                                                    {"head", "true"},
                                                    {"residual", "true"},
                                                    {"normalize", "true"}},
                                                   DType::kF32)
                                             ->release()));
    TrainContext context{.workers = &workers_};
    ASSERT_TRUE(
        Train(model_.get(), data_, world_.split, {.epochs = 2, .batch_size = 64}, context).ok());
    root_ = std::filesystem::path(testing::TempDir()) /
            ("partitions_" + std::to_string(::getpid()) + "_" +
             testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string Directory(const std::string& name) {
    std::filesystem::create_directories(root_ / name);
    return (root_ / name).string();
  }

  // All stages; every job runs twice where `again` is set.
  std::vector<float> Run(const std::string& directory, int64_t partitions, int64_t* projected,
                         bool again = false) {
    EXPECT_TRUE(StartPartitions(model_.get(), partitions, directory).ok());
    const int64_t layers = model_->state().options.layers;
    for (int turn = 0; turn < (again ? 2 : 1); ++turn) {
      *projected = 0;
      for (int64_t k = 0; k < layers; ++k) {
        for (int64_t p = 0; p < partitions; ++p) {
          const auto work = ProjectPartition(directory, k, p, &workers_);
          EXPECT_TRUE(work.ok()) << work.status();
          *projected += work->rows;
        }
        for (int64_t p = partitions; p > 0; --p) {
          const auto work = ExchangePartition(directory, k, p - 1);
          EXPECT_TRUE(work.ok()) << work.status();
          EXPECT_LE(work->remote, work->rows);
          if (partitions == 1) {
            EXPECT_EQ(work->remote, 0);
          }
        }
        for (int64_t p = 0; p < partitions; ++p) {
          EXPECT_TRUE(PoolPartition(directory, k, p, nullptr).ok());
        }
      }
      for (int64_t p = 0; p < partitions; ++p) {
        EXPECT_TRUE(FinishPartition(directory, p, nullptr).ok());
      }
    }
    const auto z = CollectPartitions(directory);
    EXPECT_TRUE(z.ok()) << z.status();
    return z.ok() ? *z : std::vector<float>();
  }

  TaskArena workers_{2};
  PlantedWorld world_;
  TrainingData data_;
  std::unique_ptr<ConvModel> model_;
  std::filesystem::path root_;
};

TEST_F(Partitions, AnyNumberGivesTheBitsOfTheScorer) {
  int64_t projected = 0;
  const std::vector<float> one = Run(Directory("one"), 1, &projected);
  const int64_t items = data_.n_items();
  EXPECT_EQ(projected, 2 * items);  // K |I|: nothing is computed twice
  EXPECT_EQ(Run(Directory("seven"), 7, &projected), one);
  EXPECT_EQ(projected, 2 * items);
  EXPECT_EQ(Run(Directory("again"), 3, &projected, true), one);
  const auto scorer = *model_->MakeScorer(workers_);
  for (uint32_t i = 0; i < data_.n_items(); ++i) {
    const auto vector = scorer->ItemVector(ItemId{i});
    for (size_t c = 0; c < vector.size(); ++c) EXPECT_EQ(vector[c], one[i * vector.size() + c]);
  }
}

TEST_F(Partitions, EntityVectorsAreInputs) {
  auto vectors = std::make_shared<GraphVectors>();
  vectors->dim = 2;
  for (uint32_t e = 0; e < world_.snapshot->n_entities; ++e) {
    vectors->entity.push_back(e % 2 == 0 ? 1.0f : -1.0f);
    vectors->entity.push_back(0.5f);
    vectors->has_entity.push_back(1);
  }
  data_.read_vectors = [&](const std::string&) {
    return absl::StatusOr<std::shared_ptr<const GraphVectors>>(vectors);
  };
  model_.reset(static_cast<ConvModel*>(
      kPinSageSpec
          .make({{"dim", "8"}, {"hidden", "6"}, {"layers", "2"}, {"entity_vectors", "v"}},
                DType::kF32)
          ->release()));
  ASSERT_TRUE(model_->Build(data_, workers_).ok());
  int64_t projected = 0;
  const std::vector<float> z = Run(Directory("features"), 3, &projected);
  const auto scorer = *model_->MakeScorer(workers_);
  for (uint32_t i = 0; i < data_.n_items(); ++i) {
    const auto vector = scorer->ItemVector(ItemId{i});
    for (size_t c = 0; c < vector.size(); ++c) EXPECT_EQ(vector[c], z[i * vector.size() + c]);
  }
}

TEST_F(Partitions, DamagedFilesAreNamed) {
  int64_t projected = 0;
  const std::string directory = Directory("job");
  const std::vector<float> want = Run(directory, 3, &projected);
  const auto truncate = [&](const std::string& name) {
    std::filesystem::resize_file(directory + "/" + name, 40);
  };
  const auto expect = [&](const absl::Status& status, absl::StatusCode code,
                          const std::string& file, const std::string& stage) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_NE(status.ToString().find(file), std::string::npos) << status;
    EXPECT_NE(status.ToString().find(stage), std::string::npos) << status;
  };
  std::filesystem::remove(directory + "/y-1-2.safetensors");
  expect(ExchangePartition(directory, 1, 2).status(), absl::StatusCode::kNotFound, "y-1-2",
         "'project' of layer 1 and partition 2");
  truncate("h-1-2.safetensors");
  expect(ProjectPartition(directory, 1, 2, nullptr).status(), absl::StatusCode::kDataLoss, "h-1-2",
         "'pool' of layer 0 and partition 2");
  std::filesystem::copy_file(directory + "/h-1-1.safetensors", directory + "/h-1-2.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  expect(ProjectPartition(directory, 1, 2, nullptr).status(), absl::StatusCode::kFailedPrecondition,
         "h-1-2", "again");
  // The jobs that it names, run again, mend it.
  ASSERT_TRUE(PoolPartition(directory, 0, 2, nullptr).ok());
  ASSERT_TRUE(ProjectPartition(directory, 1, 2, nullptr).ok());
  for (int64_t p = 0; p < 3; ++p) {
    ASSERT_TRUE(ExchangePartition(directory, 1, p).ok());
    ASSERT_TRUE(PoolPartition(directory, 1, p, nullptr).ok());
    ASSERT_TRUE(FinishPartition(directory, p, nullptr).ok());
  }
  EXPECT_EQ(*CollectPartitions(directory), want);
  truncate("z-0.safetensors");
  EXPECT_EQ(CollectPartitions(directory).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(PoolPartition(directory, 2, 0, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(PoolPartition(directory, 0, 3, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(StartPartitions(model_.get(), 0, directory).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ProjectPartition(Directory("empty"), 0, 0, nullptr).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace undula::models
