// The operators of sequence models: gradients against central differences, float32 against float64,
// and their exact forms against plain ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "propagation/ops/bias.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gate_simd.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/gru.h"
#include "propagation/ops/gru_last_states.h"
#include "propagation/ops/key_value_memory.h"
#include "propagation/ops/linear_cross_entropy.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/soft_read.h"
#include "propagation/ops/softmax_simd.h"
#include "tests/propagation/op_gradient.h"

namespace undula::propagation {
namespace {

constexpr double kExcluded = -std::numeric_limits<double>::infinity();

std::vector<GradientCase> BiasCases(int64_t d) {
  const auto add = [](OpRun& run, const Leaves& v) { return AddBias(run.tape(), v[0], v[1]); };
  return {{"rows", {RandomValues({5, d}, 1), RandomValues({d}, 2)}, add},
          {"no rows", {RandomValues({0, d}, 1), RandomValues({1, d}, 2)}, add}};
}

std::vector<GradientCase> GruCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const UpdateGate gate : {UpdateGate::kKeepsOld, UpdateGate::kTakesNew}) {
    cases.push_back(
        {"gates",
         {RandomValues({4, 3 * d}, 1), RandomValues({4, 3 * d}, 2), RandomValues({4, d}, 3)},
         [gate](OpRun& run, const Leaves& v) {
           return GruGates(run.tape(), v[0], v[1], v[2], gate);
         }});
    for (const bool bias : {true, false}) {
      std::vector<Values> inputs = {RandomValues({7, 3 * d}, 1), RandomValues({d, 3 * d}, 2)};
      if (bias) inputs.push_back(RandomValues({3 * d}, 3));
      // Sequences of 3, 0 and 4 events.
      cases.push_back({bias ? "sequence" : "sequence without bias", inputs,
                       [gate](OpRun& run, const Leaves& v) {
                         return GruSequence(run.tape(), v[0], v[1], v.size() > 2 ? v[2] : Var{},
                                            run.Offsets({0, 3, 3, 7}), gate);
                       }});
    }
  }
  return cases;
}

std::vector<GradientCase> SoftReadCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const int64_t m : {int64_t{4}, d}) {
    for (const bool count : {true, false}) {
      cases.push_back({count ? "counts" : "no counts",
                       {RandomValues({3, d}, 1), RandomValues({5, d}, 2), RandomValues({5, m}, 3),
                        RandomValues({d}, 4)},
                       [count](OpRun& run, const Leaves& v) {
                         return SoftRead(run.tape(), v[0], v[1], v[2], v[3],
                                         run.Offsets({0, 2, 2, 6}), run.Ids({4, 0, 1, 0, 3, 1}),
                                         count ? run.Floats({1, 2, 1, 3, 1, 1}) : Tensor{});
                       }});
    }
  }
  return cases;
}

// Sequences of 6, 1, 0 and 3 events, with a repeat (rows of `item`), and 7 reads.
constexpr int64_t kKeys = 5;
const std::vector<int64_t> kEventPtr = {0, 6, 7, 7, 10};
const std::vector<int64_t> kReadPtr = {0, 4, 5, 5, 7};
const std::vector<uint32_t> kReadEvent = {0, 2, 2, 5, 6, 8, 9};

MemoryPlan PlanOf(OpRun& run, double truncation = 0) {
  return {run.Offsets(kEventPtr), run.Offsets(kReadPtr), run.Ids(kReadEvent), truncation};
}

std::vector<GradientCase> MemoryCases(int64_t d) {
  std::vector<GradientCase> cases;
  cases.push_back({"direct write", {RandomValues({4, 3, d}, 1)}, [](OpRun& run, const Leaves& v) {
                     return MemoryWrite(run.tape(), v[0]);
                   }});
  cases.push_back({"everything trained",
                   {RandomValues({10, d}, 1), RandomValues({kKeys, d}, 2), RandomValues({7, d}, 3)},
                   [](OpRun& run, const Leaves& v) {
                     const Var products = MatMul(run.tape(), v[0], v[1], true);
                     return MemoryRead(run.tape(), v[0], products, v[1], v[2], 1.5, PlanOf(run),
                                       nullptr);
                   }});
  // Frozen events and keys: z has no gradient, the query has.
  cases.push_back({"frozen", {RandomValues({7, d}, 3)}, [d](OpRun& run, const Leaves& v) {
                     const Var events = run.Constant(RandomValues({10, d}, 1));
                     const Var keys = run.Constant(RandomValues({kKeys, d}, 2));
                     const Var products = MatMul(run.tape(), events, keys, true);
                     return MemoryRead(run.tape(), events, products, keys, v[0],
                                       10 / std::sqrt(static_cast<double>(d)), PlanOf(run),
                                       nullptr);
                   }});
  cases.push_back({"frozen keys",
                   {RandomValues({10, d}, 1), RandomValues({7, d}, 3)},
                   [d](OpRun& run, const Leaves& v) {
                     const Var keys = run.Constant(RandomValues({kKeys, d}, 2));
                     const Var products = MatMul(run.tape(), v[0], keys, true);
                     return MemoryRead(run.tape(), v[0], products, keys, v[1], 2, PlanOf(run),
                                       nullptr);
                   }});
  return cases;
}

std::vector<GradientCase> LinearCrossEntropyCases(int64_t d) {
  std::vector<GradientCase> cases;
  const auto full = [](std::vector<uint32_t> targets) {
    return [targets](OpRun& run, const Leaves& v) {
      return LinearCrossEntropy(run.tape(), v[0], v[1], run.Ids(targets), {}, 3);
    };
  };
  cases.push_back(
      {"full", {RandomValues({4, d}, 1), RandomValues({21, d}, 2)}, full({3, 20, 0, 3})});
  cases.push_back({"no rows", {RandomValues({0, d}, 1), RandomValues({5, d}, 2)}, full({})});
  cases.push_back(
      {"sampled",
       {RandomValues({3, d}, 1), RandomValues({6, d}, 2)},
       [](OpRun& run, const Leaves& v) {
         SampledCandidates candidates;
         candidates.offset = run.Floats({0.5, 0.1, kExcluded, 0.3, 0, 1});
         candidates.target_offset = run.Floats({0.2, 0.4, 0.1});
         return LinearCrossEntropy(run.tape(), v[0], v[1], run.Ids({2, 0, 5}), candidates, 3);
       }});
  return cases;
}

struct Family {
  const char* name;
  std::vector<GradientCase> (*cases)(int64_t d);
};
constexpr Family kFamilies[] = {
    {"Bias", BiasCases},
    {"Gru", GruCases},
    {"SoftRead", SoftReadCases},
    {"KeyValueMemory", MemoryCases},
    {"LinearCrossEntropy", LinearCrossEntropyCases},
};

class SequenceOpGradient : public testing::TestWithParam<std::tuple<Family, int64_t>> {
 protected:
  std::vector<GradientCase> Cases() const {
    return std::get<0>(GetParam()).cases(std::get<1>(GetParam()));
  }
};

TEST_P(SequenceOpGradient, MatchesCentralDifferences) {
  for (const GradientCase& c : Cases()) CheckGradients(c);
}

TEST_P(SequenceOpGradient, Float32AgreesWithFloat64) {
  for (const GradientCase& c : Cases()) CheckFloat32(c);
}

INSTANTIATE_TEST_SUITE_P(Ops, SequenceOpGradient,
                         testing::Combine(testing::ValuesIn(kFamilies),
                                          testing::Values<int64_t>(1, 3, 16, 17, 64)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_d" +
                                  std::to_string(std::get<1>(info.param));
                         });

// The value of read b by the direct form: every key's value after the events up to its last one.
std::vector<double> DirectRead(const Values& events, const Values& keys, const Values& query,
                               int64_t steps, double gamma) {
  const int64_t d = events.shape[1], a = keys.shape[0];
  Values updates{{steps, a, d}, {}};
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t i = 0; i < a * d; ++i) {
      updates.data.push_back(events.data[t * d + i % d] + keys.data[i]);
    }
  }
  OpRun run(DType::kF64);
  const std::vector<double> values = run.Value(MemoryWrite(run.tape(), run.Leaf(updates)));
  std::vector<double> w(static_cast<size_t>(a)), out(static_cast<size_t>(d), 0.0);
  double sum = 0;
  for (int64_t k = 0; k < a; ++k) {
    double logit = 0;
    for (int64_t c = 0; c < d; ++c) logit += gamma * query.data[c] * keys.data[k * d + c];
    sum += w[k] = std::exp(logit);
  }
  for (int64_t k = 0; k < a; ++k) {
    for (int64_t c = 0; c < d; ++c) out[c] += w[k] / sum * values[k * d + c];
  }
  return out;
}

// 50 events of 12 items: many repeats. Lengths 32 and 80 are what tuned kernels take in float32.
class KeyValueMemoryForms : public testing::TestWithParam<int64_t> {};

TEST_P(KeyValueMemoryForms, TheScalarFormIsTheDirectForm) {
  constexpr int64_t kSteps = 50, kManyKeys = 23;
  const int64_t dim = GetParam();
  const Values items = RandomValues({12, dim}, 5), keys = RandomValues({kManyKeys, dim}, 6);
  Values events{{kSteps, dim}, {}};
  for (int64_t t = 0; t < kSteps; ++t) {
    const int64_t item = (t * t + 3 * t) % 12;
    events.data.insert(events.data.end(), items.data.begin() + item * dim,
                       items.data.begin() + (item + 1) * dim);
  }
  const Values queries = RandomValues({kSteps, dim}, 7);
  for (const DType type : {DType::kF64, DType::kF32}) {
    // Sums of 80 float32 products have more roundings.
    const double tolerance = type == DType::kF32 && dim > 64 ? 2e-6 : 1e-6;
    OpRun run(type);
    std::vector<uint32_t> last(kSteps);
    for (uint32_t t = 0; t < kSteps; ++t) last[t] = t;
    const Var e = run.Leaf(events), r = run.Leaf(keys);
    for (const double truncation : {0.0, 1e-7}) {
      const Var out = MemoryRead(
          run.tape(), e, MatMul(run.tape(), e, r, true), r, run.Leaf(queries), 2,
          {run.Offsets({0, kSteps}), run.Offsets({0, kSteps}), run.Ids(last), truncation}, nullptr);
      ASSERT_TRUE(run.tape().status().ok()) << run.tape().status();
      const std::vector<double> got = run.Value(out);
      for (int64_t t = 0; t < kSteps; ++t) {
        const Values query{{dim},
                           {queries.data.begin() + t * dim, queries.data.begin() + (t + 1) * dim}};
        const std::vector<double> want = DirectRead(events, keys, query, t + 1, 2);
        for (int64_t c = 0; c < dim; ++c) ASSERT_NEAR(got[t * dim + c], want[c], tolerance) << t;
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Lengths, KeyValueMemoryForms, testing::Values(20, 32, 80));

// The first write gives half of e + r; with one key the read is its value whatever the query; with
// gamma 0 it is the mean.
TEST(KeyValueMemory, HandComputed) {
  OpRun run(DType::kF64);
  const Var e = run.Leaf({{1, 2}, {0.4, -1}});
  const MemoryPlan plan{run.Offsets({0, 1}), run.Offsets({0, 1}), run.Ids({0}), 0};
  const auto read = [&](const Values& keys, double gamma) {
    const Var r = run.Leaf(keys);
    return run.Value(MemoryRead(run.tape(), e, MatMul(run.tape(), e, r, true), r,
                                run.Leaf({{1, 2}, {3, 7}}), gamma, plan, nullptr));
  };
  const std::vector<double> one = read({{1, 2}, {0.2, 0.6}}, 10);
  EXPECT_NEAR(one[0], 0.3, 1e-12);
  EXPECT_NEAR(one[1], -0.2, 1e-12);
  const std::vector<double> mean = read({{2, 2}, {0.2, 0.6, -1, 0}}, 0);
  EXPECT_NEAR(mean[0], (0.3 - 0.3) / 2, 1e-12);
  EXPECT_NEAR(mean[1], (-0.2 - 0.5) / 2, 1e-12);
}

// More items than a tile and no multiple of one; more rows than a tile.
TEST(LinearCrossEntropy, TilesAgreeWithTheSoftmaxOfAllLogits) {
  constexpr int64_t kRows = 150, kItems = 1100, kDim = 24;
  const Values x = RandomValues({kRows, kDim}, 1), table = RandomValues({kItems, kDim}, 2);
  std::vector<uint32_t> targets(kRows);
  for (uint32_t b = 0; b < kRows; ++b) targets[b] = (b * 37) % kItems;
  TaskArena workers(3);
  std::vector<double> bits;
  for (TaskArena* arena : {static_cast<TaskArena*>(nullptr), &workers}) {
    OpRun fused(DType::kF32, arena), plain(DType::kF64);
    const Var fx = fused.Leaf(x), ft = fused.Leaf(table);
    const Var px = plain.Leaf(x), pt = plain.Leaf(table);
    const Var a = LinearCrossEntropy(fused.tape(), fx, ft, fused.Ids(targets), {}, kRows);
    const Var b = SoftmaxCrossEntropy(plain.tape(), MatMul(plain.tape(), px, pt, true),
                                      plain.Ids(targets), kRows);
    EXPECT_NEAR(fused.tape().Scalar(a), plain.tape().Scalar(b), 1e-6 * plain.tape().Scalar(b));
    fused.tape().Backward(a);
    plain.tape().Backward(b);
    std::vector<double> all;
    for (const auto& [got, want] :
         {std::pair(fused.Grad(fx), plain.Grad(px)), std::pair(fused.Grad(ft), plain.Grad(pt))}) {
      double largest = 0;
      for (const double g : want) largest = std::max(largest, std::abs(g));
      for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-5 * largest);
      all.insert(all.end(), got.begin(), got.end());
    }
    if (bits.empty()) bits = all;
    EXPECT_EQ(all, bits);
  }
}

// The tuned kernels of gates, of the read-out and of softmaxes on every instruction set.
TEST(SequenceKernels, HaveTheSameBitsOnEveryInstructionSet) {
  constexpr int64_t kRows = 5, kDim = 32;
  const auto floats = [](int64_t n, uint32_t seed) {
    const std::vector<double> v = RandomValues({n}, seed).data;
    return std::vector<float>(v.begin(), v.end());
  };
  const std::vector<float> gi = floats(kRows * 3 * kDim, 1), gh = floats(kRows * 3 * kDim, 2);
  const std::vector<float> h = floats(kRows * kDim, 3), g = floats(kRows * kDim, 4);
  const std::vector<int64_t> ptr = {0, 2, 2, 3, 7, 8};
  const std::vector<uint32_t> src = {4, 1, 0, 2, 2, 3, 1, 0};
  std::vector<std::vector<float>> all;
  for (const simd::Target target :
       {simd::Target::kScalar, simd::Target::kAvx2, simd::Target::kAvx512}) {
    const GateKernels& kernels = GetGateKernels(target);
    std::vector<float> out(kRows * kDim), dgi(gi.size(), 0.0f), dgh = dgi, dh(out.size(), 0.0f);
    std::vector<float> weights(src.size()), read(out.size()), dkey(src.size() * kDim),
        dquery(out.size(), 0.0f), dq(out.size());
    kernels.gates({gi.data(), gh.data(), h.data(), out.data(), kDim, true}, 0, kRows);
    kernels.gates_backward(
        {gi.data(), gh.data(), h.data(), g.data(), dgi.data(), dgh.data(), dh.data(), kDim, false},
        0, kRows);
    kernels.read({h.data(), g.data(), h.data(), gi.data(), ptr.data(), src.data(), nullptr,
                  weights.data(), read.data(), kDim, kDim},
                 0, kRows);
    kernels.read_backward({h.data(), g.data(), h.data(), gi.data(), gh.data(), ptr.data(),
                           src.data(), nullptr, dkey.data(), dquery.data(), dq.data(), kDim, kDim},
                          0, kRows);
    std::vector<float> nodes(out.size());
    const std::vector<uint32_t> rows = {3, 0, 0, 4, 1};
    kernels.graph_gates({gi.data(), gh.data(), g.data(), gh.data(), h.data(), ptr.data(),
                         ptr.data(), src.data(), src.data(), rows.data(), nodes.data(), kDim, true},
                        0, kRows);
    // Three sequences (one empty), 20 keys: of the padding nothing may be seen.
    constexpr int64_t kKeys = 20;
    const std::vector<float> events = floats(8 * kDim, 5), products = floats(8 * kKeys, 6);
    const std::vector<float> norms(kKeys, 1.0f);
    const std::vector<int64_t> event_ptr = {0, 5, 5, 8};
    std::vector<float> z(8 * kKeys), rho(8 * kKeys), padded(8 * 2 * 32);
    kernels.memory_scan({{events.data(), products.data(), nullptr, event_ptr.data(), z.data(),
                          rho.data(), kDim, kKeys, 1e-6f},
                         norms.data(),
                         nullptr},
                        padded.data(), 0, 3);
    std::vector<float> columns(kDim * 32, 0.0f), shares(3 * kKeys), answers(3 * kDim);
    for (int64_t i = 0; i < kKeys * kDim; ++i) columns[i % kDim * 32 + i / kDim] = gi[i % 400];
    const std::vector<float> keys = floats(kKeys * kDim, 7);
    const std::vector<uint32_t> sequence = {0, 0, 2}, last = {0, 4, 7};
    kernels.memory_read({{events.data(), products.data(), keys.data(), event_ptr.data(), z.data(),
                          rho.data(), kDim, kKeys, 1e-6f},
                         h.data(),
                         sequence.data(),
                         last.data(),
                         shares.data(),
                         nullptr,
                         answers.data(),
                         2},
                        columns.data(), 0, 3);
    const SoftmaxKernels& softmax = GetSoftmaxKernels(target);
    std::vector<float> x = gi;
    const int64_t n = static_cast<int64_t>(x.size()) / 16 * 16;
    const float top = softmax.max(x.data(), n), sum = softmax.exp_sum(x.data(), n, top);
    softmax.exp_scale(x.data(), n, top, 1 / sum);
    std::vector<float> bits = {top, sum};
    for (const auto* part : {&out, &nodes, &z, &rho, &shares, &answers, &dgi, &dgh, &dh, &weights,
                             &read, &dkey, &dquery, &dq, &x}) {
      bits.insert(bits.end(), part->begin(), part->end());
    }
    all.push_back(std::move(bits));
  }
  EXPECT_EQ(all[0], all[1]);
  EXPECT_EQ(all[0], all[2]);
}

// More sequences than a tile, one of them empty; widths with and without a tuned kernel.
TEST(SequenceKernels, LastStatesAreThoseOfTheSequence) {
  for (const int64_t d : {12, 32}) {
    std::vector<int64_t> ptr = {0};
    for (int64_t s = 0; s < 70; ++s) ptr.push_back(ptr.back() + (s == 5 ? 0 : 1 + s % 4));
    const std::vector<uint32_t> rows = RandomRowIds(ptr.back(), 9, 3);
    std::vector<uint32_t> last;
    for (size_t s = 0; s + 1 < ptr.size(); ++s) {
      if (ptr[s] < ptr[s + 1]) last.push_back(static_cast<uint32_t>(ptr[s + 1] - 1));
    }
    OpRun run(DType::kF32);
    Tape& tape = run.tape();
    const Var table = run.Leaf(RandomValues({9, 3 * d}, 1)),
              w = run.Leaf(RandomValues({d, 3 * d}, 2));
    const Var all = GruSequence(tape, GatherRows(tape, table, run.Ids(rows)), w, Var{},
                                run.Offsets(ptr), UpdateGate::kKeepsOld);
    std::vector<double> want = run.Value(GatherRows(tape, all, run.Ids(last)));
    want.insert(want.begin() + 5 * d, d, 0.0);
    EXPECT_EQ(run.Value(GruLastStates(tape, table, run.Ids(rows), w, run.Offsets(ptr),
                                      UpdateGate::kKeepsOld)),
              want);
  }
}

// The kernel of a graph's step has the bits of the operators that it stands for.
TEST(SequenceKernels, AGraphStepIsItsOperators) {
  constexpr int64_t kRows = 5, kDim = 32;
  OpRun r(DType::kF32);
  Tape& tape = r.tape();
  const Var in = r.Leaf(RandomValues({kRows, 3 * kDim}, 1));
  const Var out = r.Leaf(RandomValues({kRows, 3 * kDim}, 2));
  const Var hidden = r.Leaf(RandomValues({kRows, 3 * kDim}, 3));
  const Var state = r.Leaf(RandomValues({kRows, kDim}, 4));
  const Var bias = r.Leaf(RandomValues({3 * kDim}, 5));
  const std::vector<int64_t> in_ptr = {0, 2, 2, 3, 7}, out_ptr = {0, 1, 4, 6, 6};
  const std::vector<uint32_t> in_row = {4, 1, 0, 2, 2, 3, 1}, out_row = {3, 0, 1, 2, 4, 4};
  const std::vector<uint32_t> rows = {3, 0, 0, 4};
  const auto nodes = static_cast<int64_t>(rows.size());
  for (const bool keeps_old : {false, true}) {
    const Var messages =
        AddBias(tape,
                Add(tape, SegmentReduce(tape, in, r.Offsets(in_ptr), r.Ids(in_row), Reduce::kMean),
                    SegmentReduce(tape, out, r.Offsets(out_ptr), r.Ids(out_row), Reduce::kMean)),
                bias);
    const Tensor want = tape.value(GruGates(
        tape, messages, GatherRows(tape, hidden, r.Ids(rows)), GatherRows(tape, state, r.Ids(rows)),
        keeps_old ? UpdateGate::kKeepsOld : UpdateGate::kTakesNew));
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    std::vector<float> got(nodes * kDim);
    const auto data = [&](Var v) { return tape.value(v).as<float>(); };
    GetGateKernels().graph_gates(
        {data(in), data(out), data(bias), data(hidden), data(state), in_ptr.data(), out_ptr.data(),
         in_row.data(), out_row.data(), rows.data(), got.data(), kDim, keeps_old},
        0, nodes);
    EXPECT_EQ(got, std::vector<float>(want.as<float>(), want.as<float>() + want.size()));
  }
}

// Products of the sizes that training has, on threads: the same bits every time.
TEST(SequenceKernels, HaveTheSameBitsOnThreads) {
  constexpr int64_t kRows = 512, kItems = 1700, kDim = 64, kSlots = 4000;
  const auto run = [&](int op, TaskArena* workers) {
    OpRun r(DType::kF32, workers);
    Tape& tape = r.tape();
    const Var x = r.Leaf(RandomValues({kRows, kDim}, 1));
    const Var table = r.Leaf(RandomValues({kItems, kDim}, 2));
    Var out;
    if (op == 0) {
      std::vector<uint32_t> targets;
      for (uint32_t b = 0; b < kRows; ++b) targets.push_back(b * 3);
      out = LinearCrossEntropy(tape, x, table, r.Ids(targets), {}, kRows);
    } else if (op == 1) {
      const Var w = r.Leaf(RandomValues({3 * kDim, kDim}, 3));
      out = Sum(tape, MatMul(tape, table, w, true));
    } else {
      std::vector<int64_t> ptr;
      std::vector<uint32_t> src;
      for (int64_t b = 0; b <= kRows; ++b) ptr.push_back(b * kSlots / kRows);
      for (uint32_t e = 0; e < kSlots; ++e) src.push_back(e * 7 % kItems);
      const Var q = r.Leaf(RandomValues({kDim}, 4));
      const Var y = SoftRead(tape, x, table, table, q, r.Offsets(ptr), r.Ids(src), Tensor{});
      out = Sum(tape, AddBias(tape, y, q));
    }
    tape.Backward(out);
    EXPECT_TRUE(tape.status().ok()) << tape.status();
    std::vector<double> bits = r.Grad(x), more = r.Grad(table);
    bits.insert(bits.end(), more.begin(), more.end());
    bits.push_back(tape.Scalar(out));
    return bits;
  };
  TaskArena workers(4);
  for (const int op : {0, 1, 2}) {
    const std::vector<double> alone = run(op, nullptr);
    for (int i = 0; i < 40; ++i) ASSERT_EQ(run(op, &workers), alone) << "operator " << op;
  }
}

}  // namespace
}  // namespace undula::propagation
