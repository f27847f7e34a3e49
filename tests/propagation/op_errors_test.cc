// Errors of the operators: they name the operator and the shapes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/status.h"
#include "propagation/ops/attention_read.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/segment_attention.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/segment_softmax.h"
#include "tests/propagation/op_run.h"

namespace undula::propagation {
namespace {

using testing::HasSubstr;

// Errors: the tape keeps the first one, every later operator returns an invalid Var.
struct BadCase {
  const char* name;
  std::function<Var(OpRun&)> build;
  std::vector<const char*> message;
};

TEST(OpErrors, BadInputsNameTheOperatorAndTheShapes) {
  const auto leaf = [](OpRun& run, std::vector<int64_t> shape) {
    return run.Leaf(RandomValues(std::move(shape), 1));
  };
  const std::vector<BadCase> cases = {
      {"gather row",
       [&](OpRun& r) {
         return GatherRows(r.tape(), leaf(r, {3, 2}), r.Ids({0, 3}));
       },
       {"GatherRows", "contains 3", "3 rows"}},
      {"gather type",
       [&](OpRun& r) {
         return GatherRows(r.tape(), leaf(r, {3, 2}), r.Offsets({0}));
       },
       {"GatherRows", "uint32", "int64 [1]"}},
      {"no table",
       [&](OpRun& r) { return GatherRows(r.tape(), static_cast<Parameter*>(nullptr), r.Ids({})); },
       {"GatherRows", "no table"}},
      {"matmul",
       [&](OpRun& r) {
         return MatMul(r.tape(), leaf(r, {2, 3}), leaf(r, {4, 5}));
       },
       {"MatMul", "float32 [2, 3]", "float32 [4, 5]"}},
      {"gemv",
       [&](OpRun& r) {
         return RelationGemv(r.tape(), leaf(r, {2, 3, 3}), leaf(r, {4, 2}), r.Ids({0}), r.Ids({0}),
                             false);
       },
       {"RelationGemv", "[2, 3, 3]", "[4, 2]"}},
      {"gemv edges",
       [&](OpRun& r) {
         return RelationGemv(r.tape(), leaf(r, {2, 3, 3}), leaf(r, {4, 3}), r.Ids({0, 1}),
                             r.Ids({0}), false);
       },
       {"RelationGemv", "2 relations", "1 sources"}},
      {"read",
       [&](OpRun& r) {
         return AttentionRead(r.tape(), leaf(r, {2, 3}), leaf(r, {4, 3}), leaf(r, {2, 5, 3}), 1,
                              nullptr);
       },
       {"AttentionRead", "[2, 5, 3]"}},
      {"descending",
       [&](OpRun& r) {
         return SegmentReduce(r.tape(), leaf(r, {3, 2}), r.Offsets({0, 2, 1}), Tensor{},
                              Reduce::kSum);
       },
       {"SegmentReduce", "ptr"}},
      {"ptr past the end",
       [&](OpRun& r) {
         return SegmentSoftmax(r.tape(), leaf(r, {3}), r.Offsets({0, 4}));
       },
       {"SegmentSoftmax", "at most 3"}},
      {"uncovered",
       [&](OpRun& r) {
         return SegmentSoftmax(r.tape(), leaf(r, {3}), r.Offsets({0, 2}));
       },
       {"SegmentSoftmax", "2 of 3"}},
      {"queries",
       [&](OpRun& r) {
         const Var x = leaf(r, {3, 2});
         return SegmentAttention(r.tape(), x, x, x, r.Offsets({0, 1}), r.Ids({0}), 1, nullptr);
       },
       {"SegmentAttention", "2 entries for 3"}},
      {"group rows",
       [&](OpRun& r) {
         const Var x = leaf(r, {3, 2});
         const GroupSlots slots{r.Offsets({0, 2}), r.Offsets({0, 1}), r.Ids({0}), r.Ids({0}), {}};
         return GroupAttention(r.tape(), x, x, x, slots, nullptr);
       },
       {"GroupAttention", "covers 2", "[3, 2]"}},
      {"add",
       [&](OpRun& r) {
         return Add(r.tape(), leaf(r, {2, 3}), leaf(r, {3, 2}));
       },
       {"Add", "[2, 3]", "[3, 2]"}},
      {"labels",
       [&](OpRun& r) {
         return BceLogits(r.tape(), leaf(r, {3}), r.Floats({1.0, 0.0}), 1);
       },
       {"BceLogits", "labels", "float32 [3]", "float32 [2]"}},
      {"divisor",
       [&](OpRun& r) { return BceLogits(r.tape(), leaf(r, {1}), r.Floats({1.0}), 0); },
       {"BceLogits", "positive"}},
      {"targets",
       [&](OpRun& r) {
         return SoftmaxCrossEntropy(r.tape(), leaf(r, {1, 3}), r.Ids({3}), 1);
       },
       {"SoftmaxCrossEntropy", "contains 3"}},
      {"scalars",
       [&](OpRun& r) { return AddScaled(r.tape(), leaf(r, {2}), 1, Var{}, 1); },
       {"AddScaled", "scalars"}},
      {"invalid input", [&](OpRun& r) { return Tanh(r.tape(), Var{}); }, {"Tanh", "input 1"}},
  };
  for (const BadCase& c : cases) {
    SCOPED_TRACE(c.name);
    OpRun run(DType::kF32);
    EXPECT_FALSE(c.build(run).valid());
    const absl::Status status = run.tape().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    for (const char* part : c.message) {
      EXPECT_THAT(std::string(Message(status)), HasSubstr(part));
    }
    // Sticky: nothing works any more, and nothing crashes.
    const Var later = Tanh(run.tape(), run.Leaf(RandomValues({2}, 1)));
    EXPECT_FALSE(later.valid());
    EXPECT_TRUE(run.tape().value(later).empty());
    run.tape().Backward(later);
    EXPECT_EQ(run.tape().status(), status);
  }
}

}  // namespace
}  // namespace undula::propagation
