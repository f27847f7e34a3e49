// Samplers, on planted data (ctr_data.h) of 20,000 users, 10,000 items and 60,000 entities.
#include <vector>

#include "base/rng.h"
#include "ctr_data.h"
#include "models/data/batcher.h"
#include "models/data/negatives.h"
#include "models/pinnersage/pinnersage.h"
#include "propagation/sample/neighbors.h"
#include "propagation/sample/ripple_set.h"
#include "undula_bench/limits.h"

namespace undula::bench {
namespace {

const CtrData& Data() {
  static const CtrData data =
      Plant(*ParsePlanted("users=20000,items=10000,entities=60000,triples=200000,positives=20"));
  return data;
}

// K neighbors of every entity.
void SampleNeighborsOfAll(benchmark::State& state) {
  const Snapshot& s = *Data().snapshot;
  int64_t epoch = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        propagation::SampleNeighbors(s, s.n_entities, static_cast<int>(state.range(0)), 1, ++epoch)
            .slots());
  }
  Report(state, static_cast<double>(s.n_entities * state.range(0)), 0, 0);
}
BENCHMARK(SampleNeighborsOfAll)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

// Two hops of 32 triples for every user; an item of the report is a triple.
void SampleRippleSetsOfAll(benchmark::State& state) {
  const CtrData& data = Data();
  const auto training = models::MakeTrainingData(data.snapshot, data.part[0], 1);
  std::vector<int64_t> seed_ptr = {0};
  std::vector<EntityId> seeds;
  for (uint32_t u = 0; u < data.snapshot->n_users; ++u) {
    for (const ItemId item : training.positives.row(u)) {
      seeds.push_back(EntityId{Index(item)});
    }
    seed_ptr.push_back(static_cast<int64_t>(seeds.size()));
  }
  TaskArena workers(1);
  uint64_t seed = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        propagation::SampleRippleSets(data.snapshot->out, seed_ptr, seeds, 2, 32, ++seed, workers)
            .edge.data());
  }
  Report(state, 64.0 * data.snapshot->n_users, 0, 0);
}
BENCHMARK(SampleRippleSetsOfAll)->Unit(benchmark::kMillisecond);

// One negative each for the users' positives.
void UniformNegatives(benchmark::State& state) {
  const CtrData& data = Data();
  const auto training = models::MakeTrainingData(data.snapshot, data.part[0], 1);
  std::vector<ItemId> all;
  for (uint32_t i = 0; i < data.snapshot->n_items; ++i) all.push_back(ItemId{i});
  const models::ItemSampler sampler(all);
  const Rng rng(1, RngStream::kNegative);
  uint64_t draw = 0;
  uint32_t user = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(sampler.Draw(training.positives.row(user), rng, draw));
    draw += models::ItemSampler::kDraws;
    user = (user + 1) % data.snapshot->n_users;
  }
  Report(state, 1, 0, 0);
}
BENCHMARK(UniformNegatives);

// An epoch of batches of 2,048 rows; the argument is the user chunk.
void BatchesOfAnEpoch(benchmark::State& state) {
  const CtrData& data = Data();
  const auto training = models::MakeTrainingData(data.snapshot, data.part[0], 1);
  auto batcher =
      models::Batcher::Create(models::BatchKind::kPointwise, training,
                              models::BatcherOptions{.batch_size = 2048, .chunk = state.range(0)});
  int64_t epoch = 0;
  for (auto _ : state) {
    const int64_t steps = batcher->StartEpoch(++epoch);
    for (int64_t i = 0; i < steps; ++i) benchmark::DoNotOptimize(batcher->Get(i).rows());
  }
  Report(state, static_cast<double>(batcher->rows()), 0, 0);
}
BENCHMARK(BatchesOfAnEpoch)->Arg(1)->Arg(32)->Unit(benchmark::kMillisecond);

// Clusters of one user's 300 actions on items with 256 numbers each; an item of the report is a
// user.
void ClustersOfAUser(benchmark::State& state) {
  constexpr uint32_t kActions = 300, kDim = 256;
  const Rng rng(1, RngStream::kTest);
  std::vector<float> vectors;
  std::vector<models::Action> actions;
  for (uint32_t i = 0; i < kActions; ++i) {
    // Twenty interests.
    for (uint32_t c = 0; c < kDim; ++c) {
      vectors.push_back(rng.Uniform(i % 20 * kDim + c) + rng.Uniform(7000 + i * kDim + c));
    }
    actions.push_back({ItemId{i}, static_cast<double>(i) / 4});
  }
  const models::ItemVectors items{vectors, kDim};
  for (auto _ : state) {
    benchmark::DoNotOptimize(models::ClusterActions(actions, items, 75, {.alpha = 60}).size());
  }
  Report(state, 1, 0, 0);
}
BENCHMARK(ClustersOfAUser)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace undula::bench
