// Every op_* and optimizer_* file of $UNDULA_SHARED/oracles, in float32 and float64, with the
// tolerances of oracles/README.md. An op_* file without a case in conformance/op_cases.cc is
// skipped as not implemented; the summary test lists and counts those.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "propagation/ops/gather.h"
#include "propagation/optim/optimizer.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/oracle_file.h"

namespace undula::propagation {
namespace {

struct Tolerance {
  double output, gradient;
};
Tolerance ToleranceOf(DType type) {
  return type == DType::kF64 ? Tolerance{1e-8, 1e-7} : Tolerance{1e-5, 1e-5};
}

std::string OpName(const std::string& oracle) { return oracle.substr(std::string("op_").size()); }

class OpOracle : public testing::TestWithParam<std::string> {
 protected:
  void Check(const Oracle& oracle, const OpCase& op, DType type) {
    SCOPED_TRACE(type == DType::kF64 ? "float64" : "float32");
    const Tolerance tolerance = ToleranceOf(type);
    OpRun run(type);
    OpCaseRun result;
    op.run(oracle, run, &result);
    ASSERT_TRUE(run.tape().status().ok()) << run.tape().status();
    for (const auto& [name, expected] : oracle.outputs) {
      ASSERT_TRUE(result.outputs.contains(name)) << "the case does not compute " << name;
      EXPECT_LE(OutputError(result.outputs.at(name), expected.data), tolerance.output) << name;
    }
    ASSERT_TRUE(oracle.losses.contains("total"));
    EXPECT_LE(ScalarError(run.tape().Scalar(result.loss), oracle.losses.at("total")),
              tolerance.output);
    run.tape().Backward(result.loss);
    ASSERT_TRUE(run.tape().status().ok()) << run.tape().status();
    const double largest = LargestGradient(oracle.gradients);
    ASSERT_FALSE(oracle.gradients.empty());
    for (const auto& [name, expected] : oracle.gradients) {
      ASSERT_TRUE(result.parameters.contains(name)) << "the case does not use " << name;
      EXPECT_LE(GradientError(run.Grad(result.parameters.at(name)), expected.data, largest),
                tolerance.gradient)
          << "gradient of " << name;
    }
  }
};

TEST_P(OpOracle, ReproducesTheFile) {
  const OpCase* op = FindOpCase(OpName(GetParam()));
  if (op == nullptr) GTEST_SKIP() << "not implemented: " << OpName(GetParam());
  const absl::StatusOr<Oracle> oracle = ReadOracle(GetParam());
  ASSERT_TRUE(oracle.ok()) << oracle.status();
  Check(*oracle, *op, DType::kF32);
  Check(*oracle, *op, DType::kF64);
}

INSTANTIATE_TEST_SUITE_P(Oracles, OpOracle, testing::ValuesIn(ListOracles("op_")),
                         [](const auto& info) { return OracleTestName(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpOracle);

// Every case has its file, and the files without a case are listed.
TEST(OpOracleSummary, CountsCases) {
  const std::vector<std::string> files = ListOracles("op_");
  if (files.empty()) GTEST_SKIP() << "no oracles in UNDULA_SHARED";
  std::string missing;
  size_t implemented = 0;
  for (const std::string& file : files) {
    if (FindOpCase(OpName(file)) != nullptr) {
      ++implemented;
    } else {
      missing += " " + OpName(file);
    }
  }
  EXPECT_EQ(implemented, OpCases().size()) << "a case of op_cases.cc has no oracle file";
  RecordProperty("implemented", static_cast<int>(implemented));
  RecordProperty("not_implemented", static_cast<int>(files.size() - implemented));
  std::cout << "op oracles: " << implemented << " of " << files.size()
            << " implemented; not implemented:" << (missing.empty() ? " none" : missing) << "\n";
}

// Optimizer files: optimizer_KIND or optimizer_sparse_KIND.
struct OptimizerCase {
  OptimizerOptions options;
  bool sparse = false;
};

OptimizerCase MakeOptimizerCase(const Oracle& oracle) {
  OptimizerCase c;
  std::string kind = oracle.name.substr(std::string("optimizer_").size());
  c.sparse = kind.starts_with("sparse_");
  if (c.sparse) kind = kind.substr(std::string("sparse_").size());
  kind = kind.substr(0, kind.find('_'));
  c.options.kind = c.sparse && kind == "adam" ? "lazy_adam" : kind;
  c.options.learning_rate = oracle.number("lr");
  c.options.weight_decay = oracle.number("weight_decay");
  c.options.momentum = oracle.number("momentum");
  return c;
}

void Write(const Tensor& t, const std::vector<double>& values, size_t from = 0) {
  for (int64_t i = 0; i < t.size(); ++i) {
    if (t.dtype == DType::kF64) {
      t.as<double>()[i] = values[from + i];
    } else {
      t.as<float>()[i] = static_cast<float>(values[from + i]);
    }
  }
}

class OptimizerOracle : public testing::TestWithParam<std::string> {
 protected:
  void Check(const Oracle& oracle, const OptimizerCase& c, DType type, const std::string& suffix) {
    SCOPED_TRACE(type == DType::kF64 ? "float64" : "float32");
    const OracleTensor& start = oracle.inputs.at("parameters");
    ParameterSet set(type);
    Parameter* p = set.Add("p", start.shape, c.sparse, Init{}, 0);
    Write(p->value, start.data);
    auto optimizer = Optimizer::Create(c.options, &set);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    OpRun memory(type);
    for (int step = 1; step <= 5; ++step) {
      set.ZeroGradients();
      const std::string number = std::to_string(step);
      if (c.sparse) {
        // Through the tape, which sums repeated rows.
        Tape& tape = memory.tape();
        const OracleTensor& values = oracle.inputs.at("values_" + number);
        const Var y = GatherRows(tape, p, memory.Ids(oracle.inputs.at("rows_" + number).ids()));
        tape.AddGradient(y, memory.Floats(Values{values.shape, values.data}));
        tape.BackwardAll();
        ASSERT_TRUE(tape.status().ok()) << tape.status();
      } else {
        Write(p->grad, oracle.inputs.at("gradients").data,
              static_cast<size_t>((step - 1) * p->value.size()));
      }
      ASSERT_TRUE((*optimizer)->Step(nullptr).ok());
      memory.tape().Reset();
      const double tolerance = type == DType::kF64 ? 1e-8 : 1e-6;
      EXPECT_LE(
          OutputError(OpRun::Read(p->value), oracle.outputs.at("after_" + number + suffix).data),
          tolerance)
          << "after step " << step << suffix;
    }
  }
};

TEST_P(OptimizerOracle, ReproducesEveryStep) {
  const absl::StatusOr<Oracle> oracle = ReadOracle(GetParam());
  ASSERT_TRUE(oracle.ok()) << oracle.status();
  OptimizerCase c = MakeOptimizerCase(*oracle);
  for (const DType type : {DType::kF32, DType::kF64}) {
    Check(*oracle, c, type, "");
    if (oracle->outputs.contains("after_1_per_row")) {
      OptimizerCase per_row = c;
      per_row.options.per_row_steps = true;
      Check(*oracle, per_row, type, "_per_row");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Oracles, OptimizerOracle, testing::ValuesIn(ListOracles("optimizer_")),
                         [](const auto& info) { return OracleTestName(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OptimizerOracle);

}  // namespace
}  // namespace undula::propagation
