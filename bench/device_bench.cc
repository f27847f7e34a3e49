// Times clustering and exact search for many users at once, then operators and one RippleNet-like
// step, on the CPU (one thread) and on the GPU, float32, and prints the times and their ratio;
// without a GPU the GPU columns say why. Shapes of the operators are those of a batch of 1024 rows,
// 32 user chunks, d = 16, 32 slots a hop.
//   device_bench [repetitions]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/pinnersage/pinnersage.h"
#include "models/pinnersage/ward.h"
#include "models/retrieval/device_index.h"
#include "models/retrieval/exact_index.h"
#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/ward.h"
#include "propagation/optim/optimizer.h"
#include "propagation/tape.h"

namespace undula::propagation {
namespace {

constexpr uint32_t kRows = 1024, kGroups = 32, kSlots = 32, kCols = 16, kRelations = 60;
constexpr uint32_t kEntities = 10000, kPairs = kGroups * kSlots;

std::vector<uint32_t> Ids(uint32_t n, uint32_t limit, uint32_t stream) {
  const Rng rng(1, RngStream::kTest, stream);
  std::vector<uint32_t> ids(n);
  for (uint32_t i = 0; i < n; ++i) ids[i] = rng.Below(i, limit);
  return ids;
}

// The inputs of all cases, on the host.
struct Inputs {
  std::vector<uint32_t> entities = Ids(4 * kPairs, kEntities, 1);
  std::vector<uint32_t> items = Ids(kRows, 4 * kPairs, 2);
  std::vector<uint32_t> relations = Ids(kPairs, kRelations, 3);
  std::vector<uint32_t> heads = Ids(kPairs, 4 * kPairs, 4);
  std::vector<uint32_t> key_row = Ids(kPairs, kPairs, 5);
  std::vector<uint32_t> value_row = Ids(kPairs, 4 * kPairs, 6);
  std::vector<int64_t> row_ptr, slot_ptr;
  std::vector<float> labels;
  ParameterSet parameters;
  Parameter* entity = nullptr;
  Parameter* relation = nullptr;

  Inputs() {
    std::sort(relations.begin(), relations.end());
    for (uint32_t g = 0; g <= kGroups; ++g) {
      row_ptr.push_back(g * (kRows / kGroups));
      slot_ptr.push_back(g * kSlots);
    }
    for (uint32_t i = 0; i < kRows; ++i) labels.push_back(static_cast<float>(i % 2));
    entity = parameters.Add("entity", {kEntities, kCols}, true, {Init::Kind::kUniform, 0.3}, 1);
    relation = parameters.Add("relation", {kRelations, kCols, kCols}, false,
                              {Init::Kind::kUniform, 0.3}, 1);
  }
};

Var Attend(Tape& tape, const Inputs& in, Var q, Var keys, Var values) {
  GroupSlots slots;
  slots.row_ptr = tape.Offsets(in.row_ptr);
  slots.slot_ptr = tape.Offsets(in.slot_ptr);
  slots.key_row = tape.Indices(in.key_row);
  slots.value_row = tape.Indices(in.value_row);
  return GroupAttention(tape, q, keys, values, slots, nullptr);
}

Var Step(Tape& tape, const Inputs& in) {
  const Var entities = GatherRows(tape, in.entity, tape.Indices(in.entities));
  const Var keys = RelationGemv(tape, tape.Use(in.relation), entities, tape.Indices(in.relations),
                                tape.Indices(in.heads), false);
  const Var item = GatherRows(tape, entities, tape.Indices(in.items));
  const Var first = Attend(tape, in, item, keys, entities);
  const Var second = Attend(tape, in, Add(tape, item, first), keys, entities);
  return BceLogits(tape, RowDot(tape, Add(tape, item, second), Add(tape, first, second)),
                   tape.Floats(in.labels), kRows);
}

struct Case {
  const char* name;
  std::function<Var(Tape&, const Inputs&)> forward;
};

const Case kCases[] = {
    {"gather + sparse gradient",
     [](Tape& t, const Inputs& in) {
       return Sum(t, GatherRows(t, in.entity, t.Indices(in.entities)));
     }},
    {"relation_gemv",
     [](Tape& t, const Inputs& in) {
       return Sum(
           t, RelationGemv(t, t.Use(in.relation), GatherRows(t, in.entity, t.Indices(in.entities)),
                           t.Indices(in.relations), t.Indices(in.heads), false));
     }},
    {"group_attention",
     [](Tape& t, const Inputs& in) {
       const Var e = GatherRows(t, in.entity, t.Indices(in.entities));
       return Sum(t, Attend(t, in, GatherRows(t, e, t.Indices(in.items)), e, e));
     }},
    {"matmul 4096x16 by 16x4096",
     [](Tape& t, const Inputs& in) {
       const Var e = GatherRows(t, in.entity, t.Indices(in.entities));
       return Sum(t, MatMul(t, e, e, true));
     }},
    {"ripple step + lazy Adam", Step},
};

// Median milliseconds of a forward and backward pass, with the optimizer's step for the last case.
absl::StatusOr<double> Time(Exec* exec, Inputs* in, const Case& c, int repetitions) {
  UNDULA_RETURN_IF_ERROR(in->parameters.MoveTo(exec));
  UNDULA_ASSIGN_OR_RETURN(auto optimizer, Optimizer::Create({}, &in->parameters));
  Arena arena;
  Tape tape(exec, &arena);
  std::vector<double> times;
  for (int i = 0; i < repetitions + 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    tape.Reset();
    arena.Reset();
    in->parameters.ZeroGradients();
    const Var loss = c.forward(tape, *in);
    tape.Backward(loss);
    if (&c == &kCases[std::size(kCases) - 1]) {
      UNDULA_RETURN_IF_ERROR(optimizer->Step(nullptr));
    }
    tape.Scalar(loss);  // waits for the device
    UNDULA_RETURN_IF_ERROR(tape.status());
    const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begin;
    if (i >= 2) times.push_back(wall.count());
  }
  UNDULA_RETURN_IF_ERROR(in->parameters.MoveTo(nullptr));
  std::nth_element(times.begin(), times.begin() + static_cast<int64_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

std::vector<float> Uniforms(size_t n, uint32_t stream) {
  const Rng rng(1, RngStream::kTest, stream);
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = rng.Uniform(i) - 0.5f;
  return out;
}

// Median microseconds of `work`, divided by n.
absl::StatusOr<double> Each(int repetitions, size_t n, const std::function<absl::Status()>& work) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    UNDULA_RETURN_IF_ERROR(work());
    const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - begin;
    times.push_back(wall.count() / static_cast<double>(n));
  }
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[static_cast<size_t>(repetitions / 2)];
}

// PinnerSage's clusters of users with 300 actions each on 10,000 items of 256 numbers; the copy of
// the items to the GPU is part of it.
absl::StatusOr<double> ClusterTime(Exec* exec) {
  constexpr uint32_t kActions = 300, kItems = 10000, kDim = 256;
  const uint32_t users = exec->on_gpu() ? 16384 : 16;
  const std::vector<float> vectors = Uniforms(size_t{kItems} * kDim, 6);
  const std::vector<uint32_t> items = Ids(users * kActions, kItems, 7);
  std::vector<models::Action> actions;
  for (uint32_t i = 0; i < items.size(); ++i) {
    actions.push_back({ItemId{items[i]}, static_cast<double>(i % kActions) / 4});
  }
  std::vector<models::UserActions> all;
  for (uint32_t u = 0; u < users; ++u) {
    all.push_back({std::span(actions).subspan(size_t{u} * kActions, kActions), 75});
  }
  std::vector<std::vector<models::InterestCluster>> clusters;
  return Each(3, users, [&] {
    return models::ClusterUsers(all, {vectors, kDim}, {.alpha = 30}, exec, &clusters);
  });
}

// The same without what the CPU does before and after: merges alone.
absl::StatusOr<double> WardTime(Exec* exec) {
  constexpr uint32_t kPoints = 300, kRows = 10000, kDim = 256, kSets = 16384;
  const std::vector<float> rows = Uniforms(size_t{kRows} * kDim, 6);
  if (!exec->on_gpu()) {
    return Each(5, 1, [&] {
      return models::WardLinkage<float>(std::span(rows).first(kPoints * kDim), kDim, {}).empty()
                 ? InternalError("no merges")
                 : absl::OkStatus();
    });
  }
  UNDULA_ASSIGN_OR_RETURN(const auto ward, DeviceWard::Create(exec, rows, kDim));
  const std::vector<uint32_t> row = Ids(kSets * kPoints, kRows, 7), count(row.size(), 1);
  std::vector<int64_t> ptr;
  for (uint32_t s = 0; s <= kSets; ++s) ptr.push_back(int64_t{s} * kPoints);
  std::vector<WardLink> links;
  return Each(3, kSets, [&] { return ward->Link({ptr, row, count}, &links); });
}

// The best 100 of 100,000 vectors of 64 numbers, `together` queries at once.
absl::StatusOr<double> SearchTime(Exec* exec, size_t together) {
  constexpr uint32_t kItems = 100000, kDim = 64;
  models::IndexVectors vectors{kDim, {}, Uniforms(size_t{kItems} * kDim, 8)};
  for (uint32_t i = 0; i < kItems; ++i) vectors.items.push_back(ItemId{i});
  const std::vector<float> asked = Uniforms(together * kDim, 9);
  std::vector<models::IndexQuery> queries;
  for (size_t q = 0; q < together; ++q) {
    queries.push_back({std::span(asked).subspan(q * kDim, kDim), {}});
  }
  std::unique_ptr<models::ItemIndex> index = std::make_unique<models::ExactIndex>(vectors);
  if (exec->on_gpu()) {
    UNDULA_ASSIGN_OR_RETURN(index, models::DeviceIndex::Create(vectors, exec));
  }
  models::IndexScratch scratch;
  std::vector<std::vector<models::ScoredItem>> found;
  return Each(5, together, [&] {
    index->Search(queries, 100, &scratch, &found);
    return absl::OkStatus();
  });
}

struct ManyCase {
  const char* name;
  std::function<absl::StatusOr<double>(Exec*)> time;
};
const ManyCase kManyCases[] = {
    {"clusters of 300 x 256", ClusterTime},
    {"Ward alone, 300 x 256", WardTime},
    {"best 100 of 100k x 64", [](Exec* exec) { return SearchTime(exec, 2000); }},
    {"one query alone", [](Exec* exec) { return SearchTime(exec, 1); }},
};

int Run(int repetitions) {
  Exec cpu(nullptr);
  auto gpu = Exec::Create("cuda", nullptr);
  if (gpu.ok()) {
    std::printf("%s\n", (*gpu)->description().c_str());
  } else {
    std::printf("CPU only: %s\n", std::string(Message(gpu.status())).c_str());
  }
  std::printf("%-26s %10s %10s %8s\n", "a user or query, us", "cpu", "gpu", "cpu/gpu");
  for (const ManyCase& c : kManyCases) {
    const auto on_cpu = c.time(&cpu);
    const auto on_gpu = gpu.ok() ? c.time(gpu->get()) : on_cpu;
    if (!on_cpu.ok() || !on_gpu.ok()) {
      const absl::Status& status = on_cpu.ok() ? on_gpu.status() : on_cpu.status();
      std::fprintf(stderr, "%s: %s\n", c.name, status.ToString().c_str());
      return 1;
    }
    if (gpu.ok()) {
      std::printf("%-26s %10.3f %10.3f %8.2f\n", c.name, *on_cpu, *on_gpu, *on_cpu / *on_gpu);
    } else {
      std::printf("%-26s %10.3f %10s\n", c.name, *on_cpu, "-");
    }
  }
  std::printf("%-26s %10s %10s %8s\n", "forward + backward, ms", "cpu", "gpu", "cpu/gpu");
  Inputs in;
  for (const Case& c : kCases) {
    const absl::StatusOr<double> on_cpu = Time(&cpu, &in, c, repetitions);
    if (!on_cpu.ok()) {
      std::fprintf(stderr, "%s: %s\n", c.name, on_cpu.status().ToString().c_str());
      return 1;
    }
    if (!gpu.ok()) {
      std::printf("%-26s %10.3f %10s\n", c.name, *on_cpu, "-");
      continue;
    }
    const absl::StatusOr<double> on_gpu = Time(gpu->get(), &in, c, repetitions);
    if (!on_gpu.ok()) {
      std::fprintf(stderr, "%s: %s\n", c.name, on_gpu.status().ToString().c_str());
      return 1;
    }
    std::printf("%-26s %10.3f %10.3f %8.2f\n", c.name, *on_cpu, *on_gpu, *on_cpu / *on_gpu);
  }
  return 0;
}

}  // namespace
}  // namespace undula::propagation

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 50;
  return undula::propagation::Run(std::max(repetitions, 1));
}
