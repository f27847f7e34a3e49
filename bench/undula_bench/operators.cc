// Operators, float32: the forward pass and, in the lines called Step, forward and backward.
#include <algorithm>
#include <span>
#include <vector>

#include "base/rng.h"
#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/optim/optimizer.h"
#include "propagation/tape.h"
#include "undula_bench/limits.h"

namespace undula::bench {
namespace {

using namespace propagation;  // this file is about its operators

std::vector<uint32_t> Ids(int64_t n, uint32_t limit, uint32_t stream) {
  const Rng rng(1, RngStream::kTest, stream);
  std::vector<uint32_t> ids(static_cast<size_t>(n));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = rng.Below(i, limit);
  return ids;
}

std::vector<float> Values(int64_t n, uint32_t stream) {
  const Rng rng(2, RngStream::kTest, stream);
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = rng.Uniform(i) - 0.5f;
  return values;
}

std::vector<int64_t> Steps(int64_t n, int64_t step) {
  std::vector<int64_t> ptr(static_cast<size_t>(n) + 1);
  for (size_t i = 0; i < ptr.size(); ++i) ptr[i] = static_cast<int64_t>(i) * step;
  return ptr;
}

// A tape whose memory is reused.
class Runner {
 public:
  Runner() : exec_(nullptr), tape_(&exec_, &arena_) {}
  Tape& Begin() {
    tape_.Reset();
    arena_.Reset();
    return tape_;
  }
  Var Leaf(const std::vector<float>& values, std::initializer_list<int64_t> shape) {
    Tensor t = tape_.NewTensor(shape);
    std::copy(values.begin(), values.end(), t.as<float>());
    return tape_.Leaf(t);
  }
  // Backward from the output, with ones.
  void Back(Var out) {
    const Tensor ones = tape_.NewTensor({tape_.value(out).size()});
    std::fill(ones.as<float>(), ones.as<float>() + ones.size(), 1.0f);
    tape_.AddGradient(out, ones);
    tape_.BackwardAll();
  }
  void Check(benchmark::State& state) {
    if (!tape_.status().ok()) state.SkipWithError("an operator failed");
  }

 private:
  Exec exec_;
  Arena arena_;
  Tape tape_;
};

// Rows of [n, d] by [d, d]: 2 d^2 a row forward, 6 d^2 with both gradients; a row read and one
// written, with gradients each of them again.
void MatMulStep(benchmark::State& state) {
  const int64_t n = 4096, d = state.range(0);
  const auto a = Values(n * d, 1), b = Values(d * d, 2);
  Runner run;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    run.Back(MatMul(tape, run.Leaf(a, {n, d}), run.Leaf(b, {d, d}), false));
  }
  run.Check(state);
  Report(state, n, 6.0 * static_cast<double>(d * d), 16.0 * static_cast<double>(d));
}
BENCHMARK(MatMulStep)->Arg(16)->Arg(64)->Arg(128);

// Rows of d floats from a table of 1 M rows, 64 MiB: read at random and written.
void GatherRowsForward(benchmark::State& state) {
  const int64_t n = 1 << 14, d = 16, rows = 1 << 20;
  ParameterSet parameters;
  Parameter* table = parameters.Add("table", {rows, d}, true, {Init::Kind::kUniform, 0.1}, 1);
  const auto ids = Ids(n * 64, static_cast<uint32_t>(rows), 3);  // more than the caches hold
  Runner run;
  size_t list = 0;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    const auto part = std::span(ids).subspan(n * (list++ % 64), n);
    benchmark::DoNotOptimize(GatherRows(tape, table, tape.Indices(part)).id);
  }
  run.Check(state);
  Report(state, n, 0, 8.0 * d);
  state.counters["of_random_rows"] =
      benchmark::Counter(static_cast<double>(n) * static_cast<double>(state.iterations()) /
                             MachineLimits().random_rows,
                         benchmark::Counter::kIsRate);
}
BENCHMARK(GatherRowsForward);

// Means of 8 random rows of 16 floats: 8 d additions a segment forward, as many backward; 9 rows
// moved forward, 17 backward (each gradient row is read and written).
void SegmentMeanStep(benchmark::State& state) {
  const int64_t n = 2048, k = 8, d = 16;
  const auto x = Values(n * d, 4);
  const auto src = Ids(n * k, n, 5);
  const auto ptr = Steps(n, k);
  Runner run;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    run.Back(SegmentReduce(tape, run.Leaf(x, {n, d}), tape.Offsets(ptr), tape.Indices(src),
                           Reduce::kMean));
  }
  run.Check(state);
  Report(state, n, 16.0 * d, 26.0 * 4 * d);
}
BENCHMARK(SegmentMeanStep);

// The hop of RippleNet: chunks of 32 rows of one user over 32 slots, d = 16. A row and slot: 2 d
// for the score, 2 d for the read, twice that backward and 2 d for the gradient of q: 10 d.
void GroupAttentionStep(benchmark::State& state) {
  const int64_t groups = 32, rows = 32, slots = 32, d = 16;
  const auto q = Values(groups * rows * d, 6), keys = Values(1024 * d, 7);
  const auto key = Ids(groups * slots, 1024, 8), value = Ids(groups * slots, 1024, 9);
  const auto row_ptr = Steps(groups, rows), slot_ptr = Steps(groups, slots);
  Runner run;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    GroupSlots s;
    s.row_ptr = tape.Offsets(row_ptr);
    s.slot_ptr = tape.Offsets(slot_ptr);
    s.key_row = tape.Indices(key);
    s.value_row = tape.Indices(value);
    const Var k = run.Leaf(keys, {1024, d});
    run.Back(GroupAttention(tape, run.Leaf(q, {groups * rows, d}), k, k, s, nullptr));
  }
  run.Check(state);
  Report(state, groups * rows, 10.0 * slots * d, 0);
}
BENCHMARK(GroupAttentionStep);

// The message of KGCN: groups of 4 rows over 6 relations, d = 16; the argument is the number of
// relations of the graph (few: exponentials by table; many: a product per slot). A row and slot:
// 2 d for its part of the message, 4 d backward, and by table 6 / 24 of 3 products of 2 d R a
// query, else 6 d for the score and its gradients. The count here is 6 d, what both have.
void RelationMixStep(benchmark::State& state) {
  const int64_t groups = 1024, rows = 4, slots = 6, d = 16, relations = state.range(0);
  const auto q = Values(groups * rows * d, 10), rel = Values(relations * d, 11);
  const auto values = Values(groups * slots * d, 12), base = Values(groups * d, 13);
  const auto relation = Ids(groups * slots, static_cast<uint32_t>(relations), 14);
  const auto row_ptr = Steps(groups, rows), slot_ptr = Steps(groups, slots);
  Runner run;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    RelationSlots s;
    s.row_ptr = tape.Offsets(row_ptr);
    s.slot_ptr = tape.Offsets(slot_ptr);
    s.relation = tape.Indices(relation);
    run.Back(RelationMix(tape, run.Leaf(q, {groups * rows, d}), run.Leaf(rel, {relations, d}),
                         run.Leaf(values, {groups * slots, d}), run.Leaf(base, {groups, d}), s, 1,
                         1, Activation::kTanh, nullptr));
  }
  run.Check(state);
  Report(state, groups * rows, 6.0 * slots * d, 0);
}
BENCHMARK(RelationMixStep)->Arg(10)->Arg(60);

void BceLogitsStep(benchmark::State& state) {
  const int64_t n = 1 << 14;
  const auto x = Values(n, 15);
  const std::vector<float> y(static_cast<size_t>(n), 1.0f);
  Runner run;
  for (auto _ : state) {
    Tape& tape = run.Begin();
    run.Back(BceLogits(tape, run.Leaf(x, {n}), tape.Floats(y), n));
  }
  run.Check(state);
  Report(state, n, 0, 12);
}
BENCHMARK(BceLogitsStep);

// Rows of 16 floats of a table of 100,000: gradient, value and two moments read, three written.
void LazyAdamStep(benchmark::State& state) {
  const int64_t n = 1 << 13, d = 16, rows = 100000;
  ParameterSet parameters;
  Parameter* table = parameters.Add("table", {rows, d}, true, {Init::Kind::kUniform, 0.1}, 1);
  auto optimizer = Optimizer::Create(OptimizerOptions{.kind = "lazy_adam"}, &parameters);
  auto ids = Ids(n, static_cast<uint32_t>(rows), 16);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  auto gradient = Values(static_cast<int64_t>(ids.size()) * d, 17);
  SparseGradient sparse;
  sparse.rows = View(ids.data(), static_cast<int64_t>(ids.size()));
  sparse.values = View(gradient.data(), static_cast<int64_t>(gradient.size()));
  sparse.values.rank = 2;
  sparse.values.shape[0] = static_cast<int64_t>(ids.size());
  sparse.values.shape[1] = d;
  for (auto _ : state) {
    table->sparse.assign(1, sparse);
    if (!(*optimizer)->Step(nullptr).ok()) state.SkipWithError("the optimizer failed");
  }
  Report(state, static_cast<double>(ids.size()), 0, 28.0 * d);
}
BENCHMARK(LazyAdamStep);

}  // namespace
}  // namespace undula::bench
