// Gradients of the operators along edges: attention over segments and groups, mixes by relation,
// products with relation matrices (op_gradient.h).
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "propagation/ops/attention_read.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/segment_attention.h"
#include "propagation/ops/segment_softmax.h"
#include "propagation/ops/weight_sum.h"
#include "tests/propagation/op_gradient.h"

namespace undula::propagation {
namespace {

std::vector<GradientCase> RelationGemvCases(int64_t d) {
  std::vector<GradientCase> cases;
  const auto add = [&](std::string name, int64_t a, int64_t b, int64_t n,
                       std::vector<uint32_t> relations) {
    for (const bool transpose : {false, true}) {
      const auto edges = static_cast<int64_t>(relations.size());
      const auto sources =
          n == 0 ? std::vector<uint32_t>{} : RandomRowIds(edges, static_cast<uint32_t>(n), 5);
      cases.push_back({name + (transpose ? " transposed" : ""),
                       {RandomValues({3, a, b}, 2), RandomValues({n, transpose ? a : b}, 3)},
                       [=](OpRun& run, const Leaves& x) {
                         return RelationGemv(run.tape(), x[0], x[1], run.Ids(relations),
                                             run.Ids(sources), transpose);
                       }});
    }
  };
  add("ascending", d, d, 5, {0, 0, 1, 1, 1, 2, 2});
  add("mixed", d, d, 5, {2, 0, 2, 1, 0, 0, 2, 2});
  add("one relation unused", d, d, 5, {2, 0, 2});
  add("rectangular", d, 3, 4, {1, 0, 1});
  add("no edges", d, d, 0, {});
  if (d <= 4) add("several tiles", d, d, 9, RandomRowIds(200, 2, 8));
  return cases;
}

std::vector<GradientCase> AttentionReadCases(int64_t d) {
  std::vector<GradientCase> cases;
  const std::pair<int64_t, int64_t> sizes[] = {{3, 4}, {2, 1}, {2, 0}, {0, 3}};
  for (const auto& [batch, slots] : sizes) {
    cases.push_back({"B " + std::to_string(batch) + " R " + std::to_string(slots),
                     {RandomValues({batch, d}, 1), RandomValues({slots, d}, 2),
                      RandomValues({batch, slots, d + 1}, 3)},
                     [](OpRun& run, const Leaves& x) {
                       return AttentionRead(run.tape(), x[0], x[1], x[2], 1.3, nullptr);
                     }});
  }
  return cases;
}

std::vector<GradientCase> SegmentSoftmaxCases(int64_t d) {
  return {{"segments",
           {RandomValues({11}, static_cast<uint32_t>(d))},
           [](OpRun& run, const Leaves& x) {
             return SegmentSoftmax(run.tape(), x[0], run.Offsets(kSegments));
           }},
          {"one segment",
           {RandomValues({d}, 2)},
           [d](OpRun& run, const Leaves& x) {
             return SegmentSoftmax(run.tape(), x[0], run.Offsets({0, d}));
           }},
          {"none", {RandomValues({0}, 2)}, [](OpRun& run, const Leaves& x) {
             return SegmentSoftmax(run.tape(), x[0], run.Offsets({0, 0}));
           }}};
}

std::vector<GradientCase> SegmentAttentionCases(int64_t d) {
  return {{"sources",
           {RandomValues({5, d}, 1), RandomValues({6, d}, 2), RandomValues({6, d + 2}, 3)},
           [](OpRun& run, const Leaves& x) {
             return SegmentAttention(run.tape(), x[0], x[1], x[2], run.Offsets(kSegments),
                                     run.Ids({3, 1, 0, 5, 3, 1, 1, 4, 0, 3, 2}), 0.7, nullptr);
           }},
          {"identity",
           {RandomValues({5, d}, 1), RandomValues({11, d}, 2), RandomValues({11, d}, 3)},
           [](OpRun& run, const Leaves& x) {
             return SegmentAttention(run.tape(), x[0], x[1], x[2], run.Offsets(kSegments), Tensor{},
                                     0.7, nullptr);
           }},
          {"one table",
           {RandomValues({5, d}, 1)},
           [](OpRun& run, const Leaves& x) {
             return SegmentAttention(run.tape(), x[0], x[0], x[0], run.Offsets(kSegments),
                                     run.Ids({3, 1, 0, 4, 3, 1, 1, 4, 0, 3, 2}), 0.7, nullptr);
           }},
          {"empty",
           {RandomValues({2, d}, 1), RandomValues({0, d}, 2), RandomValues({0, d}, 3)},
           [](OpRun& run, const Leaves& x) {
             return SegmentAttention(run.tape(), x[0], x[1], x[2], run.Offsets({0, 0, 0}),
                                     run.Ids({}), 1, nullptr);
           }}};
}

std::vector<GradientCase> GroupAttentionCases(int64_t d) {
  std::vector<GradientCase> cases;
  for (const bool counts : {false, true}) {
    // Groups of 2, 0, 3 and 1 rows with 3, 2, 0 and 5 slots; the arrays are views into longer ones.
    cases.push_back({counts ? "counts" : "plain",
                     {RandomValues({6, d}, 1), RandomValues({4, d}, 2), RandomValues({5, d}, 3)},
                     [=](OpRun& run, const Leaves& x) {
                       GroupSlots slots;
                       slots.row_ptr = run.Offsets({4, 6, 6, 9, 10});
                       slots.slot_ptr = run.Offsets({2, 5, 7, 7, 12});
                       slots.key_row = run.Ids({0, 0, 1, 3, 1, 2, 0, 3, 3, 2, 1, 0});
                       slots.value_row = run.Ids({0, 0, 4, 4, 2, 1, 0, 3, 2, 2, 1, 4});
                       if (counts) {
                         slots.count = run.Floats({1, 1, 2, 1, 3, 1, 1, 4, 1, 2, 1, 1});
                       }
                       return GroupAttention(run.tape(), x[0], x[1], x[2], slots, nullptr);
                     }});
  }
  cases.push_back({"wider values",
                   {RandomValues({3, d}, 1), RandomValues({4, d}, 2), RandomValues({4, d + 3}, 3)},
                   [](OpRun& run, const Leaves& x) {
                     GroupSlots slots;
                     slots.row_ptr = run.Offsets({0, 3});
                     slots.slot_ptr = run.Offsets({0, 20});
                     slots.key_row = run.Ids(RandomRowIds(20, 4, 1));
                     slots.value_row = run.Ids(RandomRowIds(20, 4, 2));
                     return GroupAttention(run.tape(), x[0], x[1], x[2], slots, nullptr);
                   }});
  cases.push_back({"no groups",
                   {RandomValues({0, d}, 1), RandomValues({0, d}, 2), RandomValues({0, d}, 3)},
                   [](OpRun& run, const Leaves& x) {
                     GroupSlots slots;
                     slots.row_ptr = run.Offsets({0});
                     slots.slot_ptr = run.Offsets({0});
                     slots.key_row = run.Ids({});
                     slots.value_row = run.Ids({});
                     return GroupAttention(run.tape(), x[0], x[1], x[2], slots, nullptr);
                   }});
  return cases;
}

std::vector<GradientCase> RelationMixCases(int64_t d) {
  std::vector<GradientCase> cases;
  const auto slots_of = [](OpRun& run, bool counts, bool rows) {
    // Groups of 2, 0, 3 and 1 rows with 3, 2, 0 and 6 slots.
    RelationSlots s;
    s.row_ptr = run.Offsets({0, 2, 2, 5, 6});
    s.slot_ptr = run.Offsets({0, 3, 5, 5, 11});
    s.relation = run.Ids({0, 0, 3, 1, 2, 0, 1, 1, 2, 3, 3});
    if (rows) s.value_row = run.Ids({0, 4, 4, 2, 1, 0, 3, 2, 2, 1, 4});
    if (counts) s.count = run.Floats({1, 2, 1, 3, 1, 1, 4, 1, 2, 1, 1});
    return s;
  };
  for (const Activation activation :
       {Activation::kNone, Activation::kTanh, Activation::kRelu, Activation::kSigmoid}) {
    for (const bool counts : {false, true}) {
      cases.push_back({"base" + std::to_string(static_cast<int>(activation)),
                       {RandomValues({6, d}, 1), RandomValues({4, d}, 2), RandomValues({5, d}, 3),
                        RandomValues({4, d}, 4)},
                       [=](OpRun& run, const Leaves& x) {
                         return RelationMix(run.tape(), x[0], x[1], x[2], x[3],
                                            slots_of(run, counts, true), 0.6, 1.5, activation,
                                            nullptr);
                       }});
      cases.push_back({"own values" + std::to_string(static_cast<int>(activation)),
                       {RandomValues({6, d}, 1), RandomValues({4, d}, 2), RandomValues({11, 3}, 3)},
                       [=](OpRun& run, const Leaves& x) {
                         return RelationMix(run.tape(), x[0], x[1], x[2], Var{},
                                            slots_of(run, counts, false), 1.3, 0.25, activation,
                                            nullptr);
                       }});
    }
  }
  cases.push_back({"numbers",
                   {RandomValues({6, d}, 1), RandomValues({4, d}, 2), RandomValues({5, 1}, 3),
                    RandomValues({4, 1}, 4)},
                   [=](OpRun& run, const Leaves& x) {
                     return RelationMix(run.tape(), x[0], x[1], x[2], x[3],
                                        slots_of(run, true, true), 0.6, 1.5, Activation::kNone,
                                        nullptr);
                   }});
  // Relations in use only, and so many that a table of all scores does not pay.
  for (const int64_t relations : {4, 40}) {
    for (const bool rows : {false, true}) {
      cases.push_back({rows ? "queries of several rows" : "a query per row",
                       {RandomValues({rows ? 3 : 6, d}, 1), RandomValues({relations, d}, 2),
                        RandomValues({5, d}, 3), RandomValues({4, d}, 4)},
                       [=](OpRun& run, const Leaves& x) {
                         RelationSlots s = slots_of(run, true, true);
                         if (rows) s.query_row = run.Ids({2, 0, 0, 2, 0, 0});  // query 1: no row
                         return RelationMix(run.tape(), x[0], x[1], x[2], x[3], s, 0.6, 1.5,
                                            Activation::kTanh, nullptr);
                       }});
    }
  }
  cases.push_back({"many slots and rows",
                   {RandomValues({9, d}, 1), RandomValues({3, d}, 2), RandomValues({41, d}, 3),
                    RandomValues({2, d}, 4)},
                   [](OpRun& run, const Leaves& x) {
                     RelationSlots s;
                     s.row_ptr = run.Offsets({0, 8, 9});
                     s.slot_ptr = run.Offsets({0, 37, 41});
                     s.relation = run.Ids(RandomRowIds(41, 3, 1));
                     return RelationMix(run.tape(), x[0], x[1], x[2], x[3], s, 1, 1,
                                        Activation::kTanh, nullptr);
                   }});
  cases.push_back({"nothing",
                   {RandomValues({0, d}, 1), RandomValues({2, d}, 2), RandomValues({0, d}, 3)},
                   [](OpRun& run, const Leaves& x) {
                     RelationSlots s;
                     s.row_ptr = run.Offsets({0});
                     s.slot_ptr = run.Offsets({0});
                     s.relation = run.Ids({});
                     return RelationMix(run.tape(), x[0], x[1], x[2], Var{}, s, 1, 1,
                                        Activation::kTanh, nullptr);
                   }});
  return cases;
}

// Of `weights` and x, with and without children; a term may name a weight or a child again.
std::vector<GradientCase> WeightSumCases(int64_t d) {
  std::vector<GradientCase> cases;
  const auto terms_of = [](OpRun& run, bool children) {
    WeightTerms t;
    t.ptr = run.Offsets({0, 3, 3, 7, 8});
    t.weight = run.Ids({0, 0, 2, 1, 2, 0, 2, 1});
    t.coefficient = run.Floats({1, -2, 0.5, 3, 1, 0, 4, 1});
    t.child = children ? run.Ids({0, 1, 2, 2, 2, 0, 1, 0}) : run.Ids(std::vector<uint32_t>(8, 0));
    return t;
  };
  cases.push_back({"children",
                   {RandomValues({2 + d}, 1), RandomValues({1 + d}, 2)},
                   [=](OpRun& run, const Leaves& x) {
                     return WeightSum(run.tape(), x[0], x[1], terms_of(run, true), 0.75);
                   }});
  cases.push_back({"no children", {RandomValues({2 + d}, 1)}, [=](OpRun& run, const Leaves& x) {
                     return WeightSum(run.tape(), x[0], Var{}, terms_of(run, false), 1);
                   }});
  cases.push_back(
      {"no terms", {RandomValues({d}, 1), RandomValues({0}, 2)}, [](OpRun& run, const Leaves& x) {
         const WeightTerms t = {run.Offsets({0, 0, 0}), run.Ids({}),
                                run.Floats(std::vector<double>{}), run.Ids({})};
         return WeightSum(run.tape(), x[0], x[1], t, 1);
       }});
  // Of the weights of a RelationMix, beside its output and alone.
  for (const bool alone : {false, true}) {
    cases.push_back({alone ? "of weights alone" : "of weights",
                     {RandomValues({6, d}, 1), RandomValues({4, d}, 2), RandomValues({5, d}, 3)},
                     [=](OpRun& run, const Leaves& x) {
                       RelationSlots s;
                       s.row_ptr = run.Offsets({0, 2, 2, 5, 6});
                       s.slot_ptr = run.Offsets({0, 3, 5, 5, 11});
                       s.relation = run.Ids({0, 0, 3, 1, 2, 0, 1, 1, 2, 3, 3});
                       s.value_row = run.Ids({0, 4, 4, 2, 1, 0, 3, 2, 2, 1, 4});
                       s.count = run.Floats({1, 2, 1, 3, 1, 1, 4, 1, 2, 1, 1});
                       Var weights;
                       const Var mix = RelationMix(run.tape(), x[0], x[1], x[2], Var{}, s, 0.6, 1.5,
                                                   Activation::kTanh, &weights);
                       const Var sum = Sum(run.tape(), WeightSum(run.tape(), weights, Var{},
                                                                 terms_of(run, false), 0.5));
                       return alone ? sum : AddScaled(run.tape(), sum, 1, Sum(run.tape(), mix), 1);
                     }});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Edges, OpGradient,
                         GradientParams({{"RelationGemv", RelationGemvCases},
                                         {"AttentionRead", AttentionReadCases},
                                         {"SegmentSoftmax", SegmentSoftmaxCases},
                                         {"SegmentAttention", SegmentAttentionCases},
                                         {"GroupAttention", GroupAttentionCases},
                                         {"RelationMix", RelationMixCases},
                                         {"WeightSum", WeightSumCases}}),
                         GradientParamName);

}  // namespace
}  // namespace undula::propagation
