// Every operator on a device against the same operator on the CPU: values, and gradients from a
// random upstream gradient; see device_fixture.h.
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "propagation/ops/attention_read.h"
#include "propagation/ops/bias.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/gru.h"
#include "propagation/ops/key_value_memory.h"
#include "propagation/ops/linear.h"
#include "propagation/ops/linear_cross_entropy.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/lstm.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/segment_attention.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/segment_softmax.h"
#include "propagation/ops/shared_negatives.h"
#include "propagation/ops/soft_read.h"
#include "propagation/ops/spmm.h"
#include "propagation/ops/triple_score.h"
#include "propagation/ops/weight_sum.h"
#include "tests/propagation/device_fixture.h"

namespace undula::propagation {
namespace {

struct DeviceCase {
  const char* name;
  void (*body)(DeviceRun& run);
};
void PrintTo(const DeviceCase& c, std::ostream* out) { *out << c.name; }

class DeviceOps : public ::testing::TestWithParam<DeviceCase> {};

TEST_P(DeviceOps, AgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  ExpectDeviceAgrees(device.get(), GetParam().body);
}

class DeviceOpsWithoutBlas : public DeviceOps {};

TEST_P(DeviceOpsWithoutBlas, AgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  SetDeviceBlas(device.get(), false);
  ExpectDeviceAgrees(device.get(), GetParam().body);
}

// Segments of 0, 3, 1, 0, 4 and 40 slots; sources with repeats.
const std::vector<int64_t> kPtr = {0, 0, 3, 4, 4, 8, 48};
std::vector<uint32_t> Sources(uint32_t n, uint32_t rows) {
  std::vector<uint32_t> out(n);
  for (uint32_t i = 0; i < n; ++i) out[i] = (i * i + 3 * i) % rows;
  return out;
}

void Reduction(DeviceRun& run, Reduce reduce, bool with_sources) {
  const Tensor src = with_sources ? run.Ids(Sources(48, 11)) : Tensor{};
  const Var x = run.Leaf({with_sources ? 11 : 48, 7});
  run.Result(SegmentReduce(run.tape(), x, run.Offsets(kPtr), src, reduce));
}

void Relations(DeviceRun& run, bool transpose, bool sorted) {
  std::vector<uint32_t> relations(45);
  for (uint32_t e = 0; e < 45; ++e) relations[e] = sorted ? e / 13 : (5 * e) % 4;
  const Var R = run.Leaf({5, 6, 9});
  const Var x = run.Leaf({12, transpose ? 6 : 9});
  run.Result(
      RelationGemv(run.tape(), R, x, run.Ids(relations), run.Ids(Sources(45, 12)), transpose));
}

// Groups of 3, 0, 2 and 5 query rows that share 4, 2, 0 and 37 slots; `slice` takes the last two of
// them and of the arrays before them nothing.
void Groups(DeviceRun& run, bool counts, bool slice) {
  GroupSlots slots;
  const int64_t first = slice ? 2 : 0;
  const std::vector<int64_t> row_ptr = {0, 3, 3, 5, 10}, slot_ptr = {2, 6, 8, 8, 45};
  slots.row_ptr = run.Offsets({row_ptr.begin() + first, row_ptr.end()});
  slots.slot_ptr = run.Offsets({slot_ptr.begin() + first, slot_ptr.end()});
  slots.key_row = run.Ids(Sources(45, 13));
  slots.value_row = run.Ids(Sources(45, 17));
  if (counts) {
    std::vector<float> count(45);
    for (size_t i = 0; i < count.size(); ++i) count[i] = static_cast<float>(1 + i % 3);
    slots.count = run.Floats(count);
  }
  const Var q = run.Leaf({slice ? 7 : 10, 16});
  const Var keys = run.Leaf({13, 16});
  const Var values = run.Leaf({17, 12});
  Tensor weights;
  run.Result(GroupAttention(run.tape(), q, keys, values, slots, &weights));
  run.Also("weights", weights);
}

// n nodes with 0, 1, 2, ... of `terms` terms over the first 20 weights and `children` - 1 children.
WeightTerms Terms(DeviceRun& run, uint32_t terms, uint32_t children, uint32_t weights) {
  std::vector<int64_t> ptr = {0};
  std::vector<float> coefficient;
  while (ptr.back() < terms) {
    ptr.push_back(std::min<int64_t>(terms, ptr.back() + static_cast<int64_t>(ptr.size()) - 1));
  }
  for (uint32_t i = 0; i < terms; ++i) coefficient.push_back(0.25f * static_cast<float>(i % 7) - 1);
  return WeightTerms{run.Offsets(ptr), run.Ids(Sources(terms, weights)), run.Floats(coefficient),
                     run.Ids(Sources(terms, children))};
}

void Mix(DeviceRun& run, bool value_rows, bool base, Activation activation) {
  RelationSlots slots;
  slots.row_ptr = run.Offsets({0, 2, 2, 5, 6, 7});
  slots.slot_ptr = run.Offsets({0, 3, 5, 5, 8, 45});
  slots.relation = run.Ids(Sources(45, 5));
  if (value_rows) slots.value_row = run.Ids(Sources(45, 13));
  std::vector<float> count(45);
  for (size_t i = 0; i < count.size(); ++i) count[i] = static_cast<float>(1 + i % 3);
  slots.count = run.Floats(count);
  const Var q = run.Leaf({7, 16}), relations = run.Leaf({5, 16});
  const Var values = run.Leaf({value_rows ? 13 : 45, 12});
  Var weights;
  run.Result(RelationMix(run.tape(), q, relations, values, base ? run.Leaf({5, 12}) : Var{}, slots,
                         0.8, 1.5, activation, &weights));
  run.Also("weights", run.tape().value(weights));
  run.Result(WeightSum(run.tape(), weights, Var{}, Terms(run, 40, 1, 20), 1.25));
}

const DeviceCase kMatMulCases[] = {
    {"MatMul",
     [](DeviceRun& run) {
       run.Result(MatMul(run.tape(), run.Leaf({37, 8}), run.Leaf({8, 19})));
     }},
    {"MatMulTransposed",
     [](DeviceRun& run) {
       run.Result(MatMul(run.tape(), run.Leaf({37, 8}), run.Leaf({19, 8}), true));
     }},
    {"MatMulLarge",
     [](DeviceRun& run) {
       const Var a = run.Leaf({33, 70}), b = run.Leaf({70, 66});
       run.Result(MatMul(run.tape(), a, b));
       run.Result(MatMul(run.tape(), a, run.Leaf({40, 70}), true));
     }},
    {"MatMulEmpty",
     [](DeviceRun& run) {
       run.Result(MatMul(run.tape(), run.Leaf({0, 4}), run.Leaf({4, 3})));
       run.Result(MatMul(run.tape(), run.Leaf({3, 0}), run.Leaf({0, 2})));
     }},
};

void Triples(DeviceRun& run, TripleForm form) {
  const Var entities = run.Leaf({11, 37}), relations = run.Leaf({4, 37});
  run.Result(TripleScore(run.tape(), entities, relations, run.Ids(Sources(45, 11)),
                         run.Ids(Sources(45, 4)), run.Ids(Sources(45, 7)), form));
}

const DeviceCase kCases[] = {
    {"Gather",
     [](DeviceRun& run) {
       run.Result(GatherRows(run.tape(), run.Leaf({9, 5}), run.Ids(Sources(40, 9))));
     }},
    {"GatherVector",
     [](DeviceRun& run) {
       run.Result(GatherRows(run.tape(), run.Leaf({9}), run.Ids({8, 0, 8, 8, 1})));
     }},
    {"GatherMatrices",
     [](DeviceRun& run) {
       run.Result(GatherRows(run.tape(), run.Leaf({4, 3, 50}), run.Ids({3, 3, 0})));
     }},
    {"GatherNothing",
     [](DeviceRun& run) {
       run.Result(GatherRows(run.tape(), run.Leaf({4, 3}), run.Ids({})));
     }},
    {"GatherTables",
     [](DeviceRun& run) {
       Parameter* sparse = run.Table("sparse", {30, 6}, true);
       Parameter* dense = run.Table("dense", {7, 33}, false);
       run.Result(GatherRows(run.tape(), sparse, run.Ids(Sources(64, 30))));
       run.Result(GatherRows(run.tape(), sparse, run.Ids({29, 0, 29})));
       run.Result(GatherRows(run.tape(), dense, run.Ids(Sources(20, 7))));
       run.Result(run.tape().Use(dense));
     }},
    {"RelationGemv", [](DeviceRun& run) { Relations(run, false, true); }},
    {"RelationGemvTransposed", [](DeviceRun& run) { Relations(run, true, true); }},
    {"RelationGemvUnsorted", [](DeviceRun& run) { Relations(run, false, false); }},
    {"RelationGemvUnsortedTransposed", [](DeviceRun& run) { Relations(run, true, false); }},
    {"RelationGemvNothing",
     [](DeviceRun& run) {
       run.Result(RelationGemv(run.tape(), run.Leaf({2, 3, 3}), run.Leaf({4, 3}), run.Ids({}),
                               run.Ids({}), false));
     }},
    {"AttentionRead",
     [](DeviceRun& run) {
       Tensor weights;
       run.Result(AttentionRead(run.tape(), run.Leaf({9, 6}), run.Leaf({40, 6}),
                                run.Leaf({9, 40, 5}), 1.5, &weights));
       run.Also("weights", weights);
     }},
    {"AttentionReadNothing",
     [](DeviceRun& run) {
       run.Result(AttentionRead(run.tape(), run.Leaf({3, 6}), run.Leaf({0, 6}), run.Leaf({3, 0, 5}),
                                1, nullptr));
     }},
    {"SegmentSum", [](DeviceRun& run) { Reduction(run, Reduce::kSum, false); }},
    {"SegmentMean", [](DeviceRun& run) { Reduction(run, Reduce::kMean, false); }},
    {"SegmentMax", [](DeviceRun& run) { Reduction(run, Reduce::kMax, false); }},
    {"SegmentSumOfSources", [](DeviceRun& run) { Reduction(run, Reduce::kSum, true); }},
    {"SegmentMeanOfSources", [](DeviceRun& run) { Reduction(run, Reduce::kMean, true); }},
    {"SegmentMaxOfSources", [](DeviceRun& run) { Reduction(run, Reduce::kMax, true); }},
    {"SegmentSumCoversPart",
     [](DeviceRun& run) {
       run.Result(SegmentReduce(run.tape(), run.Leaf({9, 3}), run.Offsets({0, 2, 5}), Tensor{},
                                Reduce::kSum));
       run.Result(SegmentReduce(run.tape(), run.Leaf({4, 3}), run.Offsets({0, 2, 5}),
                                run.Ids({3, 3, 1, 0, 3, 2, 2}), Reduce::kMean));
     }},
    {"SegmentSoftmax",
     [](DeviceRun& run) {
       run.Result(SegmentSoftmax(run.tape(), run.Leaf({48}, 4), run.Offsets(kPtr)));
     }},
    {"SegmentAttention",
     [](DeviceRun& run) {
       Tensor weights;
       run.Result(SegmentAttention(run.tape(), run.Leaf({6, 8}), run.Leaf({48, 8}),
                                   run.Leaf({48, 5}), run.Offsets(kPtr), Tensor{}, 0.7, &weights));
       run.Also("weights", weights);
     }},
    {"SegmentAttentionOfSources",
     [](DeviceRun& run) {
       run.Result(SegmentAttention(run.tape(), run.Leaf({6, 8}), run.Leaf({11, 8}),
                                   run.Leaf({11, 5}), run.Offsets(kPtr), run.Ids(Sources(48, 11)),
                                   0.7, nullptr));
     }},
    {"SegmentAttentionOfOneTable",
     [](DeviceRun& run) {
       const Var x = run.Leaf({6, 8});
       run.Result(SegmentAttention(run.tape(), x, x, x, run.Offsets(kPtr), run.Ids(Sources(48, 6)),
                                   0.3, nullptr));
     }},
    {"GroupAttention", [](DeviceRun& run) { Groups(run, false, false); }},
    {"GroupAttentionCounts", [](DeviceRun& run) { Groups(run, true, false); }},
    {"GroupAttentionSlice", [](DeviceRun& run) { Groups(run, true, true); }},
    {"RelationMix", [](DeviceRun& run) { Mix(run, false, true, Activation::kTanh); }},
    {"RelationMixRows", [](DeviceRun& run) { Mix(run, true, false, Activation::kNone); }},
    {"RelationMixRelu", [](DeviceRun& run) { Mix(run, true, true, Activation::kRelu); }},
    {"WeightSum",
     [](DeviceRun& run) {
       run.Result(
           WeightSum(run.tape(), run.Leaf({20}, 3), run.Leaf({9}), Terms(run, 50, 10, 20), 0.7));
     }},
    {"RowNormalize",
     [](DeviceRun& run) {
       std::vector<float> x = RandomFloats(5 * 40, 3);
       std::fill(x.begin() + 40, x.begin() + 80, 0.0f);
       run.Result(RowNormalize(run.tape(), run.Leaf({5, 40}, x)));
     }},
    {"NormalizeRows",
     [](DeviceRun& run) {
       Parameter* table = run.Table("table", {9, 40}, true);
       NormalizeRows(run.tape(), table, run.Ids({1, 4, 8}));
       run.Result(GatherRows(run.tape(), table, run.Ids({0, 1, 4, 8})));
     }},
    {"AddBias",
     [](DeviceRun& run) {
       run.Result(AddBias(run.tape(), run.Leaf({40, 70}), run.Leaf({70})));
     }},
    {"GruGates",
     [](DeviceRun& run) {
       run.Result(GruGates(run.tape(), run.Leaf({6, 57}, 2), run.Leaf({6, 57}, 2),
                           run.Leaf({6, 19}), UpdateGate::kTakesNew));
     }},
    {"GruSequence",
     [](DeviceRun& run) {
       run.Result(GruSequence(run.tape(), run.Leaf({11, 57}), run.Leaf({19, 57}, 0.3),
                              run.Leaf({57}), run.Offsets({0, 4, 4, 5, 11}),
                              UpdateGate::kKeepsOld));
     }},
    {"SoftRead",
     [](DeviceRun& run) {
       run.Result(SoftRead(run.tape(), run.Leaf({6, 37}), run.Leaf({9, 37}), run.Leaf({9, 20}),
                           run.Leaf({37}), run.Offsets(kPtr), run.Ids(Sources(48, 9)), Tensor{}));
     }},
    {"MemoryWrite",
     [](DeviceRun& run) {
       run.Result(MemoryWrite(run.tape(), run.Leaf({5, 7, 9})));
     }},
    {"MemoryRead",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       const Var events = run.Leaf({9, 20}, 0.5), keys = run.Leaf({35, 20}, 0.5);
       const MemoryPlan plan{run.Offsets({0, 6, 6, 9}), run.Offsets({0, 3, 3, 4}),
                             run.Ids({1, 1, 5, 8}), 1e-6};
       Tensor weights;
       run.Result(MemoryRead(tape, events, MatMul(tape, events, keys, true), keys,
                             run.Leaf({4, 20}), 2, plan, &weights));
       run.Also("weights", weights);
     }},
    {"LinearCrossEntropy",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       run.Result(LinearCrossEntropy(tape, run.Leaf({9, 21}), run.Leaf({45, 21}),
                                     run.Ids(Sources(9, 45)), {}, 9));
       SampledCandidates candidates;
       candidates.offset = run.Floats(std::vector<float>(45, 0.5f));
       candidates.target_offset = run.Floats(std::vector<float>(9, 0.25f));
       run.Result(LinearCrossEntropy(tape, run.Leaf({9, 21}), run.Leaf({45, 21}),
                                     run.Ids(Sources(9, 45)), candidates, 9));
     }},
    {"Spmm",
     [](DeviceRun& run) {
       // Rows of 0, 3 and 2 entries over 4 rows of x.
       run.Result(
           Spmm(run.tape(), run.Leaf({4, 37}), run.Leaf({5}),
                {run.Offsets({0, 0, 3, 5}), run.Ids({3, 0, 3, 1, 0}), run.Offsets({0, 2, 3, 3, 5}),
                 run.Ids({1, 2, 2, 1, 1}), run.Ids({1, 4, 3, 0, 2})}));
     }},
    {"Linear",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       const Var a = run.Leaf({70, 19}), wa = run.Leaf({33, 19});
       const Var b = run.Leaf({70, 5}), wb = run.Leaf({33, 5}), bias = run.Leaf({33});
       for (const Activation act :
            {Activation::kNone, Activation::kRelu, Activation::kTanh, Activation::kSigmoid}) {
         run.Result(Linear(tape, a, wa, b, wb, bias, act));
       }
       run.Result(Linear(tape, a, wa, Var{}, Activation::kRelu));
     }},
    {"SharedNegatives",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       const Var q = run.Leaf({9, 21}), positive = run.Leaf({9}), n = run.Leaf({45, 21});
       const ExcludedNegatives excluded = {run.Offsets({0, 2, 2, 2, 3, 3, 3, 3, 3, 4}),
                                           run.Ids({1, 44, 7, 0})};
       for (const PairForm form : {PairForm::kMargin, PairForm::kBpr, PairForm::kLogistic}) {
         run.Result(SharedNegativeLoss(tape, q, positive, n, excluded, form, 0.37, 9));
         run.Result(SharedNegativeLoss(tape, q, positive, n, {}, form, 0.37, 9));
       }
     }},
    {"Lstm",
     [](DeviceRun& run) {
       static LstmScratch scratch[2];
       static int turn = 0;
       static const std::vector<int64_t> ptr = {0, 2, 2, 5, 6};
       static const std::vector<uint32_t> src = {1, 0, 3, 3, 2, 1};
       run.Result(
           LstmLastStates(run.tape(), run.Leaf({4, 7}), ptr, src,
                          {run.Leaf({20, 7}), run.Leaf({20, 5}), run.Leaf({20}), run.Leaf({20})},
                          &scratch[turn++ % 2]));
     }},
    {"TripleL1", [](DeviceRun& run) { Triples(run, TripleForm::kL1); }},
    {"TripleL2", [](DeviceRun& run) { Triples(run, TripleForm::kL2); }},
    {"TripleSquaredL2", [](DeviceRun& run) { Triples(run, TripleForm::kSquaredL2); }},
    {"TripleProduct", [](DeviceRun& run) { Triples(run, TripleForm::kProduct); }},
    {"ProjectToHyperplane",
     [](DeviceRun& run) {
       run.Result(ProjectToHyperplane(run.tape(), run.Leaf({6, 37}), run.Leaf({6, 37})));
     }},
    {"Elementwise",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       const Var a = run.Leaf({50, 41}, 3), b = run.Leaf({50, 41});
       run.Result(Add(tape, a, b));
       run.Result(Sub(tape, a, b));
       run.Result(Mul(tape, a, b));
       run.Result(Scale(tape, a, -0.3));
       run.Result(Sigmoid(tape, a));
       run.Result(Tanh(tape, a));
       run.Result(Relu(tape, a));
       run.Result(RowDot(tape, a, b));
       run.Result(AddScaled(tape, Sum(tape, a), 0.25, Sum(tape, Mul(tape, b, b)), -2));
     }},
    {"Losses",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       std::vector<float> labels(1500), weights(1500);
       for (size_t i = 0; i < labels.size(); ++i) {
         labels[i] = static_cast<float>(i % 2);
         weights[i] = static_cast<float>(i % 5) * 0.5f;
       }
       const Var x = run.Leaf({1500}, 6), y = run.Leaf({1500});
       run.Result(BceLogits(tape, x, run.Floats(labels), 1500));
       run.Result(PairLoss(tape, x, y, 32));
       run.Result(MarginLoss(tape, x, y, 0.5, 32));
       run.Result(BceProbabilities(tape, Sigmoid(tape, x), run.Floats(labels), 1500));
       run.Result(WeightedSigmoidSum(tape, x, run.Floats(weights), 0.01));
       run.Result(WeightedSigmoidSum(tape, y, Tensor{}, -1));
       run.Result(SoftmaxCrossEntropy(tape, run.Leaf({20, 45}, 5), run.Ids(Sources(20, 45)), 20));
       const Var z = run.Leaf({1500, 3});
       run.Result(WeightedSquaredNorm(tape, z, run.Floats(weights), 0.5));
       run.Result(WeightedSquaredNorm(tape, run.Leaf({3, 4, 5}), Tensor{}, 2));
     }},
    {"LossesOfNothing",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       run.Result(BceLogits(tape, run.Leaf({0}), run.Floats({}), 8));
       run.Result(Sum(tape, run.Leaf({0, 4})));
       run.Result(WeightedSquaredNorm(tape, run.Leaf({0, 4}), Tensor{}, 1));
     }},
    {"Chain",
     [](DeviceRun& run) {
       Tape& tape = run.tape();
       const Var x = run.Leaf({8, 16});
       const Var h = Tanh(tape, MatMul(tape, GatherRows(tape, x, run.Ids(Sources(30, 8))),
                                       run.Leaf({16, 16}, 0.5)));
       run.Result(Sum(tape, RowDot(tape, RowNormalize(tape, h), Add(tape, h, h))));
     }},
};

INSTANTIATE_TEST_SUITE_P(Cases, DeviceOps, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(MatMul, DeviceOps, ::testing::ValuesIn(kMatMulCases),
                         [](const auto& info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(MatMul, DeviceOpsWithoutBlas, ::testing::ValuesIn(kMatMulCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace undula::propagation
