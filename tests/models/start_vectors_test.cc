// Trainings that begin with stored vectors.
#include "models/train/start_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/registry.h"
#include "models/train/trainer.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

using testing::HasSubstr;

constexpr int64_t kDim = 8;

std::vector<float> RandomRows(uint32_t rows, uint32_t seed) {
  std::vector<float> out;
  const Rng rng(seed, RngStream::kTest, 0);
  for (uint32_t i = 0; i < rows * kDim; ++i) out.push_back(rng.Uniform(i) - 0.5f);
  return out;
}

// Vectors of every entity but each fifth.
struct Data {
  Data() {
    vectors->dim = kDim;
    vectors->description = "vectors 'kb'";
    vectors->entity = RandomRows(world.snapshot->n_entities, 1);
    for (uint32_t e = 0; e < world.snapshot->n_entities; ++e) {
      vectors->has_entity.push_back(e % 5 != 0);
    }
    data.read_vectors =
        [this](const std::string& name) -> absl::StatusOr<std::shared_ptr<const GraphVectors>> {
      if (name == "kb") return std::shared_ptr<const GraphVectors>(vectors);
      return NotFoundError("no vectors '", name, "'");
    };
  }
  PlantedWorld world = MakePlantedWorld(3, 10, 12);
  TrainingData data = MakeTrainingData(world.snapshot, world.split.train, 5);
  std::shared_ptr<GraphVectors> vectors = std::make_shared<GraphVectors>();
};

std::unique_ptr<Model> Make(const char* family, int64_t dim = kDim) {
  const ModelSpec* spec = *FindModel(family);
  return *spec->make({{"dim", std::to_string(dim)}}, DType::kF32);
}

struct Table {
  const char *family, *name;
  bool by_entity;
};
constexpr Table kTables[] = {{"bpr_mf", "item", false},
                             {"sr_gnn", "item", false},
                             {"kgcn", "entity", true},
                             {"ripplenet", "entity", true}};

const float* RowOf(Model& model, const Table& table, uint32_t row) {
  return model.parameters()->Find(table.name)->value.as<float>() + row * kDim;
}

TEST(StartVectors, AreTheRowsOfItemsAndEntities) {
  const Data d;
  TaskArena workers(1);
  for (const Table& table : kTables) {
    const auto model = Make(table.family);
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    const std::vector<float> before(RowOf(*model, table, 0), RowOf(*model, table, 36));
    const auto start = StartVectors::Apply(*d.vectors, *d.world.snapshot, model.get());
    ASSERT_TRUE(start.ok()) << start.status();
    EXPECT_THAT(start->Describe(), HasSubstr(std::string(" rows of ") + table.name));
    EXPECT_THAT(start->Describe(), HasSubstr("from vectors 'kb'"));
    // Item i is entity i.
    for (uint32_t i = 0; i < 36; ++i) {
      const float* row = RowOf(*model, table, i);
      const float* want = i % 5 != 0 ? &d.vectors->entity[i * kDim] : &before[i * kDim];
      EXPECT_TRUE(std::equal(row, row + kDim, want)) << table.family << " row " << i;
    }
  }
}

TEST(StartVectors, OfItemsGoToTheItems) {
  Data d;
  d.vectors->entity.clear();
  d.vectors->has_entity.clear();
  d.vectors->item = RandomRows(36, 2);
  d.vectors->has_item.assign(36, 1);
  TaskArena workers(1);
  std::vector<uint32_t> item_row;
  MapItems(*d.world.snapshot, &item_row);
  for (const Table& table : kTables) {
    const auto model = Make(table.family);
    ASSERT_TRUE(model->Build(d.data, workers).ok());
    ASSERT_TRUE(StartVectors::Apply(*d.vectors, *d.world.snapshot, model.get()).ok());
    for (uint32_t i = 0; i < 36; ++i) {
      const float* row = RowOf(*model, table, table.by_entity ? item_row[i] : i);
      EXPECT_TRUE(std::equal(row, row + kDim, &d.vectors->item[i * kDim])) << table.family;
    }
  }
}

TEST(StartVectors, FrozenRowsStayAndTheOthersLearn) {
  const Data d;
  TaskArena workers(2);
  for (const Table& table : kTables) {
    for (const bool freeze : {false, true}) {
      const auto model = Make(table.family);
      TrainOptions train{.epochs = 2, .batch_size = 64, .learning_rate = 0.02, .metric = "none"};
      train.init_vectors = "kb";
      train.freeze_vectors = freeze;
      const TrainContext context{.workers = &workers};
      const auto report = Train(model.get(), d.data, d.world.split, train, context);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_THAT(report->start, HasSubstr("from vectors 'kb'"));
      int moved = 0;
      for (uint32_t i = 1; i < 36; ++i) {
        if (i % 5 == 0) continue;
        const float* row = RowOf(*model, table, i);
        moved += !std::equal(row, row + kDim, &d.vectors->entity[i * kDim]);
      }
      EXPECT_EQ(moved == 0, freeze) << table.family;
      const auto fresh = Make(table.family);
      ASSERT_TRUE(fresh->Build(d.data, workers).ok());
      const float* row = RowOf(*model, table, 5);
      EXPECT_FALSE(std::equal(row, row + kDim, RowOf(*fresh, table, 5))) << table.family;
    }
  }
}

TEST(StartVectors, SayWhatDoesNotFit) {
  const Data d;
  TaskArena workers(1);
  const auto train = [&](TrainOptions options, int64_t dim = kDim) {
    options.epochs = 1;
    options.metric = "none";
    const auto model = Make("bpr_mf", dim);
    return Train(model.get(), d.data, d.world.split, options, {.workers = &workers}).status();
  };
  TrainOptions options;
  options.init_vectors = "kb";
  const absl::Status length = train(options, 16);
  EXPECT_EQ(length.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(length.message()), HasSubstr("item: 16"));
  options.freeze_vectors = true;
  options.weight_decay = 0.1;
  EXPECT_THAT(std::string(train(options).message()), HasSubstr("weight_decay = 0"));
  options.init_vectors.clear();
  EXPECT_EQ(train(options).code(), absl::StatusCode::kInvalidArgument);
  options.init_vectors = "other";
  EXPECT_EQ(train(options).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace undula::models
