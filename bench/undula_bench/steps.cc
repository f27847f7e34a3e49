// Training steps (batch, forward, backward, lazy Adam) and all-items scoring of the models, on
// planted data (ctr_data.h): 2,000 users, 1,000 items, 6,000 entities, about 140,000 training rows.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ctr_data.h"
#include "models/data/batcher.h"
#include "models/registry.h"
#include "models/train/step.h"
#include "propagation/optim/optimizer.h"
#include "undula_bench/limits.h"

namespace undula::bench {
namespace {

using models::Model;

const models::TrainingData& Data() {
  static const models::TrainingData data = [] {
    const CtrData ctr = Plant(*ParsePlanted(
        "users=2000,items=1000,entities=6000,triples=12000,item_share=.4,positives=60,topics=20"));
    return models::MakeTrainingData(ctr.snapshot, ctr.part[0], 1);
  }();
  return data;
}

// What a benchmark is about: the model, its options, and how many operations a training row and a
// scored pair cost at least (0: not counted).
struct Setting {
  const char* name;
  const char* model;
  OptionMap options;
  int64_t batch = 2048, chunk = 1;
  double row_flops = 0, pair_flops = 0;
};

// d = 16 throughout. RippleNet: 2 hops of 32 slots, 214 operations a slot in training
// (docs/benchmarks.md) and 4.1 k a pair. KGCN with K = 8 of about 5.5 relations per entity: 6 d a
// relation in training, 2 d in scoring, and 2 d for u . h; with two hops once per node, 9 of them,
// and 6 d^2 (2 d^2) for the second layer. BPR: 2 d a score, 3 of them for two scores with
// gradients.
std::vector<Setting> Settings() {
  const OptionMap h1 = {{"dim", "16"}, {"neighbors", "8"}, {"hops", "1"}};
  const OptionMap h2 = {{"dim", "16"}, {"neighbors", "8"}, {"hops", "2"}};
  constexpr double kD = 16, kRelations = 5.5;
  const double first = 6 * kD * kRelations, second = 9 * first + 6 * kD * 8 + 6 * kD * kD;
  return {
      {"ripplenet_c32", "ripplenet", {{"dim", "16"}}, 1024, 32, 64 * 214.0, 4100},
      {"ripplenet_c1", "ripplenet", {{"dim", "16"}}, 1024, 1, 64 * 214.0, 4100},
      {"kgcn_h1", "kgcn", h1, 2048, 1, first, 2 * kD * (kRelations + 1)},
      {"kgcn_h2", "kgcn", h2, 2048, 1, second, 2 * kD * (8 + 1) + 2 * kD * kD},
      {"kgnn_ls_h2", "kgnn_ls", h2, 2048, 1, second, 2 * kD * (8 + 1) + 2 * kD * kD},
      {"bpr_mf", "bpr_mf", {{"dim", "16"}}, 2048, 1, 12 * kD, 2 * kD},
  };
}

std::unique_ptr<Model> Built(benchmark::State& state, const Setting& setting, TaskArena& workers) {
  auto model = models::MakeModel(setting.model, setting.options);
  if (!model.ok() || !(*model)->Build(Data(), workers).ok()) {
    state.SkipWithError("the model cannot be built");
    return nullptr;
  }
  return *std::move(model);
}

void Step(benchmark::State& state, const Setting& setting) {
  TaskArena workers(1);
  const auto model = Built(state, setting, workers);
  if (model == nullptr) return;
  auto batcher = models::Batcher::Create(
      model->spec().batch_kind, Data(),
      models::BatcherOptions{.batch_size = setting.batch, .chunk = setting.chunk});
  auto optimizer = propagation::Optimizer::Create({.kind = "lazy_adam"}, model->parameters());
  propagation::Exec exec(&workers);
  models::TrainingStep step(model.get(), &exec, 8);
  int64_t epoch = 0, at = 0, steps = 0, rows = 0;
  for (auto _ : state) {
    if (at == steps) {
      steps = batcher->StartEpoch(++epoch);
      at = 0;
    }
    const models::Batch batch = batcher->Get(at++);
    rows += batch.rows();
    if (!step.Run(batch).ok() || !(*optimizer)->Step(&workers).ok()) {
      state.SkipWithError("a step failed");
      return;
    }
    model->parameters()->ZeroGradients();
  }
  Report(state, static_cast<double>(rows) / static_cast<double>(state.iterations()),
         setting.row_flops, 0);
  state.counters["step_MiB"] = static_cast<double>(step.high_water()) / (1 << 20);
}

void Score(benchmark::State& state, const Setting& setting) {
  TaskArena workers(1);
  const auto model = Built(state, setting, workers);
  if (model == nullptr) return;
  const auto scorer = model->MakeScorer(workers);
  const uint32_t items = Data().snapshot->n_items, users = Data().snapshot->n_users;
  std::vector<float> out(items);
  propagation::Arena arena;
  uint32_t user = 0;
  for (auto _ : state) {
    arena.Reset();
    const auto query = models::UserQuery{UserId{user}, {}};
    if (!(*scorer)->Score(query, {0, items}, out, arena).ok()) {
      state.SkipWithError("scoring failed");
      return;
    }
    user = (user + 1) % users;
  }
  Report(state, items, setting.pair_flops, 0);
}

const bool kRegistered = [] {
  for (const Setting& setting : Settings()) {
    const std::string name = setting.name;
    benchmark::RegisterBenchmark(("Step/" + name).c_str(), Step, setting);
    benchmark::RegisterBenchmark(("Score/" + name).c_str(), Score, setting);
  }
  return true;
}();

}  // namespace
}  // namespace undula::bench
