// The operators that exist, as functions of their oracle files: op_NAME.json is computed by the
// case NAME. A new operator adds one entry in op_cases.cc.
#ifndef UNDULA_TESTS_CONFORMANCE_OP_CASES_H_
#define UNDULA_TESTS_CONFORMANCE_OP_CASES_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor_map.h"
#include "tests/conformance/oracle_file.h"
#include "tests/propagation/op_run.h"

namespace undula::propagation {

// What a case computed: the oracle's outputs by name, and its parameters as leaves whose gradients
// are wanted. `loss` is what Backward starts from.
struct OpCaseRun {
  std::map<std::string, Var> parameters;
  std::map<std::string, std::vector<double>> outputs;
  Var loss;
};

struct OpCase {
  std::string_view name;
  void (*run)(const Oracle& oracle, OpRun& run, OpCaseRun* out);
};

std::span<const OpCase> OpCases();
const OpCase* FindOpCase(std::string_view name);

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_CONFORMANCE_OP_CASES_H_
