// No oracle file goes unseen: each belongs to a runner below, or to a model that is not in the
// registry yet and is listed as skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "models/registry.h"
#include "tests/conformance/oracle_file.h"

namespace undula {
namespace {

// "model" of a file -> the prefix of the files that a runner lists, and the runner.
struct Runner {
  std::string_view model, prefix, test;
};
constexpr Runner kRunners[] = {
    {"operator", "op_", "tests/propagation/oracle_test.cc"},
    {"optimizer", "optimizer_", "tests/propagation/oracle_test.cc"},
    {"metrics", "metrics_", "tests/models/metrics_oracle_test.cc"},
    {"RippleNet", "ripplenet_", "tests/models/ripplenet_oracle_test.cc"},
    {"KGCN", "kgcn_", "tests/models/kgcn_oracle_test.cc"},
    {"KGNN-LS", "kgnnls_", "tests/models/kgcn_oracle_test.cc"},
    {"TransE", "transe_", "tests/models/kge_oracle_test.cc"},
    {"TransH", "transh_", "tests/models/kge_oracle_test.cc"},
    {"TransR", "transr_", "tests/models/kge_oracle_test.cc"},
    {"DistMult", "distmult_", "tests/models/kge_oracle_test.cc"},
    {"PinSAGE", "pinsage_", "tests/models/convolution_oracle_test.cc"},
    {"GraphSAGE", "graphsage_", "tests/models/convolution_oracle_test.cc"},
    {"PinnerSage", "pinnersage_", "tests/models/pinnersage_test.cc"},
    {"random walk", "walk_", "tests/propagation/walk_oracle_test.cc"},
    {"SR-GNN", "srgnn_", "tests/models/sequence_oracle_test.cc"},
    {"KSR", "ksr_", "tests/models/sequence_oracle_test.cc"},
    {"KGSR", "kgsr", "tests/models/sequence_oracle_test.cc"},
};

// "KGNN-LS" -> "kgnn_ls", the form of registry names.
std::string RegistryName(std::string_view model) {
  std::string name;
  for (const char c : model) {
    name.push_back(std::isalnum(static_cast<unsigned char>(c))
                       ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                       : '_');
  }
  return name;
}

class OracleCoverage : public testing::TestWithParam<std::string> {};

TEST_P(OracleCoverage, HasARunnerOrIsNotImplemented) {
  const absl::StatusOr<Oracle> oracle = ReadOracle(GetParam());
  ASSERT_TRUE(oracle.ok()) << oracle.status();
  for (const Runner& runner : kRunners) {
    if (oracle->model != runner.model) continue;
    EXPECT_EQ(oracle->name.rfind(runner.prefix, 0), 0u)
        << runner.test << " lists files named " << runner.prefix << "* and would miss this one";
    return;
  }
  ASSERT_FALSE(models::FindModel(RegistryName(oracle->model)).ok())
      << oracle->model << " is in the registry: give its oracles a runner";
  GTEST_SKIP() << "not implemented: " << oracle->model;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OracleCoverage);
INSTANTIATE_TEST_SUITE_P(Files, OracleCoverage, testing::ValuesIn(ListOracles("")),
                         [](const auto& info) { return OracleTestName(info.param); });

}  // namespace
}  // namespace undula
