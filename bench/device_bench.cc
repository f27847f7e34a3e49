// Times operators and one RippleNet-like step on the CPU (one thread) and on the GPU, float32, and
// prints milliseconds and their ratio; without a GPU the GPU columns say why. Shapes are those of a
// batch of 1024 rows, 32 user chunks, d = 16, 32 slots a hop.
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
#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
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

int Run(int repetitions) {
  Exec cpu(nullptr);
  auto gpu = Exec::Create("cuda", nullptr);
  if (gpu.ok()) {
    std::printf("%s\n", (*gpu)->description().c_str());
  } else {
    std::printf("CPU only: %s\n", std::string(Message(gpu.status())).c_str());
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
