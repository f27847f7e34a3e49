// Oracle files of $UNDULA_SHARED/oracles (their README.md has the format and the tolerances), read
// into plain structs, and the comparisons that the README prescribes.
#ifndef UNDULA_TESTS_CONFORMANCE_ORACLE_FILE_H_
#define UNDULA_TESTS_CONFORMANCE_ORACLE_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace undula {

struct OracleTensor {
  std::vector<int64_t> shape;
  std::vector<double> data;  // row-major

  int64_t size() const { return static_cast<int64_t>(data.size()); }
  std::vector<uint32_t> ids() const { return {data.begin(), data.end()}; }
  std::vector<int64_t> integers() const { return {data.begin(), data.end()}; }
  std::vector<float> floats() const { return {data.begin(), data.end()}; }
};

using OracleTensors = std::map<std::string, OracleTensor>;

struct Oracle {
  std::string name;   // the file's name without .json
  std::string model;  // "model" of the file
  std::string notes;
  std::map<std::string, double> numbers;     // config: numbers, and booleans as 0 or 1
  std::map<std::string, std::string> texts;  // config: strings
  OracleTensors inputs, parameters, gradients;
  // A plain number is a tensor of shape []; lists of lists or of objects are left out.
  OracleTensors outputs;
  std::map<std::string, double> losses;  // a single loss is "total"; empty where the case has none
  std::map<std::string, OracleTensors> gradients_of_terms;

  double number(const std::string& key, double missing = 0) const {
    const auto it = numbers.find(key);
    return it == numbers.end() ? missing : it->second;
  }
  std::string text(const std::string& key) const {
    const auto it = texts.find(key);
    return it == texts.end() ? "" : it->second;
  }
};

// Names (without .json), sorted, of the oracles whose names start with `prefix`; empty where the
// shared folder is missing.
std::vector<std::string> ListOracles(std::string_view prefix);

// NotFound without the file, DataLoss where it does not parse.
absl::StatusOr<Oracle> ReadOracle(std::string_view name);

// For INSTANTIATE_TEST_SUITE_P over ListOracles: a name that GoogleTest accepts.
std::string OracleTestName(std::string_view oracle);

// max|a - b| / max|b|; for a gradient the divisor is at least 1e-3 of `largest_gradient`; for a
// single number |a - b| / max(|b|, 1). Infinite where sizes differ or a value is not finite.
double OutputError(const std::vector<double>& a, const std::vector<double>& b);
double GradientError(const std::vector<double>& a, const std::vector<double>& b,
                     double largest_gradient);
double ScalarError(double a, double b);
// The largest |entry| of all gradients of the file.
double LargestGradient(const OracleTensors& gradients);

}  // namespace undula

#endif  // UNDULA_TESTS_CONFORMANCE_ORACLE_FILE_H_
