// Every pinsage_* and graphsage_* oracle: layers, outputs, loss and gradients, in float64 and
// float32.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "models/convolution/layers.h"
#include "models/convolution/plan.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/shared_negatives.h"
#include "tests/conformance/oracle_file.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::GatherRows;
using propagation::Parameter;
using propagation::ParameterSet;
using propagation::RowDot;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

std::vector<double> ToDoubles(const Tensor& t) {
  if (t.dtype == DType::kF64) return {t.as<double>(), t.as<double>() + t.size()};
  return {t.as<float>(), t.as<float>() + t.size()};
}

// Our name -> (their name, the first and the last of its columns; -1: to the end).
struct Theirs {
  std::string name;
  int64_t begin = 0, end = -1;
};
std::map<std::string, Theirs> PinSageNames(int64_t in_dim, int64_t layers) {
  std::map<std::string, Theirs> out = {
      {"head_1", {"G1"}}, {"head_bias", {"g"}}, {"head_2", {"G2"}}};
  for (int64_t k = 0; k < layers; ++k) {
    const std::string n = std::to_string(k);
    out["q_" + n] = {"Q" + n};
    out["q_bias_" + n] = {"q" + n};
    out["self_" + n] = {"W" + n, 0, in_dim};
    out["pooled_" + n] = {"W" + n, in_dim};
    out["bias_" + n] = {"w" + n};
  }
  return out;
}
std::map<std::string, Theirs> GraphSageNames(int64_t layers) {
  std::map<std::string, Theirs> out;
  const std::pair<const char*, const char*> names[] = {{"self_", "W_self_"},
                                                       {"neighbor_", "W_nbr_"},
                                                       {"pool_", "P_"},
                                                       {"pool_bias_", "p_"},
                                                       {"lstm_input_", "lstm_w_ih_"},
                                                       {"lstm_hidden_", "lstm_w_hh_"},
                                                       {"lstm_input_bias_", "lstm_b_ih_"},
                                                       {"lstm_hidden_bias_", "lstm_b_hh_"}};
  for (int64_t k = 0; k < layers; ++k) {
    for (const auto& [ours, theirs] : names) {
      out[ours + std::to_string(k)] = {theirs + std::to_string(k)};
    }
  }
  return out;
}

std::vector<double> Columns(const OracleTensor& t, const Theirs& part) {
  if (t.shape.size() == 1) return t.data;
  const int64_t cols = t.shape[1], end = part.end < 0 ? cols : part.end;
  std::vector<double> out;
  for (int64_t r = 0; r < t.shape[0]; ++r) {
    out.insert(out.end(), t.data.begin() + r * cols + part.begin, t.data.begin() + r * cols + end);
  }
  return out;
}

class ConvolutionOracle : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto oracle = ReadOracle(GetParam());
    ASSERT_TRUE(oracle.ok()) << oracle.status();
    oracle_ = *std::move(oracle);
    sage_ = oracle_.model == "GraphSAGE";
    options_.sage = sage_;
    options_.layers = sage_ ? 2 : static_cast<int64_t>(oracle_.number("layers"));
    options_.dim = static_cast<int64_t>(oracle_.number("dim"));
    options_.in_dim = sage_ ? options_.dim : static_cast<int64_t>(oracle_.number("in_dim"));
    options_.hidden = sage_ ? options_.dim : static_cast<int64_t>(oracle_.number("hidden"));
    const std::string pooling = oracle_.text("pooling"), aggregator = oracle_.text("aggregator");
    options_.pooling = pooling == "max"    ? Pooling::kMax
                       : pooling == "mean" ? Pooling::kMean
                                           : Pooling::kImportance;
    options_.aggregator = aggregator == "gcn"        ? Aggregator::kGcn
                          : aggregator == "max_pool" ? Aggregator::kMaxPool
                          : aggregator == "lstm"     ? Aggregator::kLstm
                                                     : Aggregator::kMean;
    lists_.ptr = oracle_.inputs.at("ptr").integers();
    lists_.item = oracle_.inputs.at(sage_ ? "src" : "neighbors").ids();
    lists_.weight.assign(lists_.item.size(), 1.0f);
    if (sage_) return;
    const std::vector<float> counts = oracle_.inputs.at("visit_counts").floats();
    for (int64_t r = 0; r < lists_.rows(); ++r) {
      float sum = 0;
      for (int64_t e = lists_.ptr[r]; e < lists_.ptr[r + 1]; ++e) sum += counts[e];
      for (int64_t e = lists_.ptr[r]; e < lists_.ptr[r + 1]; ++e)
        lists_.weight[e] = counts[e] / sum;
    }
  }

  std::vector<uint32_t> Input(const char* name) const { return oracle_.inputs.at(name).ids(); }

  // The loss of the file from the outputs z of all nodes.
  Var LossOf(Tape& tape, Var z, Var* hinge_scores) {
    const std::vector<uint32_t>&u = ids_[0], &v = ids_[1], &n = ids_[2];
    const Var q = GatherRows(tape, z, tape.Indices(u));
    const Var positive = RowDot(tape, q, GatherRows(tape, z, tape.Indices(v)));
    const Var negatives = GatherRows(tape, z, tape.Indices(n));
    const auto pairs = static_cast<double>(u.size());
    *hinge_scores = MatMul(tape, q, negatives, true);
    positive_ = positive;
    if (!sage_) {
      return SharedNegativeLoss(tape, q, positive, negatives, {}, propagation::PairForm::kMargin,
                                oracle_.number("margin"), pairs * static_cast<double>(n.size()));
    }
    ones_.assign(u.size(), 1.0f);
    const Var near = BceLogits(tape, positive, tape.Floats(ones_), pairs);
    const Var far = SharedNegativeLoss(tape, q, Var{}, negatives, {},
                                       propagation::PairForm::kLogistic, 0, pairs);
    return AddScaled(tape, near, 1, far, oracle_.number("Q_weight"));
  }

  void Check(DType dtype) {
    SCOPED_TRACE(dtype == DType::kF64 ? "float64" : "float32");
    // Weights of lists are float32 here: visit counts have the shares of small integers, which are
    // rounded to 24 bits in both runs.
    const double value_limit = dtype == DType::kF64 ? 1e-7 : 1e-5;
    const double gradient_limit = dtype == DType::kF64 ? 5e-7 : 1e-5;
    ParameterSet set(dtype);
    ConvLayers layers;
    layers.AddParameters(options_, 1, 1, 3, &set);
    const auto names =
        sage_ ? GraphSageNames(options_.layers) : PinSageNames(options_.in_dim, options_.layers);
    const OracleTensor& features = oracle_.parameters.at("features");
    Parameter* x = set.Add("features", features.shape, false, {}, 1);
    const auto theirs = [&](const Parameter& p) {
      return p.name == "features" ? Theirs{"features"} : names.at(p.name);
    };
    for (const auto& p : set.all()) {
      const Theirs from = theirs(*p);
      ASSERT_TRUE(oracle_.parameters.contains(from.name)) << p->name;
      const std::vector<double> values = Columns(oracle_.parameters.at(from.name), from);
      ASSERT_EQ(static_cast<int64_t>(values.size()), p->value.size()) << p->name;
      for (size_t i = 0; i < values.size(); ++i) {
        if (dtype == DType::kF64) {
          p->value.as<double>()[i] = values[i];
        } else {
          p->value.as<float>()[i] = static_cast<float>(values[i]);
        }
      }
    }
    set.ZeroGradients();
    ids_[0] = Input(sage_ ? "pair_u" : "queries");
    ids_[1] = Input(sage_ ? "pair_v" : "positives");
    ids_[2] = Input("negatives");
    const auto n = static_cast<uint32_t>(lists_.rows());
    ConvPlanner plan({n});
    std::vector<std::vector<uint32_t>> wanted(1);
    for (uint32_t i = 0; i < n; ++i) wanted[0].push_back(i);
    const std::vector<std::vector<const NodeLists*>> lists(static_cast<size_t>(options_.layers),
                                                           {&lists_});
    plan.Plan(wanted, lists, {});
    Exec exec(nullptr);
    Arena arena;
    Tape tape(&exec, &arena, dtype);
    std::vector<Var> trace;
    std::vector<std::vector<ConvScratch>> scratch;
    const Var z = layers.Forward(tape, plan, {tape.Use(x)}, &scratch, &trace)[0];
    Var scores;
    const Var loss = LossOf(tape, z, &scores);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    EXPECT_LE(OutputError(ToDoubles(tape.value(z)), oracle_.outputs.at("z").data), value_limit);
    if (!sage_) {
      for (int64_t k = 0; k < options_.layers; ++k) {
        const std::string name = "layer_" + std::to_string(k);
        EXPECT_LE(OutputError(ToDoubles(tape.value(trace[k])), oracle_.outputs.at(name).data),
                  value_limit);
      }
      std::vector<double> hinge = ToDoubles(tape.value(scores));
      const std::vector<double> positive = ToDoubles(tape.value(positive_));
      for (size_t i = 0; i < hinge.size(); ++i) {
        hinge[i] =
            std::max(0.0, hinge[i] - positive[i / ids_[2].size()] + oracle_.number("margin"));
      }
      EXPECT_LE(OutputError(hinge, oracle_.outputs.at("hinge").data), value_limit);
    }
    EXPECT_LE(ScalarError(tape.Scalar(loss), oracle_.losses.at("total")), value_limit);
    tape.Backward(loss);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    const double largest = LargestGradient(oracle_.gradients);
    // The slopes of a pair loss add up to zero over the rows of z, so those of the head's bias
    // nearly cancel: in pinsage_importance one float32 digit of z is 1.4e-5 of their sum.
    const double bias_limit = dtype == DType::kF64 ? gradient_limit : 2e-5;
    for (const auto& p : set.all()) {
      const Theirs from = theirs(*p);
      EXPECT_LE(GradientError(ToDoubles(p->grad), Columns(oracle_.gradients.at(from.name), from),
                              largest),
                p->name == "head_bias" ? bias_limit : gradient_limit)
          << "gradient of " << p->name;
    }
  }

  Oracle oracle_;
  bool sage_ = false;
  LayerOptions options_;
  NodeLists lists_;
  std::vector<uint32_t> ids_[3];
  std::vector<float> ones_;
  Var positive_;
};

TEST_P(ConvolutionOracle, ReproducesTheFile) {
  Check(DType::kF64);
  Check(DType::kF32);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvolutionOracle);
INSTANTIATE_TEST_SUITE_P(PinSage, ConvolutionOracle, testing::ValuesIn(ListOracles("pinsage_")),
                         [](const auto& info) { return OracleTestName(info.param); });
INSTANTIATE_TEST_SUITE_P(GraphSage, ConvolutionOracle, testing::ValuesIn(ListOracles("graphsage_")),
                         [](const auto& info) { return OracleTestName(info.param); });

}  // namespace
}  // namespace undula::models
